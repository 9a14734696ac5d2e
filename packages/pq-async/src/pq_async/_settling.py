"""The awaited queues that settle by task_done, or by the get itself."""

from __future__ import annotations

from operator import methodcaller
from typing import Final, TypeVar

from pq_async._base import GET_NOW, AwaitedQueue
from pq_async._call import Call
from pq_core.callers import TASK_DONE

__all__ = ["SettlingByTask"]

T = TypeVar("T")

DONE: Final = methodcaller(TASK_DONE)


class SettlingByTask(AwaitedQueue[T]):
    """See the classes of this wheel; this one is not used by itself.

    Where the blocking twin says "thread", here is meant the asyncio task that calls.
    """

    async def put(self, item: T, block: bool = True, timeout: float | None = None) -> int:
        """Stores an item; its id.

        Many tasks that put at the same time share one commit. Cancelled, the item is in the
        queue or it is not: in it where the worker had begun, not in it otherwise.
        """
        id: int = await self._until(block, timeout, "room_bell", "put", "put", item)
        return id

    async def put_nowait(self, item: T) -> int:
        """`put` that does not wait for room; cancelled, as there."""
        id: int = await self._ask(methodcaller("put", item, False), shares=True)
        return id

    async def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Takes the next item.

        Waits without holding a thread. Cancelled, it takes nothing: an item that was taken
        already is put back.
        """
        item: T = await self._until(block, timeout, "items_bell", "get", "get")
        return item

    async def get_nowait(self) -> T:
        """`get` that does not wait for an item; cancelled, as there."""
        item: T = await self._ask(GET_NOW, shares=True, takes=True)
        return item

    async def task_done(self) -> None:
        """Settles everything the calling task has got so far.

        Cancelled, it is settled or it is not: settled where the worker had begun.
        """
        worker, shares = self._worker, self._shares_task_done
        call = Call(worker, DONE, shares, not shares, shape=TASK_DONE)
        worker.submit(call)
        await call.outcome()

    #: Whether the storage can settle for several tasks in one commit.
    _shares_task_done = False
