"""What the benchmarks are compared with: a bare hop to a thread, and the blocking twins."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from pq_core.log.queue import LogQueue
from pq_core.sqlite import AckInSQLite, PlainInSQLite

__all__ = ["ITEM", "TWINS", "acks", "fill", "gets", "hops", "puts"]

#: About 100 bytes as a pickle.
ITEM = {
    "id": 123_456,
    "kind": "order.paid",
    "customer": "c-0000042",
    "amount": 19.99,
    "express": True,
}

#: The blocking twins by name and durability.
TWINS: dict[str, Callable[..., Any]] = {
    "file": LogQueue,
    "sqlite": PlainInSQLite,
    "ack": AckInSQLite,
}


def hops(_path: Path, count: int, each: int = 1) -> float:
    """Seconds for so many times `each` empty calls in a thread, all awaited: bare worker hops."""
    inbox: SimpleQueue[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]] | None]
    inbox = SimpleQueue()

    def serve() -> None:
        while (call := inbox.get()) is not None:
            loop, future = call
            loop.call_soon_threadsafe(future.set_result, None)

    thread = threading.Thread(target=serve)
    thread.start()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        begin = perf_counter()
        for _ in range(count * each):
            future = loop.create_future()
            inbox.put((loop, future))
            await future
        return perf_counter() - begin

    try:
        return asyncio.run(main())
    finally:
        inbox.put(None)
        thread.join()


def puts(kind: str, durability: str, path: Path, count: int) -> float:
    """Seconds for so many puts of the blocking twin in one thread."""
    with TWINS[kind](path, durability=durability) as queue:
        begin = perf_counter()
        for _ in range(count):
            queue.put(ITEM)
        return perf_counter() - begin


def fill(kind: str, queue: Any, count: int) -> None:
    """Puts so many items: files one by one, for that is how those that are got one by one come."""
    if kind == "file":
        for _ in range(count):
            queue.put(ITEM)
    else:
        queue.put_many([ITEM] * count)


def gets(kind: str, durability: str, path: Path, count: int) -> float:
    """Seconds for so many gets of the blocking twin in one thread; task_done each, of files."""
    with TWINS[kind](path, durability=durability) as queue:
        fill(kind, queue, count)
        begin = perf_counter()
        for _ in range(count):
            queue.get()
            if kind == "file":
                queue.task_done()
        return perf_counter() - begin


def acks(kind: str, durability: str, path: Path, count: int) -> float:
    """Seconds for so many times receive and ack of the blocking twin in one thread."""
    with TWINS[kind](path, durability=durability) as queue:
        queue.put_many([ITEM] * count)
        begin = perf_counter()
        for _ in range(count):
            queue.receive().ack()
        return perf_counter() - begin
