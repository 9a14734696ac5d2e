"""How fast an adapter of a queue in PostgreSQL is, on the event loop and with threads.

    python packages/pq-async/benchmarks/postgres.py "host=localhost dbname=test user=test"

Beside it stand the blocking queue in one thread, and what psycopg's own asynchronous connections do
for one INSERT, or one DELETE, of a table of their own. They take turns; what is printed is the
median.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from collections.abc import Awaitable, Callable
from time import perf_counter
from typing import Any, Final

import psycopg
from floors import ITEM

from pq_async import AsyncAdapter
from pq_postgres import PostgresQueue

Seconds = tuple[float, float]
#: As many as a queue opens.
CONNECTIONS: Final = 10
INSERT: Final = b"INSERT INTO pq_bare (data) VALUES (repeat('x', 100)) RETURNING id"
DELETE: Final = (
    b"DELETE FROM pq_bare WHERE id = (SELECT id FROM pq_bare ORDER BY id LIMIT 1"
    b" FOR UPDATE SKIP LOCKED) RETURNING data"
)


async def both(
    put: Callable[[int], Awaitable[Any]], get: Callable[[int], Awaitable[Any]], tasks: int, n: int
) -> Seconds:
    """Seconds for `n` puts and for `n` gets by so many tasks."""
    seconds = []
    for call in (put, get):

        async def work(task: int, call: Callable[[int], Awaitable[Any]] = call) -> None:
            for _ in range(n // tasks):
                await call(task)

        begin = perf_counter()
        await asyncio.gather(*(work(task) for task in range(tasks)))
        seconds.append(perf_counter() - begin)
    return seconds[0], seconds[1]


def blocking(dsn: str, durability: Any, n: int) -> Seconds:
    """Of the blocking queue."""
    with PostgresQueue[Any](dsn, "benchmark", durability=durability) as queue:
        begin = perf_counter()
        for _ in range(n):
            queue.put(ITEM)
        middle = perf_counter()
        for _ in range(n):
            queue.get()
        return middle - begin, perf_counter() - middle


def adapted(dsn: str, durability: Any, n: int, workers: int | None, tasks: int) -> Seconds:
    """Of an adapter."""

    async def main() -> Seconds:
        blocking = PostgresQueue[Any](dsn, "benchmark", durability=durability)
        async with AsyncAdapter[Any](blocking, workers) as queue:
            await asyncio.gather(*(queue.put(0) for _ in range(tasks)))  # it connects
            await asyncio.gather(*(queue.get() for _ in range(tasks)))
            return await both(lambda _: queue.put(ITEM), lambda _: queue.get(), tasks, n)

    return asyncio.run(main())


def bare(dsn: str, durability: str, n: int, tasks: int) -> Seconds:
    """Of as many round trips on connections of psycopg."""

    async def main() -> Seconds:
        commit = "on" if durability == "full" else "off"
        opened = [
            await psycopg.AsyncConnection.connect(
                dsn, autocommit=True, options=f"-c synchronous_commit={commit}"
            )
            for _ in range(min(CONNECTIONS, tasks))
        ]
        await opened[0].execute("DROP TABLE IF EXISTS pq_bare")
        await opened[0].execute("CREATE TABLE pq_bare (id bigserial PRIMARY KEY, data text)")
        found = await both(
            lambda task: opened[task].execute(INSERT, prepare=False),
            lambda task: opened[task].execute(DELETE, prepare=False),
            len(opened),
            n,
        )
        await opened[0].execute("DROP TABLE pq_bare")
        for each in opened:
            await each.close()
        return found

    return asyncio.run(main())


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("dsn", help="of a database in which tables may be made")
    parser.add_argument("--rounds", type=int, default=5, help="turns for each line")
    parser.add_argument("--count", type=int, default=500, help="calls in a turn")
    parser.add_argument("--durability", default="full", help="full, normal or off")
    options = parser.parse_args()
    place = options.dsn, options.durability, options.count
    rows: dict[str, Callable[[], Seconds]] = {"blocking": lambda: blocking(*place)}
    for tasks in (1, 100):
        rows |= {
            f"psycopg, {tasks} tasks": lambda tasks=tasks: bare(*place, tasks),
            f"on the loop, {tasks} tasks": lambda tasks=tasks: adapted(*place, None, tasks),
            f"one thread, {tasks} tasks": lambda tasks=tasks: adapted(*place, 1, tasks),
            f"10 threads, {tasks} tasks": lambda tasks=tasks: adapted(*place, 10, tasks),
        }
    found: dict[str, list[Seconds]] = {name: [] for name in rows}
    for _ in range(options.rounds):
        for name, row in rows.items():
            found[name].append(row())
    for name, seconds in found.items():
        put, get = (options.count / statistics.median(each) for each in zip(*seconds, strict=True))
        print(f"{name:24} put {put:8,.0f}/s   get {get:8,.0f}/s")


if __name__ == "__main__":
    main()
