"""Producers and consumers in processes that are killed at random."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import Empty
from pq_sqlite import SQLiteAckQueue

SPAWN = multiprocessing.get_context("spawn")


def _produce(path: str, number: int, until: float) -> None:
    # What a producer noted was acknowledged: the put had returned.
    with (
        closing(SQLiteAckQueue[Any](path)) as queue,
        Path(path, f"put-{number}").open("a") as notes,
    ):
        count = 0
        while time.time() < until:
            count += 1
            queue.put((number, count))
            notes.write(f"{number} {count}\n")
            notes.flush()


def _consume(path: str, name: str) -> None:
    queue = SQLiteAckQueue[Any](path)
    with Path(path, f"got-{name}").open("a") as notes:
        while True:
            try:
                item = queue.get(timeout=2)
            except Empty:
                if Path(path, "over").exists():
                    return
                continue
            notes.write(f"{item[0]} {item[1]}\n")
            notes.flush()
            queue.ack(item)


def _noted(path: Path, kind: str) -> list[tuple[int, int]]:
    rows = []
    for file in path.glob(f"{kind}-*"):
        for line in file.read_text().splitlines():
            first, second = line.split()
            rows.append((int(first), int(second)))
    return rows


def _run(path: Path, length: float, count: int) -> None:
    until = time.time() + length
    producers = [SPAWN.Process(target=_produce, args=(str(path), n, until)) for n in range(count)]
    names = iter(range(10_000))

    def consumer() -> Any:
        process = SPAWN.Process(target=_consume, args=(str(path), str(next(names))))
        process.start()
        return process

    for producer in producers:
        producer.start()
    consumers = [consumer() for _ in range(count)]
    killed = 0
    while any(producer.is_alive() for producer in producers):
        producers[0].join(random.uniform(0.2, 0.5))
        victim = random.randrange(count)
        if consumers[victim].is_alive():
            os.kill(consumers[victim].pid, signal.SIGKILL)
            consumers[victim].join()
            killed += 1
            consumers[victim] = consumer()
    (path / "over").touch()
    for process in [*producers, *consumers]:
        process.join(60)
        assert process.exitcode == 0
    put, got = _noted(path, "put"), _noted(path, "got")
    assert set(put) <= set(got), "an item was lost"
    # An item is out in one consumer at a time, so a kill repeats one item at most.
    assert len(got) - len(set(got)) <= killed
    with closing(SQLiteAckQueue[Any](path)) as queue:
        assert queue.active_size() == 0
        assert queue.verify() == []


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.slow
@pytest.mark.parametrize(("length", "count"), [(1.0, 2), (20.0, 4)])
def test_killed_consumers_lose_nothing(length: float, count: int, tmp_path: Path) -> None:
    """As many producers as consumers, killed at random: nothing is lost, only what was out repeats."""
    _run(tmp_path, length, count)
