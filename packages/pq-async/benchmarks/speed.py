"""How fast the awaited queues are, beside a bare hop, their blocking twins, and the predecessor.

    python packages/pq-async/benchmarks/speed.py
    python packages/pq-async/benchmarks/speed.py --predecessor /some/venv/bin/python

One task is compared with a bare hop to a thread and back, for it makes one for every call. A
hundred tasks, which share hops and commits, are compared with the blocking twin in one thread at
the same durability. Workloads take turns: floor, ours, floor, ours …; what is printed is the
median of the ratios of neighbours, and between which quartiles they lie.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Final, NamedTuple

import floors
from floors import ITEM

from pq_async import AsyncQueue, AsyncSQLiteAckQueue, AsyncSQLiteQueue

HERE: Final = Path(__file__).parent
CLASSES: Final[dict[str, Any]] = {
    "file": AsyncQueue,
    "sqlite": AsyncSQLiteQueue,
    "ack": AsyncSQLiteAckQueue,
}
Workload = Callable[[Path, int], float]


def ours(workload: str, kind: str, durability: str, tasks: int, path: Path, count: int) -> float:
    """Seconds for `count` calls by so many tasks."""

    async def main() -> float:
        async with CLASSES[kind](path, durability=durability) as queue:

            async def put() -> None:
                for _ in range(count // tasks):
                    await queue.put(ITEM)

            async def get() -> None:
                for _ in range(count // tasks):
                    await queue.get()
                    if kind == "file":
                        await queue.task_done()

            async def ack() -> None:
                for _ in range(count // tasks):
                    await (await queue.receive()).ack()

            if workload != "put":
                await queue.run(lambda twin: floors.fill(kind, twin, count))
            work = {"put": put, "get": get, "ack": ack}[workload]
            begin = perf_counter()
            await asyncio.gather(*(work() for _ in range(tasks)))
            return perf_counter() - begin

    return asyncio.run(main())


class Row(NamedTuple):
    """One line of the table."""

    name: str
    ours: Workload
    floor: Workload
    label: str
    goal: float
    count: int
    predecessor: tuple[str, str, int] | None = None


def rows() -> Iterator[Row]:
    """All lines."""
    for kind, durability in (("file", "normal"), ("sqlite", "normal"), ("sqlite", "full")):
        for workload, twin in (("put", floors.puts), ("get", floors.gets)):
            for tasks in (1, 100):
                one = tasks == 1
                pair = kind == "file" and workload == "get"
                what = "get + task_done" if pair else workload
                yield Row(
                    f"{kind} {what}, {durability}, {tasks} task{'s'[one:]}",
                    partial(ours, workload, kind, durability, tasks),
                    partial(floors.hops, each=2 if pair else 1)
                    if one
                    else partial(twin, kind, durability),
                    "hop" if one else "twin",
                    0.6 if one else 0.5,
                    1000 if one else 5000,
                    (workload, kind, tasks),
                )
    yield Row(
        "ack receive + ack, normal, 100 tasks",
        partial(ours, "ack", "ack", "normal", 100),
        partial(floors.acks, "ack", "normal"),
        "twin",
        0.5,
        5000,
    )
    yield Row(
        "file put, full, 100 tasks",
        partial(ours, "put", "file", "full", 100),
        partial(floors.puts, "file", "full"),
        "twin",
        0.5,
        5000,
    )


@contextmanager
def fresh(root: Path | None) -> Iterator[Path]:
    """A directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(dir=root))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def timed(workload: Workload, root: Path | None, count: int) -> float:
    """Seconds for one call, in a fresh directory."""
    with fresh(root) as directory:
        return workload(directory / "queue", count) / count


def predecessor(python: str, row: Row, root: Path | None) -> float:
    """Seconds for one call of the predecessor."""
    assert row.predecessor is not None
    workload, kind, tasks = row.predecessor
    count = 300 if tasks == 1 else 500
    with fresh(root) as directory:
        done = subprocess.run(
            [python, HERE / "predecessor.py", workload, kind, str(tasks), str(count), directory],
            env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    return float(done.stdout) / count


def compared(row: Row, options: argparse.Namespace) -> str:
    """A line."""
    ratios, times, earlier = [], [], []
    count = options.count or row.count
    for _ in range(options.rounds):
        floor = timed(row.floor, options.dir, count)
        times.append(timed(row.ours, options.dir, count))
        ratios.append(floor / times[-1])
        if options.predecessor and row.predecessor:
            earlier.append(predecessor(options.predecessor, row, options.dir) / times[-1])
    low, middle, high = (
        statistics.quantiles(ratios, n=4, method="inclusive") if len(ratios) > 1 else ratios * 3
    )
    line = (
        f"{row.name:40} {1 / statistics.median(times):9,.0f}/s  {row.label:4} "
        f"{middle:5.2f} ({low:.2f} to {high:.2f}), goal {row.goal}"
    )
    if earlier:
        line += f"  {statistics.median(earlier):6.1f} x persist-queue"
    return line


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=9, help="turns for each line")
    parser.add_argument("--count", type=int, default=0, help="calls in a turn")
    parser.add_argument("--only", default="", help="lines whose name holds this")
    parser.add_argument("--dir", type=Path, help="where to write; a directory on the disk meant")
    parser.add_argument("--predecessor", default="", help="a Python that has persist-queue 1.1")
    options = parser.parse_args()
    for row in rows():
        if options.only in row.name:
            print(compared(row, options), flush=True)


if __name__ == "__main__":
    main()
