"""An exception of a signal's handler, at each point of a call, leaves nothing locked or open."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.testing.elsewhere import InThread
from pq_core.testing.interrupts import points
from pq_sqlite import FILOSQLiteQueue, PDict, SQLiteAckQueue, SQLiteQueue, UniqueQ

#: Python itself passes over what is raised in a destructor.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MAKERS: dict[str, Callable[..., Any]] = {
    "plain": SQLiteQueue,
    "normal": lambda path: FILOSQLiteQueue(path, durability="normal"),
    "holding": lambda path: SQLiteQueue(path, auto_commit=False),
    "unique": UniqueQ,
    "bounded": lambda path: SQLiteQueue(path, maxsize=100),
    "ack": SQLiteAckQueue,
}


@pytest.fixture(params=MAKERS)
def kind(request: pytest.FixtureRequest) -> str:
    """How the queue is made."""
    name: str = request.param
    return name


@pytest.fixture
def queue(kind: str, tmp_path: Path) -> Iterator[Any]:
    """A queue that was used before."""
    with MAKERS[kind](tmp_path) as queue:
        queue.put("before")
        settle(queue, queue.get())
        yield queue


@pytest.fixture
def other() -> Iterator[InThread]:
    """Another thread."""
    with InThread() as thread:
        yield thread


def settle(queue: Any, item: Any) -> None:
    """Is done with an item."""
    if hasattr(queue, "ack"):
        queue.ack(item)
    else:
        queue.task_done()


def assert_free(path: Path, other: InThread, look: Callable[[], Any]) -> None:
    """Nothing is locked: neither for another connection nor for another thread."""
    with closing(sqlite3.connect(path / "data.db", timeout=0)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
        # An open read transaction would keep the log from being emptied.
        assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0
    other.call(look)


def drained(queue: Any, other: InThread) -> list[Any]:
    """All that is ready, got and settled by the other thread."""

    def drain() -> list[Any]:
        items = []
        for _ in range(queue.qsize()):
            items.append(queue.get(block=False))
            settle(queue, items[-1])
        return items

    return other.call(drain)


def test_a_put_is_interrupted(queue: Any, tmp_path: Path, other: InThread) -> None:
    """Its item is there once or not at all, and what is put behind it as well."""
    count = 0
    for point in points(lambda: queue.put("interrupted")):
        count += 1
        assert_free(tmp_path, other, queue.qsize)
        queue.put(point)
        assert sorted(map(str, drained(queue, other))) in (
            [str(point)],
            [str(point), "interrupted"],
        )
    assert count > 10
    assert drained(queue, other) == ["interrupted"]


def test_a_get_is_interrupted(queue: Any, tmp_path: Path, other: InThread) -> None:
    """The next call goes on, whoever makes it; what the get had taken is not ready meanwhile."""
    count = 0
    queue.put("first")
    for point in points(lambda: queue.get(block=False)):
        count += 1
        assert_free(tmp_path, other, queue.qsize)
        queue.put(point)
        items = drained(queue, other)
        assert point in items
        assert len(items) <= 2
        queue.put(f"next {point}")
    assert count > 10


def test_settling_is_interrupted(queue: Any, tmp_path: Path, other: InThread) -> None:
    """It is settled, or the thread may say so again; another item is not."""
    queue.put("first")
    held = [queue.get()]
    count = 0
    for point in points(lambda: settle(queue, held[0])):
        count += 1
        assert_free(tmp_path, other, queue.qsize)
        with suppress(ValueError):  # it was settled
            settle(queue, held[0])
        queue.put(point)
        held[0] = queue.get()
        assert held[0] == point
    assert count >= 2


@pytest.mark.parametrize("kind", ["ack", "holding"], indirect=True)
def test_what_a_get_had_taken_comes_again(kind: str, queue: Any, tmp_path: Path) -> None:
    """Items that nobody settled are ready once the object is closed, each of them once."""
    queue.put("first")
    count = 0
    for point in points(lambda: queue.get(block=False)):
        count += 1
        queue.put(point)
    queue.close()
    with MAKERS[kind](tmp_path) as again:
        assert again.get_many(1000) == ["first", *range(count)]


def test_a_transaction_is_interrupted(queue: Any, tmp_path: Path, other: InThread) -> None:
    """All of it has happened, or nothing."""

    def both() -> None:
        with queue.transaction():
            queue.put("a")
            queue.put("b")

    for _ in points(both):
        assert_free(tmp_path, other, queue.qsize)
        assert len(drained(queue, other)) in (0, 2)
    assert len(drained(queue, other)) == 2


def test_a_dictionary_is_interrupted(tmp_path: Path, other: InThread) -> None:
    """A key has its old value or the new one."""
    with PDict(tmp_path, "d") as pdict:
        pdict["key"] = -1

        def change() -> None:
            pdict["key"] = pdict["key"] + 1

        for _ in points(change):
            assert_free(tmp_path, other, lambda: pdict["key"])
            assert pdict["key"] in (-1, 0)
            pdict["key"] = -1
        assert pdict["key"] == 0
