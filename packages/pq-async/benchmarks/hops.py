"""What a hop to a thread and back costs, done in four ways; the figures are in DESIGN.md.

python packages/pq-async/benchmarks/hops.py
"""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import perf_counter

import aiofiles.os
import aiosqlite
import floors

ROUNDS = 9
COUNT = 1000


class Empty(sqlite3.Connection):
    """A connection whose commit does nothing: what is left is the hop."""

    def commit(self) -> None:
        """Nothing."""


async def repeated(hop: Callable[[], Awaitable[object]]) -> float:
    """Seconds for some hops."""
    begin = perf_counter()
    for _ in range(COUNT):
        await hop()
    return perf_counter() - begin


async def executor() -> float:
    """By the loop's own pool."""
    loop = asyncio.get_running_loop()
    return await repeated(lambda: loop.run_in_executor(None, int))


async def by_aiofiles() -> float:
    """By a function that aiofiles has wrapped."""
    return await repeated(aiofiles.os.wrap(int))


async def by_aiosqlite() -> float:
    """By a connection of aiosqlite."""
    async with aiosqlite.connect(":memory:", factory=Empty) as connection:
        return await repeated(connection.commit)


def main() -> None:
    """Prints how much longer each takes than the thread of the worker."""
    ways = {"executor": executor, "aiofiles": by_aiofiles, "aiosqlite": by_aiosqlite}
    ratios: dict[str, list[float]] = {name: [] for name in ways}
    bare = []
    for _ in range(ROUNDS):
        for name, way in ways.items():
            own = floors.hops(Path(), COUNT)
            bare.append(own / COUNT * 1e6)
            ratios[name].append(asyncio.run(way()) / own)
    print(f"worker     {statistics.median(bare):6.1f} us a hop")
    for name, values in ratios.items():
        print(f"{name:10} {statistics.median(values):6.2f} times that")


if __name__ == "__main__":
    main()
