"""`TaskPlayer`: an async queue that can play, by any number of tasks."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice
from typing import Any

__all__ = ["TaskPlayer"]


class TaskPlayer:
    """Plays on an object with the awaitable methods of an async queue, in a loop of its own.

    Args:
        opened: makes the queue, inside of the loop.
        tasks: how many share the operations; at least one.
        settles: how a got item is settled: "get", "task_done" or "ack".
    """

    def __init__(self, opened: Callable[[], Any], tasks: int, settles: str) -> None:
        self._tasks = tasks
        self._settles = settles
        self._runner = asyncio.new_event_loop()
        self.queue = self._run(_opened(opened))

    def put(self, items: Iterator[Any]) -> None:
        """One put for each item, by the tasks in turn."""

        async def some() -> None:
            put = self.queue.put
            for item in items:
                await put(item)

        self._run(self._shared(some))

    def take(self, items: Iterator[Any]) -> None:
        """One get, settled at once, for each, by the tasks in turn."""

        async def some() -> None:
            get = self.queue.get
            if self._settles == "get":
                for _ in items:
                    await get()
            elif self._settles == "task_done":
                done = self.queue.task_done
                for _ in items:
                    await get()
                    await _settled(done())
            else:
                ack = self.queue.ack
                for _ in items:
                    await ack(await get())

        self._run(self._shared(some))

    def alternate(self, items: Iterator[Any]) -> None:
        """One put, and one get that is settled, for each."""

        async def some() -> None:
            for item in items:
                await self.queue.put(item)
                found = await self.queue.get()
                await self._settle(found)

        self._run(self._shared(some))

    def put_many(self, batches: Iterator[list[Any]]) -> None:
        """One put of a batch for each."""

        async def some() -> None:
            for batch in batches:
                await self.queue.put_many(batch)

        self._run(self._shared(some))

    def take_many(self, batches: Iterator[Any], size: int) -> None:
        """One get of a batch, settled together, for each."""

        async def some() -> None:
            for _ in batches:
                found = await self.queue.get_many(size)
                if len(found) != size:
                    raise ValueError(f"asked for {size} items, the queue gave {len(found)}")
                await self._settle_all(found)

        self._run(self._shared(some))

    def read_one(self, items: Iterator[Any]) -> None:
        """Puts all; gets all and settles them at once."""
        everything = list(items)
        self.put(iter(everything))

        async def rest() -> None:
            await self._settle_all([await self.queue.get() for _ in everything])

        self._run(rest())

    def read_many(self, items: Iterator[Any]) -> None:
        """Puts all; gets all and settles each."""
        everything = list(items)
        self.put(iter(everything))
        self.take(iter(everything))

    def fill(self, items: Iterable[Any]) -> None:
        """Puts items, as fast as it goes."""
        stream = iter(items)
        if not hasattr(self.queue, "put_many"):
            self.put(stream)
            return

        async def everything() -> None:
            while batch := list(islice(stream, 1000)):
                await self.queue.put_many(batch)

        self._run(everything())

    def size(self) -> int:
        """How many items can be got."""
        return int(self._run(_settled(self.queue.qsize())))

    def close(self) -> None:
        """Closes the queue and the loop."""
        try:
            self._run(_settled(self.queue.close()))
        finally:
            self._runner.run_until_complete(self._runner.shutdown_default_executor())
            self._runner.close()

    async def _shared(self, some: Callable[[], Awaitable[None]]) -> None:
        if self._tasks <= 1:
            await some()
        else:
            await asyncio.gather(*(some() for _ in range(self._tasks)))

    async def _settle(self, item: Any) -> None:
        if self._settles == "ack":
            await self.queue.ack(item)
        elif self._settles == "task_done":
            await _settled(self.queue.task_done())

    async def _settle_all(self, items: list[Any]) -> None:
        if self._settles == "ack":
            for item in items:
                await self.queue.ack(item)
        elif self._settles == "task_done":
            await _settled(self.queue.task_done())

    def _run(self, work: Any) -> Any:
        return self._runner.run_until_complete(work)


async def _opened(opened: Callable[[], Any]) -> Any:
    queue = opened()
    # Some are awaited, some are entered, some are both or neither.
    if inspect.isawaitable(queue):
        return await queue
    if hasattr(queue, "__aenter__"):
        return await queue.__aenter__()
    return queue


async def _settled(found: Any) -> Any:
    return await found if inspect.isawaitable(found) else found
