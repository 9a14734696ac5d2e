"""Handing out items: what every get goes through.

What a call may rely on, and what is written when, is numbered in DESIGN.md (I9 to I14).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TypeAlias

from pq_core.errors import StorageError
from pq_core.log import recovery
from pq_core.log.ahead import NOTHING, read_ahead
from pq_core.log.claims import STOP
from pq_core.log.cursor import (
    P_SEQ,
    T_CAREFUL,
    T_GENERATION,
    T_RETURNED,
    T_REWOUND,
    T_SKIP,
    Position,
    Settled,
)
from pq_core.log.frame import DONE, LIVE, state_of
from pq_core.log.head import Head
from pq_core.log.holder import Holder, Out
from pq_core.log.segment import FRAMES_AT
from pq_core.log.settling import Settling
from pq_core.log.store import Store, failure

__all__ = ["NONE", "SWEEP_SECONDS", "Taken", "Taking"]

#: The seqs of items and, side by side with them, their payloads. Pairs cost get_many a twentieth.
Taken: TypeAlias = "tuple[Sequence[int], list[bytes]]"
#: Nothing was ready. Nobody adds to it.
NONE: Final[Taken] = ((), [])

#: Dead consumers are looked for once in this many takes, and when there is nothing to take at
#: most once in this many seconds.
_SWEEP_TAKES: Final = 256
SWEEP_SECONDS: Final = 0.2


class Taking(Settling):
    """Hands out items to all threads of this process, and takes turns with other processes."""

    def __init__(self, store: Store, head: Head) -> None:
        super().__init__(store, head)
        self._first = 0  # the seq of the first item that is read ahead
        self._takes = 0
        self._swept = 0.0

    def take(self, holder: Holder | None, count: int) -> Taken:
        """Hands out at most `count` items, in order; none where none is ready.

        Args:
            holder: where to note what is out; None settles the items at once. That is on the
                medium after `sync`.
            count: at least 1.

        Returns:
            the seqs and, side by side with them, the payloads.

        Raises:
            StorageError: nothing was handed out; the cause is the OSError.
        """
        words = self._words
        with self._mutex:
            try:
                self._turn.enter()
                if words[T_GENERATION] != self._generation:
                    self._refresh()
                self._takes -= 1
                if self._takes < 0:
                    self._sweep()
                if words[T_RETURNED] and (found := self._take_returned(holder)):
                    return [found[0]], [found[1]]
                seqs, taken = self._hand_out(holder, count)
            except BaseException as error:
                self._generation = -1
                if isinstance(error, OSError):
                    raise failure(error, self._store.path) from error
                raise
            finally:
                self._turn.leave()
        if 0 < len(taken) < count and words[P_SEQ] > seqs[-1] + 1:
            # The rest lies behind what was read ahead. It can wait where it cannot be had.
            with suppress(StorageError):
                more, payloads = self.take(holder, count - len(taken))
                return [*seqs, *more], taken + payloads
        return seqs, taken

    def take_each(self, holders: Sequence[Holder]) -> list[tuple[int, bytes]]:
        """Hands out one item to each of these, in order, as long as there are any.

        Where some were given back, none: `take` knows about those.

        Raises:
            StorageError: as `take`.
        """
        words = self._words
        items: list[tuple[int, bytes]] = []
        with self._mutex:
            try:
                self._turn.enter()
                if words[T_GENERATION] != self._generation:
                    self._refresh()
                self._takes -= len(holders)
                if self._takes < 0:
                    self._sweep()
                if not words[T_RETURNED]:
                    for holder in holders:
                        seqs, taken = self._hand_out(holder, 1)
                        if not taken:
                            break
                        items.append((seqs[0], taken[0]))
            except BaseException as error:
                self._generation = -1
                if items and isinstance(error, (OSError, StorageError)):
                    return items  # who comes next is told
                if isinstance(error, OSError):
                    raise failure(error, self._store.path) from error
                raise
            finally:
                self._turn.leave()
        return items

    def _hand_out(self, holder: Holder | None, count: int) -> Taken:
        """As `take`, and none that was given back; under both locks."""
        words = self._words
        seq = self._seq
        at = seq - self._first
        payloads, marks, ends = self._ahead
        if not 0 <= at < len(payloads) or seq < words[T_CAREFUL]:
            if not self._reach():
                return NONE
            seq = self._seq
            at = seq - self._first
            payloads, marks, ends = self._ahead
        segment, offset, mark = self._segment, self._offset, marks[at]
        seqs: Sequence[int]
        if count == 1 or seq < words[T_CAREFUL]:
            after, end = seq + 1, ends[at]
            seqs, taken = (seq,), [payloads[at]]
        else:
            taken = payloads[at : at + count]
            after, end = seq + len(taken), ends[at + len(taken) - 1]
            seqs = range(seq, after)
        if holder is None:
            self._offset, self._seq = end, after
            self._settle([Out(segment, offset, seq, mark, segment, end, after, -1)])
        else:
            # I9: the claim is written before the tail moves past it.
            outs = holder.outs
            if outs and (last := outs[-1]).stop == seq:
                self._owners.words[last.index + STOP] = after
                last.end_segment, last.end_offset, last.stop = segment, end, after
            else:
                index = self._owners.claim(segment, offset, seq, after)
                outs.append(Out(segment, offset, seq, mark, segment, end, after, index))
            self._offset = end
            self._write(after)
        return seqs, taken

    def _reach(self) -> bool:
        """Sees to it that the item at the tail is read ahead. Whether there is one."""
        words = self._words
        self._store.latch.check()
        while True:
            seq, published = self._seq, words[P_SEQ]
            if seq >= published:
                words[T_SKIP] = 0
                if time.monotonic() - self._swept >= SWEEP_SECONDS:
                    self._sweep()
                    if self._seq < seq:
                        continue
                return False
            held = seq < words[T_CAREFUL] and self._owners.holding(seq) is not None
            at = seq - self._first
            if not held and 0 <= at < len(self._ahead[0]):
                # What was out when it was read ahead may be settled by now.
                if seq >= words[T_CAREFUL] or self._is_live(self._ahead[1][at]):
                    return True
                held = True
            if not held:
                self._ahead = read_ahead(self._store, self._segment, self._offset, seq, published)
                self._first = seq
                if self._ahead[0]:
                    continue
            if not self._enter_next(seq):
                self._pass(seq)

    def _is_live(self, mark: int) -> bool:
        """Whether the item whose state stands there in the tail's segment is not settled."""
        segment = self._store.segment(self._segment)
        return bool(state_of(segment.read(mark, 4)) != DONE)

    def _enter_next(self, seq: int) -> bool:
        """Moves the tail to the next segment if that begins with the item `seq`."""
        try:
            following = self._store.segment(self._segment + 1)
        except (FileNotFoundError, StorageError):
            return False
        if following.first != seq:
            return False
        self._segment, self._offset, self._ahead = following.number, FRAMES_AT, NOTHING
        return True

    def _pass(self, seq: int) -> None:
        """Moves the tail past an item that is settled, out or lost, or mends what is there."""
        segment, item = next(self._walk(Position(self._segment, self._offset, seq), seq + 1))
        words = self._words
        self._ahead = NOTHING
        at_settled = self._settled[2] == seq
        if item.state == LIVE and not (
            seq < words[T_CAREFUL] and self._owners.holding(seq) is not None
        ):
            self._segment, self._offset = segment.number, item.offset
            return
        self._segment, self._offset, self._seq = segment.number, item.end, item.following
        if item.state == LIVE:
            return
        low, marked = Settled(*self._settled).position, self._settled[3]
        if item.state == DONE:
            marked = max(0, marked - 1) if at_settled else marked
            words[T_SKIP] = max(0, words[T_SKIP] - 1)
        elif not at_settled:
            marked += 1
        self._move_settled(self._position() if at_settled else low, marked)

    def _take_returned(self, holder: Holder | None) -> tuple[int, bytes] | None:
        """Hands out the oldest item that a consumer gave back or died with."""
        words = self._words
        while True:
            oldest = min(self._owners.returned(), key=lambda at: at[1].start.seq, default=None)
            if oldest is None:
                words[T_RETURNED] = 0
                return None
            number, run = oldest
            first = run.start.seq
            if run.stop <= self._settled[2]:
                self._owners.shrink(number, run, Position(0, 0, run.stop))
                words[T_RETURNED] = max(0, words[T_RETURNED] - (run.stop - first))
                continue
            if not recovery.lies_at(self._store, run.start):
                # The list or the segment is damaged. Going back over all that is not settled
                # finds out which, and finds what the list has lost.
                self._store.cursor.tear_tail()
                self._refresh()
                return None
            segment, item = next(self._walk(run.start, first + 1))
            after = Position(segment.number, item.end, item.following)
            # After a kill an item may be in two lists, or still ahead of the tail.
            wanted = (
                item.state == LIVE
                and self._settled[2] <= first < self._seq
                and self._owners.holding(first) is None
            )
            if wanted:
                here = (segment.number, item.offset, first)
                if holder is None:
                    self._settle([Out(*here, item.mark, *after, -1)])
                else:
                    # I9: it is in two lists for a moment, never in none.
                    index = self._owners.claim(*here, after.seq)
                    holder.outs.append(Out(*here, item.mark, *after, index))
            self._owners.shrink(number, run, after)
            gone = min(after.seq, run.stop) - first
            words[T_RETURNED] = max(0, words[T_RETURNED] - gone)
            if wanted:
                return item.seq, item.payload

    def _sweep(self) -> None:
        """Makes what dead consumers had ready again (I12)."""
        self._takes = _SWEEP_TAKES
        self._swept = time.monotonic()
        self._held = -1  # its consumer may have died
        returned, out = self._owners.sweep(self._settled[2], self._seq)
        words = self._words
        if not out and self._seq != self._settled[2]:
            # Nobody has anything: going back costs nothing, and handing out run by run does.
            # Nor does it matter then whether the claims can be read.
            low = Settled(*self._settled)
            self._segment, self._offset, seq = low.position
            self._ahead = NOTHING
            words[T_SKIP] = low.marked
            words[T_REWOUND] = self._rewound = words[T_REWOUND] + 1
            self._write(seq)
            self._owners.forget_returned()
            returned = 0
        words[T_RETURNED] = returned
