"""auto_commit=False: what is held is passed by, and what comes back is first again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import DecodeError
from pq_sqlite import FILOSQLiteQueue, PriorityQueue, SQLiteQueue, UniqueQ


@pytest.mark.parametrize("cls", [SQLiteQueue, UniqueQ])
def test_a_get_does_not_scan_what_is_held(cls: Any, tmp_path: Path) -> None:
    """The work of a get is the same with 5 and with 5000 items out."""
    with closing(cls(tmp_path, auto_commit=False, durability="off")) as queue:
        queue.put_many(range(6000))
        work: list[int] = []
        with queue.transaction() as connection:
            pass

        def step() -> int:
            work[-1] += 1
            return 0

        def measured() -> int:
            work.append(0)
            connection.set_progress_handler(step, 10)
            queue.get()
            connection.set_progress_handler(None, 0)
            return work[-1]

        queue.get_many(5)
        few = measured()
        queue.get_many(5000)
        assert measured() <= few + 5


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
