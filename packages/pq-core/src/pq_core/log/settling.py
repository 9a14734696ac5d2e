"""Settling items: what every task_done goes through.

What a call may rely on, and what is written when, is numbered in DESIGN.md (I9 to I11).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final
from zlib import crc32

from pq_core.errors import StorageError
from pq_core.log import recovery
from pq_core.log.ahead import NOTHING, Ahead
from pq_core.log.cursor import (
    CHECK,
    H_SEGMENT,
    P_SEQ,
    SLOT,
    SLOT_CRC,
    SLOTS_AT,
    T_GENERATION,
    T_SKIP,
    Position,
    pack_slot,
)
from pq_core.log.frame import Item
from pq_core.log.group import GroupSync
from pq_core.log.head import Head
from pq_core.log.holder import Holder, Out
from pq_core.log.marks import Marks
from pq_core.log.segment import FRAMES_AT
from pq_core.log.sharing import CLOSED
from pq_core.log.store import Segment, Store, failure
from pq_core.log.words import TAIL_SPAN, TailWords, pack_words

__all__ = ["Settling"]

slot_words, put_slot = SLOT.pack, SLOT_CRC.pack_into  # bound once

#: A drained segment of this many bytes is given back to the file system.
_DRAINED: Final = 1 << 20


class Settling(TailWords):
    """Settles what the threads of this process have out, and lets go of segments."""

    def __init__(self, store: Store, head: Head) -> None:
        super().__init__(store)
        self._head = head
        # Items read ahead from the tail on. All were valid, live and published.
        self._ahead: Ahead = NOTHING
        # The seq where what is settled ends, where the item there was seen to be out; else -1.
        self._held = -1
        self._following = (0, 0)  # a segment, and the seq with which the one after it begins
        self._marks = Marks(store, self._walk)
        self.syncing = GroupSync(store.latch, self._sync_settled, self._sync_failed)

    def close(self) -> None:
        """As `TailWords.close`; no descriptor of a segment waits for the garbage collector."""
        super().close()
        self._marks.unsynced()

    def abandon(self) -> None:
        """As `TailWords.abandon`; the parent's descriptors of segments are closed as well."""
        super().abandon()
        self._marks.unsynced()

    def sync(self) -> None:
        """Returns once everything that is settled is on the medium.

        Raises:
            StorageError: the sync failed.
        """
        with self._mutex:
            generation = self._settled[4]
        self.syncing.reach(generation)

    def settle(self, holder: Holder, *others: Holder, full: bool) -> None:
        """Settles all that these have. Durable on return with `full`.

        Raises:
            StorageError: what of it is settled is unknown; nothing else was touched.
        """
        words = self._words
        with self._mutex:
            try:
                self._turn.enter()
                if words[T_GENERATION] != self._generation:
                    self._refresh()
                outs = holder.outs
                if others or len(outs) != 1 or not self._settle_alone(outs[0]):
                    self._settle([*outs, *(out for each in others for out in each.outs)])
                for each in others:
                    each.outs = []
                holder.outs = []
                generation = self._settled[4]
            except BaseException as error:
                self._generation = -1
                if isinstance(error, OSError):
                    raise failure(error, self._store.path) from error
                raise
            finally:
                self._turn.leave()
        if full:
            self.syncing.reach(generation)

    def _moved(self) -> None:
        self._ahead = NOTHING
        self._held = -1

    def _walk(self, position: Position, stop: int) -> Iterator[tuple[Segment, Item]]:
        """The items from `position` up to before the seq `stop`; damage is set aside."""
        while position.seq < stop:
            segment, frame = recovery.find(self._store, position, self._head)
            for item in frame.items(position.seq):
                if item.seq >= stop:
                    return
                yield segment, item
                position = Position(segment.number, item.end, item.following)

    def _settle_alone(self, out: Out) -> bool:
        """`_settle` of the one run that is out, where nothing else has to be done; whether it was.

        This is what most consumers do, so pack_slot and _write stand here in line.
        """
        words = self._words
        segment, offset, seq = out.end_segment, out.end_offset, out.stop
        before, _, low, _, turn = self._settled
        if (
            out.first != low
            or seq != self._seq
            or segment != before
            or (segment != words[H_SEGMENT] and seq >= self._end_of(segment))
            or (offset >= _DRAINED and seq == words[P_SEQ])
        ):
            return False
        turn += 1
        marked = words[T_SKIP]
        self._settled = (segment, offset, seq, marked, turn)
        buffer = self._buffer
        raw = slot_words(segment, offset, seq, marked, turn)
        put_slot(buffer, SLOTS_AT[turn & 1], raw, crc32(raw))
        number, at = self._segment, self._offset
        self._generation = generation = self._generation + 1
        check = number ^ at ^ segment ^ offset ^ marked ^ turn ^ CHECK  # seq stands there twice
        buffer[TAIL_SPAN] = pack_words(
            number, at, seq, segment, offset, seq, marked, turn, check, generation
        )
        self._owners.free(out.index)
        return True

    def _end_of(self, segment: int) -> int:
        """The seq with which the next segment begins; that is not to be told, 0."""
        number, end = self._following
        if number != segment:
            end = 0
            with suppress(FileNotFoundError, StorageError):
                end = self._store.segment(segment + 1).first
            self._following = segment, end
        return end

    def _settle(self, outs: list[Out]) -> None:
        """Settles these items (I10): first the slot or the marks, then the claims."""
        l_segment, l_offset, l_seq, marked, _ = self._settled
        if len(outs) > 1:
            outs.sort(key=lambda out: out.first)
        low = (l_segment, l_offset, l_seq)
        for out in outs:
            if out.first == low[2]:
                low = (out.end_segment, out.end_offset, out.stop)
            else:
                marked += self._marks.mark_all(out)
        # Marks may be more than were counted: their writer was killed before it did. The oldest item
        # that is out is never marked, so it is looked at once and not with each that overtakes it.
        while low[2] < self._seq and (low[2] != l_seq or (marked and low[2] != self._held)):
            after = self._marks.behind(Position(*low), self._seq, marked)
            if after is None:
                self._held = low[2]
                break
            marked = max(0, marked - (after.seq - low[2]))
            low = after
        # Where nothing is out, what is marked lies ahead of the tail: it was put back to here.
        self._move_settled(low, self._words[T_SKIP] if low[2] == self._seq else marked)
        for out in outs:
            if out.index >= 0:
                self._owners.free(out.index)

    def _move_settled(self, low: tuple[int, int, int], marked: int) -> None:
        """Writes the next slot, then drops the segments that nobody needs any more (I11)."""
        before = self._settled[0]
        segment, offset, seq = low
        if segment < self._words[H_SEGMENT]:
            with suppress(FileNotFoundError, StorageError):
                if self._store.segment(segment + 1).first == seq:
                    # Nothing of this one is needed any more: let it go now.
                    segment, offset = segment + 1, FRAMES_AT
                    if self._seq == seq:
                        self._segment, self._offset, self._ahead = segment, offset, NOTHING
        if self._seq < seq:
            # The tail was put back while the item was out, and nothing else tells that it is settled.
            self._segment, self._offset, self._seq, self._ahead = segment, offset, seq, NOTHING
        generation = self._settled[4] + 1
        self._settled = settled = (segment, offset, seq, marked, generation)
        pack_slot(self._buffer, SLOTS_AT[generation & 1], settled)
        self._write(self._seq)
        if offset >= _DRAINED and seq == self._words[P_SEQ] == self._seq:
            drained = None
            with suppress(OSError, StorageError):
                drained = self._head.roll_drained(Position(*low), _DRAINED)
            if drained is not None:
                self._segment, self._offset, _ = drained
                self._ahead = NOTHING
                self._move_settled(drained, 0)
                return
        if segment > before:
            self._drop(before, segment)

    def _drop(self, first: int, stop: int) -> None:
        """Removes the segments from `first` up to before `stop`, once the cursor is durable.

        The items are settled, whatever goes wrong here: what is left over goes in the next open.
        """
        self._marks.forget(stop)
        try:
            # The cursor names a segment that may be there in memory only.
            self._store.latch.guard(self._disk.sync_directory, self._store.path)
            self._store.latch.guard(self._disk.datasync, self._store.cursor_fd)
        except OSError:
            return
        for number in range(first, stop):
            self._store.forget(number)
            with suppress(OSError):
                self._disk.unlink(self._store.segment_path(number))

    def _sync_settled(self) -> int:
        """Syncs the slots and the marks before them; the generation that is durable with it."""
        with self._mutex:
            if self._turn is CLOSED:
                CLOSED.enter()
            generation = self._settled[4]
            marked = self._marks.unsynced()
        for segment in marked:
            self._disk.datasync(segment.fd)
        self._disk.datasync(self._store.cursor_fd)
        return generation

    def _sync_failed(self, error: OSError, _: int) -> StorageError:
        with self._mutex:
            self._generation = -1
        return StorageError(
            f"{self._store.path}: the sync failed ({error.strerror}), so the item may come again "
            "after a power cut; close the queue and open it again"
        )
