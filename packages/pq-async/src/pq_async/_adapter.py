"""`AsyncAdapter`: any blocking queue, awaited."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from operator import methodcaller
from typing import Any, TypeVar

from pq_async._foreign import Foreign, is_ours
from pq_async._message import AsyncMessage
from pq_async._settling import SettlingByTask
from pq_async._worker import Worker
from pq_core.message import Message

__all__ = ["AsyncAdapter"]

T = TypeVar("T")


class AsyncAdapter(SettlingByTask[T]):
    """A blocking queue that exists already, with every method awaited.

    For queues of this library that have no awaited class of their own, and for those of others
    that look like `queue.Queue`. The blocking queue may be used beside it.

    >>> import asyncio, queue
    >>> from pq_async import AsyncAdapter
    >>> async def main():
    ...     async with AsyncAdapter(queue.Queue()) as adapter:
    ...         await adapter.put("a")
    ...         print(await adapter.get())
    >>> asyncio.run(main())
    a

    With a queue of this library a get that waits holds no thread, a cancelled get takes nothing,
    and task_done is that of the calling task. With another one a get that waits asks 50 times a
    second, and an item that a cancelled get had taken is put again, and comes last.

    Methods that only this queue has are awaited under their own names: ``await
    adapter.ack(item)``.

    Args:
        queue: the blocking queue; `close` closes it.
        workers: how many threads call it, for a queue that can do several things at once, such
            as one with a pool of connections. None: one; but for a queue in PostgreSQL no thread
            where greenlet is installed (``pq-async[postgres]``). It is called on the event loop
            then, on as many connections as it may have.
    """

    def __init__(self, queue: Any, workers: int | None = None) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"'workers' must be at least 1, not {workers!r}")
        self._blocking = queue
        maxsize = int(getattr(queue, "maxsize", 0))
        super().__init__(_worker(queue, workers), {"queue": queue, "workers": workers}, maxsize)

    async def put(
        self, item: T, block: bool = True, timeout: float | None = None, **options: Any
    ) -> Any:
        """Stores an item; what the queue's own put returns, its id in queues of this library.

        Cancelled, the item is in the queue or it is not: in it where the worker had begun.

        Args:
            item: what to store.
            block: wait for room.
            timeout: seconds to wait for room; None: for ever.
            options: of the queue's own put, such as `priority`, `delay` or `dedupe_key`.
        """
        return await self._until(block, timeout, "room_bell", "put", "put", item, **options)

    async def get(self, block: bool = True, timeout: float | None = None, **options: Any) -> Any:
        """Takes the next item. Cancelled, it takes nothing.

        Args:
            block: wait for an item.
            timeout: seconds to wait; None: for ever.
            options: of the queue's own get, such as `id` or `raw`.
        """
        kind = None if options.get("id") is not None else "get"
        return await self._until(block, timeout, "items_bell", kind, "get", **options)

    async def put_nowait(self, item: T, **options: Any) -> Any:
        """`put` that does not wait for room."""
        return await self._ask(methodcaller("put", item, block=False, **options), shares=True)

    async def get_nowait(self, **options: Any) -> Any:
        """`get` that does not wait for an item."""
        return await self._ask(methodcaller("get", block=False, **options), shares=True, takes=True)

    async def receive(self, block: bool = True, timeout: float | None = None) -> AsyncMessage[T]:
        """Leases the next item of an ack queue, as a message. Cancelled, it takes nothing."""
        message: Message[T] = await self._until(block, timeout, "items_bell", "get", "receive")
        return AsyncMessage(message, self._worker)

    async def receive_nowait(self) -> AsyncMessage[T]:
        """`receive` that does not wait for an item."""
        return await self.receive(False)

    @property
    def closed(self) -> bool:
        """Whether the queue was closed."""
        return self._worker.closed or bool(getattr(self._blocking, "closed", False))

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        """A method that only this queue has, awaited."""
        if name.startswith("_") or not callable(getattr(self._blocking, name)):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r}; "
                "await run(function) to read a property"
            )

        def ask(*args: Any, **kwargs: Any) -> Awaitable[Any]:
            return self._ask(methodcaller(name, *args, **kwargs), takes=True)

        return ask

    def __del__(self) -> None:
        with suppress(Exception):
            self._worker.stop()  # the blocking queue is not ours

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._arguments["queue"], self._arguments["workers"])

    def __repr__(self) -> str:
        return f"<AsyncAdapter of {self._blocking!r}>"


def _worker(queue: Any, threads: int | None) -> Worker:
    """What calls this queue."""
    where = f"an adapter of {type(queue).__name__}"
    inner = queue if is_ours(queue) else Foreign(queue)
    at_once = int(getattr(queue, "yields", 0))
    # On Windows the loop that asyncio has by default watches no sockets of others.
    if threads is None and at_once and sys.platform != "win32":
        with suppress(ImportError):
            from pq_async._native import NativeWorker

            return NativeWorker(inner, where, at_once)
    return Worker(lambda: inner, where, threads or 1)
