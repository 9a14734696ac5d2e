"""The awaited queues that the tests of this folder go through."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from pq_async import AsyncAdapter, AsyncQueue, AsyncSQLiteAckQueue, AsyncSQLiteQueue
from pq_core.log.queue import LogQueue
from pq_core.sqlite import PlainInSQLite

R = TypeVar("R")
Make = Callable[[Path], Any]

#: Every way in which an item is taken and given back.
MAKERS: dict[str, Make] = {
    "file": AsyncQueue,
    "file, full": lambda path: AsyncQueue(path, durability="full"),
    "file, autosave": lambda path: AsyncQueue(path, autosave=True),
    "sqlite": lambda path: AsyncSQLiteQueue(path, durability="normal"),
    "sqlite, holding": lambda path: AsyncSQLiteQueue(path, auto_commit=False, durability="normal"),
    "ack": lambda path: AsyncSQLiteAckQueue(path, durability="normal"),
    "adapter, file": lambda path: AsyncAdapter(LogQueue(path)),
    "adapter, sqlite": lambda path: AsyncAdapter(PlainInSQLite(path, durability="normal")),
    "adapter, 3 workers": lambda path: AsyncAdapter(PlainInSQLite(path, durability="normal"), 3),
}


def run(main: Coroutine[Any, Any, R]) -> R:
    """What the coroutine returns; it may take a minute at most."""

    async def limited() -> R:
        return await asyncio.wait_for(main, 60)

    return asyncio.run(limited())


async def turn() -> None:
    """One turn of the loop: what is ready runs. No time passes; asyncio has no other word for it."""
    await asyncio.sleep(0)


async def settle(queue: Any, item: Any) -> None:
    """Be done with an item that this task has just got."""
    if hasattr(queue, "ack"):
        await queue.ack(item)
    else:
        await queue.task_done()


async def drain(queue: Any) -> list[Any]:
    """All that is ready, what cancelled gets have still to give back included."""
    await queue.qsize()  # behind it, the worker has told of everything that was cancelled before
    return [await queue.get_nowait() for _ in range(await queue.qsize())]
