"""Items settled while an older one is still out: marked in their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from pq_core.errors import StorageError
from pq_core.log.cursor import Position
from pq_core.log.frame import DONE, FRAME, HEADER_BYTES, LIVE, Item
from pq_core.log.holder import Out
from pq_core.log.store import Segment, Store

__all__ = ["Marks"]

#: How many bytes are read at most to find where the marked items end, and how many for each that
#: is known to be marked: one read for a hundred items is a hundredth of a read for each.
_WINDOW: Final = 1 << 16
_ITEM: Final = 256

Walk = Callable[[Position, int], Iterator[tuple[Segment, Item]]]


class Marks:
    """Writes and reads the marks. The caller holds the tail lock.

    Args:
        store: the queue.
        walk: the items from a position up to before a seq.
    """

    def __init__(self, store: Store, walk: Walk) -> None:
        self._store = store
        self._walk = walk
        # Segments with marks that are not synced yet.
        self._dirty: dict[int, Segment] = {}

    def mark(self, segment: Segment, at: int) -> None:
        """Marks the item whose state stands at `at`."""
        disk = self._store.disk
        if disk.pwrite(segment.fd, DONE, at) != len(DONE):
            disk.write_all(segment.fd, DONE, at)
        self._dirty[segment.number] = segment

    def mark_all(self, out: Out) -> int:
        """Marks every item of `out`; how many that were."""
        if out.stop == out.first + 1:
            self.mark(self._store.segment(out.segment), out.mark)
            return 1
        marked = 0
        start = Position(out.segment, out.offset, out.first)
        for segment, item in self._walk(start, out.stop):
            if item.state == LIVE:
                self.mark(segment, item.mark)
                marked += 1
        return marked

    def behind(self, position: Position, stop: int, marked: int) -> Position | None:
        """The position behind the items that are settled or lost, as far as one read tells.

        Args:
            position: where to begin.
            stop: the seq before which to end.
            marked: how many are marked, as far as is known.

        Returns:
            None where the first item is neither settled nor lost.
        """
        number, offset, seq = position
        with suppress(FileNotFoundError, StorageError):
            segment = self._store.segment(number)
            size = min(_WINDOW, HEADER_BYTES + _ITEM * marked)
            data = self._store.disk.pread(segment.fd, size, offset)
            last, at, state = len(data) - HEADER_BYTES, 0, DONE
            while seq < stop and at <= last:
                state, _, length, found, _ = FRAME.unpack_from(data, at)
                if found != seq or state != DONE:
                    break
                at += HEADER_BYTES + length
                seq += 1
            if seq > position.seq:
                return Position(number, offset + at, seq)
            if at <= last and found == seq and state == LIVE:
                return None
        segment, item = next(self._walk(position, position.seq + 1))
        if item.state == LIVE:
            return None
        return Position(segment.number, item.end, item.following)

    def forget(self, stop: int) -> None:
        """The segments before `stop` are about to be removed."""
        for number in [number for number in self._dirty if number < stop]:
            del self._dirty[number]

    def unsynced(self) -> list[Segment]:
        """The segments with marks that are not synced yet; from now on they count as synced."""
        dirty, self._dirty = self._dirty, {}
        return list(dirty.values())
