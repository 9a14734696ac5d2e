"""What one queue object has taken from its log, thread by thread."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from pq_core.errors import QueueError
from pq_core.ledger import Ledger
from pq_core.log.holder import Holder
from pq_core.log.log import Log
from pq_core.log.taking import Taken

__all__ = ["Session"]


class _Mark:
    """Lives as long as the thread (or greenlet) that has it in its local storage."""

    __slots__ = ("__weakref__",)


class _Own(Holder):
    """What one thread of one queue object has out, and how often it came for it.

    Attributes:
        got: how many items the thread got.
        let_go: how many of them it does not have any more.
        done: how often it said task_done.
    """

    __slots__ = ("done", "got", "let_go", "mark")

    def __init__(self, mark: weakref.ref[_Mark]) -> None:
        super().__init__()
        self.got = self.let_go = self.done = 0
        self.mark = mark


class Session:
    """The items that one queue object has out.

    Args:
        log: where they are taken from.
        callers: what each caller has; the session's part of it is called `own` and `mark`.
        settles: whether taking settles (autosave).
    """

    def __init__(self, log: Log, callers: threading.local, *, settles: bool) -> None:
        self._log = log
        self._settles = settles
        self._local = callers
        self._ledger = Ledger(callers)
        self._mutex = threading.Lock()  # protects the three below
        self._owns: list[_Own] = []
        self._got = self._done = 0  # of threads that have ended
        log.sessions.add(self)

    def take(self, count: int, *, full: bool) -> Taken | None:
        """Takes at most `count` items for the calling thread; None where nothing is ready."""
        try:
            own = self._local.own
        except AttributeError:
            own = self._new()
        if self._settles:
            # Before the item is settled: join() must see it in one of the two places.
            self._ledger.start()
            try:
                taken = self._log.tail.take(None, count)
                if taken[1] and full:
                    self._log.tail.sync()
            except BaseException:
                self._ledger.finish()
                raise
            if not taken[1]:
                self._ledger.finish()
        else:
            taken = self._log.tail.take(own, count)
        if not (got := len(taken[1])):
            return None
        own.got += got
        return taken

    def take_each(self, callers: Iterable[dict[str, Any]]) -> list[tuple[int, bytes]]:
        """Takes one item for each who has these belongings; fewer, or none, where that fails."""
        owns: list[_Own] = []
        for each in callers:
            own = each.get("own")
            if own is None or self._settles:
                return []
            owns.append(own)
        items = self._log.tail.take_each(owns)
        for own, _ in zip(owns, items, strict=False):
            own.got += 1
        return items

    def come_back(self) -> None:
        """The calling thread comes for another item: what it got before is no longer at work."""
        if self._settles:
            self._ledger.finish()

    def task_done(self, *, full: bool) -> None:
        """Settles what the calling thread has; for one that never got anything, the oldest item.

        Raises:
            ValueError: it was called more often than there were items.
        """
        try:
            own = self._local.own
        except AttributeError:
            own = self._new()
        own.done += 1
        if own.outs:
            self._log.tail.settle(own, full=full)
            own.let_go = own.got
        elif not (self._ledger.finish() or self._settle_anothers(own, full=full)):
            with self._mutex:
                got = self._got + sum(each.got for each in self._owns)
                done = self._done + sum(each.done for each in self._owns)
            if done > got:
                own.done -= 1
                raise ValueError("task_done() was called more often than there were items")

    def task_done_each(self, callers: Iterable[dict[str, Any]], *, full: bool) -> bool:
        """`task_done` of all who have these belongings, at once; False: not in this way.

        Raises:
            StorageError: of what they have, what is settled is unknown.
        """
        owns: dict[int, _Own] = {}
        count = 0
        for each in callers:
            own: _Own | None = each.get("own")
            if own is None or not own.outs:
                return False
            owns[id(own)] = own
            count += 1
        if len(owns) < count:  # somebody says it twice
            return False
        for own in owns.values():
            own.done += 1
        self._log.tail.settle(*owns.values(), full=full)
        for own in owns.values():
            own.let_go = own.got
        return True

    def settle(self, seq: int, *, full: bool) -> None:
        """Settles one item of the calling thread."""
        if not self._settles:
            own: _Own = self._local.own
            self._log.tail.settle_one(own, seq, full=full)
            own.let_go += 1

    def undo(self, count: int) -> None:
        """The calling thread has not got its last `count` items after all."""
        own: _Own | None = getattr(self._local, "own", None)
        if own is not None:
            own.got -= count
        if self._settles:
            self._ledger.finish()

    def give_back(self, seqs: Iterable[int]) -> None:
        """Makes items of the calling thread ready again, each in its place."""
        own: _Own | None = getattr(self._local, "own", None)
        if own is None:
            return  # it was got by an object that is closed, and came back then
        for seq in seqs:
            self._log.tail.give_back_one(own, seq)

    def mend(self, unseen: Sequence[int]) -> None:
        """Puts right what the calling thread has out, after an interrupt in the middle of a call.

        What it has and was never told goes back (I15).

        Args:
            unseen: what it was told last, and cannot have noticed.
        """
        own: _Own | None = getattr(self._local, "own", None)
        if own is None:
            return
        own.got -= len(unseen)
        with suppress(QueueError):
            self._log.tail.mend(own, own.got - own.let_go, self._in_use)
        own.let_go = own.got - own.count()

    def _in_use(self) -> set[int]:
        """The runs of this process's claims file that somebody answers for."""
        return {
            out.index
            for session in list(self._log.sessions)
            for own in list(session._owns)
            for out in own.outs
        }

    def finished(self) -> bool:
        """Whether everything that was put is settled, and no other thread is at work on it."""
        tail = self._log.tail
        if not tail.settled_all():
            tail.tidy()
        return tail.settled_all() and not self._ledger.others()

    def close(self) -> None:
        """Makes what is out ready again."""
        with self._mutex:
            held = [own for own in self._owns if own.outs]
        if held:
            self._log.tail.give_back(held)

    def forget(self) -> None:
        """In a forked child: what is out is the parent's."""
        self._mutex = threading.Lock()
        self._ledger = Ledger(self._local)
        for own in self._owns:
            own.outs = []
            own.let_go = own.got

    def _new(self) -> _Own:
        mark = self._local.mark = _Mark()
        own: _Own = _Own(weakref.ref(mark))
        self._local.own = own
        with self._mutex:
            for each in [each for each in self._owns if each.mark() is None and not each.outs]:
                self._owns.remove(each)
                self._got += each.got
                self._done += each.done
            self._owns.append(own)
        return own

    def _settle_anothers(self, own: _Own, *, full: bool) -> bool:
        """Settles the oldest item out, first of all those of threads that have ended.

        A thread that got an item itself answers for its own, and for those of threads that have
        ended: nobody else will.
        """
        with self._mutex:
            held = [(each.mark() is not None, each.oldest(), each) for each in self._owns]
        for is_alive, oldest, each in sorted(held, key=lambda at: (at[0], at[1] or 0)):
            if oldest is not None and not (own.got and is_alive):
                self._log.tail.settle_one(each, oldest, full=full)
                each.let_go += 1
                return True
        return False
