"""Group commit: threads that need something synced at the same time share one sync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from pq_core.errors import StorageError, StorageUnusable
from pq_core.turns import Turn, wake_in_turn

__all__ = ["GroupSync", "Latch"]


#: How long a sync is put off at most for threads that were there a moment ago, in seconds: about
#: as long as a sync takes on a fast disk.
GATHER: Final = 0.000_1


class Latch:
    """Remembers that a sync has failed, for everything that writes to one queue.

    It is never tried again, since the system may have dropped what it could not write.

    Attributes:
        error: of the first sync that failed, or None.
    """

    __slots__ = ("_path", "error")

    def __init__(self, path: Path) -> None:
        self._path = path
        self.error: OSError | None = None

    def guard(self, sync: Callable[..., object], *args: object) -> None:
        """Calls a function that syncs; remembers and passes on its OSError."""
        try:
            sync(*args)
        except OSError as error:
            self.error = self.error or error
            raise

    def check(self) -> None:
        """Raises StorageUnusable if a sync has failed."""
        if self.error is not None:
            raise StorageUnusable(
                f"{self._path}: a sync failed earlier, so what reached the disk is not known; "
                "close the queue and open it again"
            ) from self.error


class _Waiter(NamedTuple):
    """A thread that waits: until what it wants is synced, or until it is its turn to sync."""

    wanted: int
    turn: Turn


class GroupSync:
    """Syncs one thing, one thread at a time, each for all that have come until it begins.

    Whoever ends a sync wakes those it was for, each of which wakes the next, and of the others
    only one: the next to sync.
    That one waits for as many threads as shared the last two syncs, but never longer than
    `GATHER`; a thread that is alone never waits. So n threads that put one item after the other
    share each sync, where otherwise they fall into two halves that sync in turn.

    Args:
        latch: remembers a failure.
        sync: syncs everything that was written so far, and returns how far that is. Raises
            OSError.
        failed: makes the error for the caller of a failed sync, of the OSError and how far the
            caller had to get.

    Attributes:
        synced: how far everything is on the medium.
    """

    __slots__ = (
        "_expected",
        "_failed",
        "_gate",
        "_holding",
        "_latch",
        "_leads",
        "_mutex",
        "_sync",
        "_waiters",
        "synced",
    )

    def __init__(
        self,
        latch: Latch,
        sync: Callable[[], int],
        failed: Callable[[OSError, int], StorageError],
    ) -> None:
        self._latch = latch
        self._sync = sync
        self._failed = failed
        self._mutex = threading.Lock()  # protects all below; not held over a sync
        self._leads = False
        self._waiters: list[_Waiter] = []
        self._expected = 0  # how many threads shared the last sync or waited for the next
        self._gate: threading.Lock | None = None  # released when so many have come
        self.synced = 0
        #: What the threads that are in `hold` have to reach at its end.
        self._holding: dict[int, int] = {}

    @contextmanager
    def hold(self) -> Iterator[Callable[[], int]]:
        """What the calling thread has to reach meanwhile, it reaches at the end, with one sync.

        Yields:
            a function that tells how far that is by now.

        Raises:
            StorageError: as `reach`, at the end.
        """
        me, holding = threading.get_ident(), self._holding
        holding[me] = 0
        try:
            yield lambda: holding.get(me, 0)
        finally:
            wanted = holding.pop(me)
        if wanted:
            self.reach(wanted)

    def reach(self, wanted: int) -> None:
        """Returns once everything up to `wanted` is on the medium.

        Raises:
            StorageError: the sync failed.
            StorageUnusable: an earlier one did, or that of another thread for this one.
        """
        if self._holding and (me := threading.get_ident()) in self._holding:
            self._holding[me] = max(self._holding[me], wanted)
            return
        with self._mutex:
            if self.synced >= wanted:
                return
            self._latch.check()
            waits = self._leads
            if waits:
                waiter = _Waiter(wanted, Turn())
                self._waiters.append(waiter)
                if self._gate is not None and len(self._waiters) >= self._expected:
                    self._gate.release()
                    self._gate = None
            self._leads = True
        if waits:
            self._wait(waiter)
            if self.synced >= wanted:
                return
            self._latch.check()
        self._lead(wanted)

    def _wait(self, waiter: _Waiter) -> None:
        try:
            waiter.turn.wait()
        except BaseException:
            # Interrupted. Where the turn to sync has come meanwhile, the next one gets it.
            with self._mutex:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
                    raise
            self._pass_on()
            raise

    def _lead(self, wanted: int) -> None:
        """Syncs for all that wait."""
        try:
            self._gather()
            synced = self._sync()
        except OSError as error:
            self._latch.error = self._latch.error or error
            self._pass_on()
            raise self._failed(error, wanted) from error
        except BaseException:
            self._pass_on()
            raise
        self.synced = max(self.synced, synced)
        self._pass_on()

    def _gather(self) -> None:
        """Waits a moment for the threads that are likely to come."""
        with self._mutex:
            # One of those expected is the caller, who is not among the waiters.
            self._expected -= 1
            if len(self._waiters) >= self._expected:
                return
            gate = self._gate = threading.Lock()
            gate.acquire()
        gate.acquire(timeout=GATHER)
        with self._mutex:
            self._gate = None

    def _pass_on(self) -> None:
        """Wakes the next one to sync, and all that need not wait any more."""
        with self._mutex:
            waiting = [waiter for waiter in self._waiters if waiter.wanted > self.synced]
            done = [waiter for waiter in self._waiters if waiter.wanted <= self.synced]
            if self._latch.error is not None:
                done, waiting = done + waiting, []
            self._expected = len(done) + len(waiting) + 1
            following = waiting.pop(0) if waiting else None
            self._waiters = waiting
            self._leads = following is not None
        # The next sync first: it takes the time in which the others do something else.
        if following is not None:
            following.turn.wake()
        wake_in_turn(waiter.turn for waiter in done)
