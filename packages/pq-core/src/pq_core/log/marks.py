"""Items settled while an older one is still out: marked in their frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress

from pq_core.errors import StorageError
from pq_core.log.cursor import Position
from pq_core.log.frame import DONE, FRAME, HEADER_BYTES, LIVE, Item
from pq_core.log.holder import Out
from pq_core.log.store import Segment, Store

__all__ = ["Marks"]

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
        self._store.disk.write_all(segment.fd, DONE, at)
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

    def behind(self, position: Position) -> Position | None:
        """The position behind an item that is settled or lost, or None where it is neither."""
        with suppress(FileNotFoundError, StorageError):
            segment = self._store.segment(position.segment)
            raw = self._store.disk.pread(segment.fd, HEADER_BYTES, position.offset)
            if len(raw) == HEADER_BYTES:
                state, _, length, seq, _ = FRAME.unpack(raw)
                if seq == position.seq and state == DONE:
                    end = position.offset + HEADER_BYTES + length
                    return Position(position.segment, end, seq + 1)
                if seq == position.seq and state == LIVE:
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
