"""What goes through an awaited queue leaves nothing behind in memory."""

from __future__ import annotations

import asyncio
import gc
import itertools
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pq_async import AsyncAdapter

from .kinds import MAKERS, run, settle, turn

pytestmark = pytest.mark.slow

#: How many items go through in a part, in rounds of so many tasks at once.
ITEMS, TASKS = 160, 20
#: What each may leave, in bytes: less than the smallest object.
ALLOWED = 12


async def pass_through(queue: Any, count: int) -> None:
    """So many items, each put, got and settled by a task that ends."""

    async def one(number: int) -> None:
        await queue.put({"number": number, "text": "x" * 100})
        await settle(queue, await queue.get())

    for first in range(0, count, TASKS):
        await asyncio.gather(*(one(first + number) for number in range(TASKS)))
        # A get that gives up, and one that is cancelled, leave nothing either.
        waiting = asyncio.create_task(queue.get())
        await turn()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def growth(queue: Any) -> int:
    """Bytes by which memory grows with each part: the least of some, for caches fill up once."""
    await pass_through(queue, 2 * ITEMS)
    tracemalloc.start()
    try:
        sizes = []
        for _ in range(5):
            await pass_through(queue, ITEMS)
            await queue.qsize()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
        return min(after - before for before, after in itertools.pairwise(sizes))
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", MAKERS)
def test_items_leave_nothing(kind: str, tmp_path: Path) -> None:
    """Memory does not grow with the number of items, of tasks or of cancelled gets."""

    async def main() -> None:
        async with MAKERS[kind](tmp_path / "q") as queue:
            assert await growth(queue) < ALLOWED * ITEMS

    run(main())


NUMBERS = itertools.count()


@pytest.mark.parametrize("workers", [None, 1])
def test_items_leave_nothing_in_postgres(workers: int | None, postgres: str) -> None:
    """Nor does it where the queue is in PostgreSQL, called by a thread or on the loop."""
    pq_postgres: Any = pytest.importorskip("pq_postgres")
    opened: Callable[..., Any] = pq_postgres.PostgresQueue

    async def main() -> None:
        blocking = opened(postgres, f"flat {next(NUMBERS)}", auto_commit=False, durability="normal")
        async with AsyncAdapter[Any](blocking, workers) as queue:
            assert await growth(queue) < ALLOWED * ITEMS

    run(main())
