"""The tail: where items are handed out, and settled.

An item is *out* from the moment a consumer takes it until it is settled. What is out is known
twice: by the holder that has it (in memory), and in the process's claims file, from which
somebody else learns it once the process is dead.

Everything before the position in the cursor's newer slot is settled. An item settled while an
older one is out is marked DONE in its frame; the slot passes over it later.

What a call may rely on, and what is written when, is numbered in DESIGN.md (I9 to I14).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator

from pq_core.log import recovery
from pq_core.log.cursor import (
    L_SEQ,
    P_SEQ,
    T_CAREFUL,
    T_RETURNED,
    T_SEQ,
    T_SKIP,
    Position,
    Settled,
)
from pq_core.log.frame import LIVE
from pq_core.log.holder import Holder, Out
from pq_core.log.taking import SWEEP_SECONDS, Taking
from pq_core.log.view import View

__all__ = ["Tail"]


class Tail(Taking):
    """The tail of one queue in this process, with what is rarely done to it."""

    def peek(self) -> tuple[int, bytes] | None:
        """The item that the next take would hand out, or None."""
        with self.locked():
            item = next(self._view().items(), None)
            return None if item is None else (item.seq, item.payload)

    def browse(self) -> Iterator[tuple[int, bytes]]:
        """The items that are ready now, in order; ones taken meanwhile may be left out."""
        with self.locked():
            spans = self._view().spans
        for start, stop in spans:
            position: Position | None = start
            while position is not None:
                with self.locked():
                    view = self._view()
                    settled = Settled(*self._settled).position
                    position = max(position, settled, key=lambda at: at.seq)
                    ready, position = view.part(position, stop)
                yield from ready

    def settle_one(self, holder: Holder, seq: int, *, full: bool) -> None:
        """Settles one item of a holder. See `settle`."""
        with self.locked():
            out = self._cut(holder, seq)
            if out is None:
                return
            self._settle([out])
            generation = self._settled[4]
        if full:
            self.syncing.reach(generation)

    def give_back_one(self, holder: Holder, seq: int) -> None:
        """Makes one item of a holder ready again; it is the next one that is handed out."""
        with self.locked():
            out = self._cut(holder, seq)
            if out is not None:
                # I9: it is in two lists for a moment, never in none.
                index = self._owners.claim(out.segment, out.offset, seq, out.stop)
                self._owners.give_back(index)
                self._owners.free(out.index)
                self._sweep()

    def _cut(self, holder: Holder, seq: int) -> Out | None:
        """Takes one item out of what a holder has; None where it does not have it.

        The run in the claims file is left as it was, for the caller to free.
        """
        out = next((out for out in holder.outs if out.first <= seq < out.stop), None)
        if out is None:
            return None
        start = Position(out.segment, out.offset, out.first)
        for segment, item in self._walk(start, seq + 1):
            here = Position(segment.number, item.offset, item.seq)
            end = Position(segment.number, item.end, item.following)
            mark = item.mark
        holder.outs.remove(out)
        if out.first < seq:
            index = self._owners.claim(out.segment, out.offset, out.first, seq)
            before = Out(out.segment, out.offset, out.first, out.mark, *here, index)
            holder.outs.append(before)
        if end.seq < out.stop:
            segment, item = next(self._walk(end, out.stop))
            behind = Position(segment.number, item.offset, item.seq)
            index = self._owners.claim(*behind, out.stop)
            rest = (out.end_segment, out.end_offset, out.stop)
            holder.outs.append(Out(*behind, item.mark, *rest, index))
        holder.outs.sort(key=lambda out: out.first)
        return Out(*here, mark, *end, out.index)

    def give_back(self, holders: Iterable[Holder]) -> None:
        """Makes everything that the holders have ready again."""
        with self.locked():
            for holder in holders:
                for out in holder.outs:
                    self._owners.give_back(out.index)
                holder.outs = []
            self._sweep()

    def mend(self, holder: Holder, seen: int, in_use: Callable[[], set[int]]) -> None:
        """Puts right what an interrupt in the middle of a call of this process has left.

        Args:
            holder: whose call that was.
            seen: how many of its items somebody knows of; the last ones beyond that go back.
            in_use: the runs that somebody answers for.
        """
        with self.locked():
            self._owners.mend({*in_use(), *(out.index for out in holder.outs)})
            settled = self._settled[2]
            for out in [out for out in holder.outs if out.stop <= settled]:
                holder.outs.remove(out)
                self._owners.free(out.index)
            while holder.count() > max(0, seen):
                last = self._cut(holder, holder.outs[-1].stop - 1)
                assert last is not None
                if not self._owners.has_back(last.first):  # it was just being taken from there
                    # I9: as in `give_back_one`.
                    index = self._owners.claim(last.segment, last.offset, last.first, last.stop)
                    self._owners.give_back(index)
                self._owners.free(last.index)
            self._sweep()

    def clear(self, *, full: bool) -> int:
        """Settles everything that is ready. Returns how many items that were."""
        with self.locked():
            self._sweep()
            dropped = 0
            while self._words[T_RETURNED] and self._take_returned(None):
                dropped += 1
            stop = self._head.published()
            if self._settled[2] == self._seq >= self._words[T_CAREFUL]:
                dropped += max(0, stop.seq - self._seq - self._words[T_SKIP])
                self._segment, self._offset, self._seq = stop
                self._move_settled(stop, 0)
            else:
                low, marked = Settled(*self._settled).position, self._settled[3]
                for segment, item in self._walk(self._position(), stop.seq):
                    if item.state == LIVE and not self._owners.holding(item.seq):
                        self._marks.mark(segment, item.mark)
                        marked += 1
                        dropped += 1
                self._segment, self._offset, self._seq = stop
                self._move_settled(low, marked)
            self._words[T_SKIP] = 0
            generation = self._settled[4]
        if full:
            self.syncing.reach(generation)
        return int(dropped)

    def sweep(self) -> None:
        """Makes what dead consumers had ready again."""
        with self.locked():
            self._sweep()

    def tidy(self) -> None:
        """Passes over what a killed consumer had settled and not accounted for, now and then."""
        if time.monotonic() - self._swept >= SWEEP_SECONDS:
            with self.locked():
                self._sweep()
                self._reach()

    def heal(self) -> None:
        """Sets everything aside that is damaged. The caller holds the lock (`locked`)."""
        position, stop = Settled(*self._settled).position, self._words[P_SEQ]
        while position.seq < stop:
            segment, frame = recovery.find(self._store, position, self._head)
            recovery.mend_marks(self._store, segment, frame)
            position = Position(segment.number, frame.end, frame.following)

    def renew(self) -> None:
        """Writes both slots anew. The caller holds the lock."""
        for _ in range(2):
            self._move_settled(Settled(*self._settled).position, self._settled[3])
        self._disk.datasync(self._store.cursor_fd)

    def ready(self) -> int:
        """How many items could be taken now. Reads only memory."""
        words = self._words
        for _ in range(3):
            taken = words[T_SEQ]
            ready = words[P_SEQ] - taken + words[T_RETURNED] - words[T_SKIP]
            if words[T_SEQ] == taken:  # else the counts are of different moments
                break
        return int(max(0, ready))

    def settled_all(self) -> bool:
        """Whether every item that was ever put is settled. Reads only memory."""
        words = self._words
        settled = words[L_SEQ]
        return bool(settled >= words[P_SEQ])

    def snapshot(self) -> tuple[int, int, int | None]:
        """Of one moment: how many items are ready and out, and the oldest one's time (ns)."""
        with self.locked():
            self._sweep()
            item = next(self._view().items(), None)
            return self.ready(), self._owners.count(), None if item is None else item.time

    def _view(self) -> View:
        """What is ready, of this moment."""
        returned = [
            (run.start, run.stop)
            for _, run in self._owners.returned()
            if recovery.lies_at(self._store, run.start)
        ]
        spans = [*sorted(returned), (self._position(), self._words[P_SEQ])]
        return View(self._walk, self._owners, spans, self._settled[2], self._words[T_CAREFUL])
