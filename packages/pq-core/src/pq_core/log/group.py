"""Group commit: threads that need something synced at the same time share one sync."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pq_core.errors import StorageError, StorageUnusable
from pq_core.together import GATHER, Ticket, Together

__all__ = ["GroupSync", "Latch"]


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


class GroupSync:
    """Syncs one thing, one thread at a time, each for all that have come until it begins.

    Args:
        latch: remembers a failure.
        sync: syncs everything that was written so far, and returns how far that is. Raises
            OSError.
        failed: makes the error for the caller of a failed sync, of the OSError and how far the
            caller had to get.

    Attributes:
        synced: how far everything is on the medium.
        together: who syncs for whom.
    """

    __slots__ = ("_failed", "_holding", "_latch", "_sync", "synced", "together")

    def __init__(
        self,
        latch: Latch,
        sync: Callable[[], int],
        failed: Callable[[OSError, int], StorageError],
    ) -> None:
        self._latch = latch
        self._sync = sync
        self._failed = failed
        self.together: Together[int] = Together(patience=GATHER)
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

    def holds(self) -> bool:
        """Whether the calling thread is in `hold`."""
        return bool(self._holding) and threading.get_ident() in self._holding

    def reach(self, wanted: int) -> None:
        """Returns once everything up to `wanted` is on the medium.

        Raises:
            StorageError: the sync failed.
            StorageUnusable: an earlier one did, or that of another thread for this one.
        """
        if self.holds():
            me = threading.get_ident()
            self._holding[me] = max(self._holding[me], wanted)
        elif self.synced < wanted:
            self.together.run(self, wanted)

    def rest(self) -> None:
        """Returns once no sync is under way: its file is about to be closed.

        After a second at most, for the handler of a signal may close in the middle of a sync of
        its own thread.
        """
        if self.together.lock.acquire(timeout=1.0):
            self.together.lock.release()

    def carry_out(self, wanted: int) -> None:
        """Syncs, unless it was synced meanwhile; of `Together`."""
        if self.synced >= wanted:
            return
        self._latch.check()
        try:
            synced = self._sync()
        except OSError as error:
            self._latch.error = self._latch.error or error
            raise self._failed(error, wanted) from error
        self.synced = max(self.synced, synced)

    def carry_out_all(self, batch: list[Ticket[int]]) -> bool:
        """Leaves them to `carry_out`: the first one syncs for all; of `Together`."""
        del batch
        return False
