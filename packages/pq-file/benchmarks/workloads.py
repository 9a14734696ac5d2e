"""The queue's side of the benchmarks; floors.py is the other one."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from floors import BATCH, ITEM

from pq_core.protocols import Durability
from pq_file import Queue

__all__ = ["get", "get_many", "put", "put_many", "through"]


def put(directory: Path, count: int, *, durability: Durability, threads: int = 1) -> float:
    """Seconds for `count` puts from this many threads."""
    with Queue[Any](directory / "queue", durability=durability) as queue:

        def some() -> None:
            for _ in range(count // threads):
                queue.put(ITEM)

        if threads == 1:
            start = perf_counter()
            some()
            return perf_counter() - start
        workers = [threading.Thread(target=some) for _ in range(threads)]
        start = perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return perf_counter() - start


def put_many(directory: Path, count: int) -> float:
    """Seconds for `count` items in batches."""
    batch = [ITEM] * BATCH
    with Queue[Any](directory / "queue") as queue:
        start = perf_counter()
        for _ in range(count // BATCH):
            queue.put_many(batch)
        return perf_counter() - start


def get(directory: Path, count: int) -> float:
    """Seconds for `count` times get and task_done."""
    with Queue[Any](directory / "queue") as queue:
        for _ in range(count):
            queue.put(ITEM)
        start = perf_counter()
        for _ in range(count):
            queue.get()
            queue.task_done()
        return perf_counter() - start


def get_many(directory: Path, count: int) -> float:
    """Seconds for `count` items got in batches, each followed by one task_done."""
    with Queue[Any](directory / "queue") as queue:
        for _ in range(count // BATCH):
            queue.put_many([ITEM] * BATCH)
        start = perf_counter()
        for _ in range(count // BATCH):
            if len(queue.get_many(BATCH)) != BATCH:
                raise ValueError("a batch was not full")
            queue.task_done()
        return perf_counter() - start


def through(directory: Path, count: int) -> float:
    """Seconds from the first put of two producers to the last task_done of two consumers."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(5)
    path = directory / "queue"
    with Queue[Any](path) as queue:
        producers = [
            context.Process(target=_produce, args=(path, count // 2, barrier), daemon=True)
            for _ in range(2)
        ]
        pipes, consumers = [], []
        for _ in range(2):
            mine, theirs = context.Pipe(duplex=False)
            pipes.append(mine)
            consumers.append(
                context.Process(target=_consume, args=(path, barrier, theirs), daemon=True)
            )
        for process in (*producers, *consumers):
            process.start()
        barrier.wait()
        start = monotonic()
        for process in producers:
            process.join()
        queue.put_many([None, None])
        results = [pipe.recv() for pipe in pipes]
        for process in consumers:
            process.join()
    if sum(got for got, _ in results) != count // 2 * 2:
        raise ValueError("items were lost or came twice")
    return float(max(end for _, end in results) - start)


def _produce(path: Path, count: int, barrier: Barrier) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    with Queue[Any](path) as queue:
        barrier.wait()
        for _ in range(count):
            queue.put(ITEM)


def _consume(path: Path, barrier: Barrier, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    with Queue[Any](path) as queue:
        barrier.wait()
        got = 0
        while queue.get() is not None:
            queue.task_done()
            got += 1
        end = monotonic()
        queue.task_done()
        pipe.send((got, end))
