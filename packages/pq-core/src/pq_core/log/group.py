"""Group commit: threads that need something synced at the same time share one sync."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from pq_core.errors import StorageError, StorageUnusable

__all__ = ["GroupSync"]


class GroupSync:
    """Syncs one thing, one thread at a time; whoever waited meanwhile often finds it done.

    A sync that failed is never tried again, since the system may have dropped what it could not
    write: everything after it is refused.

    Args:
        path: the queue's directory, for messages.
        sync: syncs everything that was written so far, and returns how far that is. Raises
            OSError.
        failed: makes the error for the caller of a failed sync, of the OSError and how far the
            caller had to get.
    """

    __slots__ = ("_failed", "_mutex", "_path", "_sync", "error", "synced")

    def __init__(
        self,
        path: Path,
        sync: Callable[[], int],
        failed: Callable[[OSError, int], StorageError],
    ) -> None:
        self._path = path
        self._sync = sync
        self._failed = failed
        # Held over a sync. Taken before any other lock.
        self._mutex = threading.Lock()
        self.synced = 0
        self.error: OSError | None = None

    def reach(self, wanted: int) -> None:
        """Returns once everything up to `wanted` is on the medium.

        Raises:
            StorageError: the sync failed.
            StorageUnusable: an earlier one did.
        """
        with self._mutex:
            if self.synced >= wanted:
                return
            self.check()
            try:
                self.synced = max(self.synced, self._sync())
            except OSError as error:
                self.error = error
                raise self._failed(error, wanted) from error

    def check(self) -> None:
        """Raises StorageUnusable if a sync has failed."""
        if self.error is not None:
            raise StorageUnusable(
                f"{self._path}: a sync failed earlier, so what reached the disk is not known; "
                "close the queue and open it again"
            ) from self.error
