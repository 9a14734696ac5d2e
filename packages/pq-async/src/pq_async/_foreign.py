"""What a worker needs to know of a queue, for queues that know nothing of workers."""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import Any, Final

from pq_core.callers import SharedCall, one_by_one
from pq_core.errors import Empty, Full
from pq_core.waiting import Bell

__all__ = ["Foreign", "is_ours"]

#: How often such a queue is asked by a call that waits, in seconds: it rings no bell.
PAUSE: Final = 0.02
_NEEDED: Final = ("callers", "items_bell", "room_bell", "undo", "give_back", "together")


def is_ours(queue: Any) -> bool:
    """Whether a queue can be called for others; see `pq_core.callers`."""
    return all(hasattr(queue, name) for name in _NEEDED)


class Foreign:
    """A queue like `queue.Queue`, with what a worker needs.

    Args:
        queue: the queue of others.
    """

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.callers = threading.local()
        self.leaves_receipts = False
        self.items_bell = self.room_bell = Bell(object, shortest=PAUSE, longest=PAUSE)

    def put(self, item: Any, *, block: bool, timeout: float | None = None, **options: Any) -> Any:
        """Its own put, which is never let wait: what a timeout of 0 means there is not known."""
        del block, timeout
        try:
            return self._queue.put(item, block=False, **options)
        except queue.Full as error:
            raise error if isinstance(error, Full) else Full("no room") from error

    def get(self, *, block: bool, timeout: float | None = None, **options: Any) -> Any:
        """Its own get, which is never let wait."""
        del block, timeout
        try:
            item = self._queue.get(block=False, **options)
        except queue.Empty as error:
            raise error if isinstance(error, Empty) else Empty("no item is ready") from error
        self.callers.receipt = [item]
        return item

    def finished(self) -> bool | None:
        """Whether `join` would return."""
        if hasattr(self._queue, "unfinished_tasks"):
            return not self._queue.unfinished_tasks
        return bool(self._queue.empty())

    def together(self, calls: list[SharedCall]) -> None:
        """Each by itself."""
        one_by_one(calls)

    def undo(self, receipt: list[Any]) -> None:
        """Nothing was noted."""

    def give_back(self, receipt: list[Any]) -> None:
        """Puts the items again."""
        for item in receipt:
            self._queue.put(item)
            with suppress(AttributeError, ValueError):
                self._queue.task_done()

    def close(self) -> None:
        """Its own close, if it has one."""
        close = getattr(self._queue, "close", None)
        if close is not None:
            close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)
