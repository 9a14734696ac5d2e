"""Work does not grow with depth, with what is settled, or with what is dead: counted, not timed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import DecodeError
from pq_sqlite import (
    FILOSQLiteAckQueue,
    FILOSQLiteQueue,
    PriorityQueue,
    SQLiteAckQueue,
    SQLiteQueue,
    UniqueAckQ,
    UniqueQ,
)
from tests.sqlite.steps import steps

PLAIN = [SQLiteQueue, FILOSQLiteQueue, UniqueQ, PriorityQueue]
ACKED = [SQLiteAckQueue, FILOSQLiteAckQueue, UniqueAckQ]
DEEP = pytest.param(100_000, marks=pytest.mark.slow)
DEPTHS = pytest.mark.parametrize("depth", [3_000, DEEP])


def work(queue: Any) -> dict[str, int]:
    """The steps of each operation of a queue, in the cheapest of three tries.

    Once in a while an operation does the upkeep of many.
    """

    def cycle() -> Iterator[tuple[str, int]]:
        item = f"item {random.random()}"
        yield "put", steps(queue, lambda: queue.put(item))
        yield "look", steps(queue, queue.peek)
        got: list[Any] = []
        yield "get", steps(queue, lambda: got.append(queue.get(block=False)))
        if hasattr(queue, "ack"):
            yield "ack", steps(queue, lambda: queue.ack(got[0]))
            got.append(queue.get(block=False))
            yield "nack", steps(queue, lambda: queue.nack(got[1]))
        elif not queue.auto_commit:
            yield "task_done", steps(queue, queue.task_done)

    tries = [dict(cycle()) for _ in range(3)]
    return {name: min(each[name] for each in tries) for name in tries[0]}


def is_flat(shallow: dict[str, int], deep: dict[str, int]) -> bool:
    """Whether nothing takes more steps, but for what a search in a larger tree may."""
    return all(deep[name] <= 1.1 * shallow[name] + 20 for name in shallow)


def fill(queue: Any, count: int) -> None:
    """So many items, with some different priorities where the queue has them."""
    items = [f"{n} of {count}" for n in range(count)]
    if isinstance(queue, PriorityQueue):
        with queue.transaction():
            for n, item in enumerate(items):
                queue.put(item, n % 7)
    else:
        queue.put_many(items)


@DEPTHS
@pytest.mark.parametrize("options", [{}, {"auto_commit": False}], ids=["settles", "holds"])
@pytest.mark.parametrize("cls", PLAIN)
def test_depth(cls: Any, options: dict[str, Any], depth: int, tmp_path: Path) -> None:
    """Put, look, get and task_done take the same steps at any depth."""
    with closing(cls(tmp_path, durability="off", **options)) as queue:
        fill(queue, 100)
        shallow = work(queue)
        fill(queue, depth)
        assert is_flat(shallow, work(queue))


@DEPTHS
@pytest.mark.parametrize("cls", ACKED)
def test_depth_of_an_ack_queue(cls: Any, depth: int, tmp_path: Path) -> None:
    """Put, look, get, ack and nack take the same steps at any depth."""
    with closing(cls(tmp_path, durability="off")) as queue:
        fill(queue, 100)
        shallow = work(queue)
        fill(queue, depth)
        assert is_flat(shallow, work(queue))


@DEPTHS
@pytest.mark.parametrize("cls", ACKED)
def test_acked_rows(cls: Any, depth: int, tmp_path: Path) -> None:
    """No operation of an ack queue looks at the acked items that are kept."""
    with closing(cls(tmp_path, durability="off", keep_acked=2 * depth)) as queue:
        fill(queue, 100)
        shallow = work(queue)
        fill(queue, depth)
        queue.get_many(queue.ready_count())
        assert queue.ack_many(range(depth + 200)) >= depth
        fill(queue, 99)
        assert queue.acked_count() >= depth
        assert is_flat(shallow, work(queue))


@DEPTHS
def test_upkeep_of_acked_rows(depth: int, tmp_path: Path) -> None:
    """Nor does what is done once in some hundred acks, as long as all of them are kept."""

    def cycles(queue: Any) -> None:
        for number in range(300):
            queue.put(number)
            queue.ack(queue.get(block=False))

    with SQLiteAckQueue[int](tmp_path, durability="off", keep_acked=2 * depth) as queue:
        shallow = steps(queue, lambda: cycles(queue))
        ids = queue.put_many(range(depth))
        queue.get_many(depth)
        queue.ack_many(ids)
        assert queue.acked_count() > depth
        assert steps(queue, lambda: cycles(queue)) <= 1.1 * shallow


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("cls", [*PLAIN, *ACKED])
def test_dead_letters(cls: Any, count: int, tmp_path: Path) -> None:
    """No operation looks at dead letters."""
    with closing(cls(tmp_path, durability="off")) as queue:
        fill(queue, 100)
        shallow = work(queue)
        queue.clear()
        fill(queue, count)
        with queue.transaction() as connection:
            connection.execute(f'UPDATE "{cls.kind.table("default")}" SET crc = 0')
            for _ in range(count):
                with pytest.raises(DecodeError):
                    queue.get(block=False)
        fill(queue, 99)
        assert queue.stats().dead == count
        assert is_flat(shallow, work(queue))
