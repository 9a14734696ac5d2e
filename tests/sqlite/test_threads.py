"""Threads that share one queue object, and its transactions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import StorageError
from pq_sqlite import SQLiteAckQueue, SQLiteQueue


def in_threads(work: Callable[[int], None], count: int) -> None:
    """Runs `work` in so many threads, and waits for all."""
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_that_put_share_commits(tmp_path: Path) -> None:
    """Every put of eight threads is stored once under its own id, in fewer commits than puts."""
    ids: list[list[int]] = [[] for _ in range(8)]
    with closing(SQLiteQueue[Any](tmp_path)) as queue:

        def put(number: int) -> None:
            for n in range(50):
                ids[number].append(queue.put((number, n)))

        in_threads(put, 8)
        assert queue.size == 400
    with closing(SQLiteQueue[Any](tmp_path)) as queue:
        stored = {row["id"]: row["data"] for row in queue.queue()}
    assert stored == {id: (k, n) for k, own in enumerate(ids) for n, id in enumerate(own)}
    assert all(own == sorted(own) for own in ids)


def test_one_bad_put_fails_alone(tmp_path: Path) -> None:
    """Where threads share a transaction, what one of them cannot store fails for it alone."""
    failures = []
    with closing(SQLiteQueue[Any](tmp_path)) as queue:
        plans = queue._plans

        def put(number: int) -> None:
            for n in range(30):
                if number == 0:
                    # A checksum that is no 64-bit number: SQLite refuses the statement.
                    try:
                        queue._engine.write(plans.put, b"x", 1 << 80, 0)
                    except (OverflowError, StorageError) as error:
                        failures.append(error)
                else:
                    queue.put(n)

        in_threads(put, 4)
        assert (queue.size, len(failures)) == (90, 30)


def test_consumers_in_threads_share_nothing(tmp_path: Path) -> None:
    """Threads that drain one object get each item once."""
    got: list[list[Any]] = [[] for _ in range(4)]
    with closing(SQLiteAckQueue[Any](tmp_path, durability="normal")) as queue:
        queue.put_many(range(300))

        def drain(number: int) -> None:
            while not queue.empty():
                try:
                    with queue.receive(block=False) as message:
                        got[number].append(message.item)
                except queue_empty():
                    return

        in_threads(drain, 4)
        assert sorted(item for own in got for item in own) == list(range(300))
        assert queue.active_size() == 0


def queue_empty() -> type[Exception]:
    """The library's Empty, by its standard name."""
    from queue import Empty

    return Empty


def test_task_done_settles_what_its_thread_got(tmp_path: Path) -> None:
    """With auto_commit=False task_done leaves alone what another live thread has out."""
    with closing(SQLiteQueue[str](tmp_path, auto_commit=False)) as queue:
        queue.put_many("ab")
        got, go = threading.Event(), threading.Event()

        def other() -> None:
            queue.get()
            got.set()
            go.wait(30)

        thread = threading.Thread(target=other)
        thread.start()
        got.wait(30)
        assert queue.get() == "b"
        queue.task_done()
        assert queue.total == 1
        go.set()
        thread.join()


def test_a_transaction_must_not_be_ended_inside(tmp_path: Path) -> None:
    """A commit inside of transaction() is refused with a StorageError."""
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        with pytest.raises(StorageError, match="ended"), queue.transaction() as connection:
            connection.execute("COMMIT")
        queue.put("a")
        assert queue.size == 1


def test_everything_may_be_asked_inside_of_a_transaction(tmp_path: Path) -> None:
    """Inside of transaction() its own thread may look, count and take, for the first time too."""
    with SQLiteAckQueue[str](tmp_path) as queue:
        queue.put("a")
        with queue.transaction():
            assert queue.stats().ready == 1
            message = queue.receive_nowait()
            queue.put("b")
            message.ack()
            assert (queue.stats().ready, queue.stats().leased) == (1, 0)
            assert queue.verify() == []
        assert list(queue.browse()) == ["b"]


def test_a_queue_is_not_closed_inside_of_its_transaction(tmp_path: Path) -> None:
    """A close inside of transaction() is refused, and what was begun is rolled back."""
    with SQLiteAckQueue[str](tmp_path) as queue:
        with pytest.raises(StorageError, match="close after it"), queue.transaction():
            queue.put("a")
            queue.close()
        assert queue.empty()
