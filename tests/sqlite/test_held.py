"""auto_commit=False: what is held is passed by, and what comes back is first again."""

from __future__ import annotations

import random
import sqlite3
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import DecodeError, Empty
from pq_core.sql.plans import front
from pq_sqlite import FILOSQLiteQueue, PriorityQueue, SQLiteQueue, UniqueQ
from tests.sqlite.steps import steps

#: More than a look that starts over takes, and much less than passing by a thousand held items.
SLACK = 300


def is_empty(queue: Any) -> bool:
    """Whether a get finds nothing."""
    try:
        queue.get(block=False)
    except Empty:
        return True
    return False


def put(queue: Any, item: object, priority: int) -> None:
    """A put with this priority, where the queue has one."""
    queue.put(item, priority) if isinstance(queue, PriorityQueue) else queue.put(item)


CLASSES = [SQLiteQueue, UniqueQ, FILOSQLiteQueue, PriorityQueue]


@pytest.mark.parametrize("cls", CLASSES)
def test_a_get_does_not_scan_what_is_held(cls: Any, tmp_path: Path) -> None:
    """The work of a get is the same with 5 and with 5000 items out, and where nothing is ready."""
    with closing(cls(tmp_path, auto_commit=False, durability="off")) as queue:
        queue.put_many(range(6000))
        queue.get_many(5)
        few = steps(queue, queue.get)
        queue.get_many(5000)
        assert steps(queue, queue.get) <= few + SLACK
        queue.get_many(1000)
        assert is_empty(queue)
        assert steps(queue, lambda: is_empty(queue)) <= few + SLACK


@pytest.mark.parametrize("cls", [FILOSQLiteQueue, PriorityQueue])
def test_what_comes_in_front_of_what_is_held(cls: Any, tmp_path: Path) -> None:
    """A put that comes before what is held is the next one, and costs the get nothing more."""
    with closing(cls(tmp_path, auto_commit=False, durability="off")) as queue:
        queue.put_many(range(6000))
        queue.get_many(5)
        few = steps(queue, queue.get)
        queue.get_many(5000)
        work = []
        got: list[Any] = []
        for item in ("x", "y"):
            put(queue, item, -1)
            work.append(steps(queue, lambda: got.append(queue.get())))
            work.append(steps(queue, queue.get))
        assert got == ["x", "y"]
        assert max(work) <= few + SLACK


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("seed", range(4))
def test_what_is_next_while_some_is_held(
    cls: Any, seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is put, held, settled and given back: a get has the first that is ready."""
    # Small, so that the look starts over often.
    monkeypatch.setattr(front, "EARLY", 3)
    monkeypatch.setattr(front, "NEW", 4)
    chance = random.Random(seed)
    ready: dict[int, int] = {}  # its rank by each item
    lent: set[int] = set()
    ranks: dict[int, int] = {}

    def first() -> int:
        sign = -1 if cls is FILOSQLiteQueue else 1
        return min(ready, key=lambda item: (ready[item], sign * item))

    with ExitStack() as stack:
        opened = [stack.enter_context(closing(cls(tmp_path, auto_commit=False))) for _ in "ab"]
        other = cls(tmp_path, auto_commit=False)
        for item in range(150):
            rank = chance.randrange(3) if cls is PriorityQueue else 0
            if chance.random() < 0.7:
                put(opened[item % 2], item, rank)
                ready[item] = ranks[item] = rank
            for queue in (*chance.sample(opened, chance.randrange(2)), other):
                if ready and chance.random() < 0.5:
                    expected = first()
                    assert queue.get(block=False) == expected
                    del ready[expected]
                    if queue is other:
                        lent.add(expected)
            if chance.random() < 0.1:
                with suppress(ValueError):
                    opened[0].task_done()
            if chance.random() < 0.1:
                other.close()
                ready.update((each, ranks[each]) for each in lent)
                lent.clear()
                other = cls(tmp_path, auto_commit=False)
        other.close()


@pytest.mark.parametrize("cls", [SQLiteQueue, UniqueQ, FILOSQLiteQueue, PriorityQueue])
def test_what_comes_back_is_first_again(cls: Any, tmp_path: Path) -> None:
    """An item that another object gives back is the next one, though later ones were got."""
    with (
        closing(cls(tmp_path, auto_commit=False)) as queue,
        closing(cls(tmp_path, auto_commit=False)) as other,
    ):
        queue.put_many(range(5))
        order = [4, 3, 2, 1, 0] if cls is FILOSQLiteQueue else [0, 1, 2, 3, 4]
        assert other.get() == order[0]
        assert [queue.get(), queue.get()] == order[1:3]
        other.close()
        assert [queue.get(), queue.get(), queue.get()] == [order[0], *order[3:]]


def test_what_a_rollback_gives_back_is_first_again(tmp_path: Path) -> None:
    """A get in a transaction that is rolled back has not happened."""
    with closing(SQLiteQueue[int](tmp_path, auto_commit=False)) as queue:
        queue.put_many(range(4))
        assert queue.get() == 0
        with pytest.raises(ZeroDivisionError), queue.transaction():
            assert queue.get(block=False) == 1
            raise ZeroDivisionError
        assert [queue.get(block=False) for _ in range(3)] == [1, 2, 3]


def test_a_dead_letter_that_is_put_back_is_first_again(tmp_path: Path) -> None:
    """A redriven item has its old place."""
    with closing(SQLiteQueue[str](tmp_path, auto_commit=False)) as queue:
        queue.put_many("abc")
        with closing(sqlite3.connect(tmp_path / "data.db")) as database, database:
            ((data,),) = database.execute("SELECT data FROM queue_default WHERE _id = 1")
            database.execute("UPDATE queue_default SET data = x'00' WHERE _id = 1")
        with pytest.raises(DecodeError):
            queue.get()
        assert queue.get() == "b"
        with closing(sqlite3.connect(tmp_path / "data.db")) as database, database:
            database.execute("UPDATE pq_dead_queue_default SET data = ?", (data,))
        assert queue.redrive() == 1
        assert [queue.get(), queue.get()] == ["a", "c"]
