"""Bad paths, damaged files, full disks: each a typed error that names the object, nothing lost."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import stat
import threading
import warnings
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import (
    Empty,
    EncodeError,
    QueueClosed,
    StorageBusy,
    StorageCorrupt,
    StorageError,
)
from pq_core.sqlite.engine import SQLiteEngine
from pq_core.testing.elsewhere import PATIENCE
from pq_sqlite import PDict, SQLiteAckQueue, SQLiteQueue, UniqueQ

CLASSES = [SQLiteQueue, SQLiteAckQueue]


def test_the_path_is_a_file(tmp_path: Path) -> None:
    """A path that is a file is a StorageError that names it."""
    (tmp_path / "file").write_text("here")
    with pytest.raises(StorageError, match="file"):
        SQLiteQueue(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "here"


def test_the_file_is_no_database(tmp_path: Path) -> None:
    """A file that is no database is StorageCorrupt, and is left alone."""
    (tmp_path / "data.db").write_bytes(b"hello, this is no database. " * 100)
    with pytest.raises(StorageCorrupt, match="not an SQLite database") as caught:
        SQLiteQueue(tmp_path)
    assert caught.value.path == tmp_path / "data.db"
    assert (tmp_path / "data.db").read_bytes().startswith(b"hello")


def damaged(file: Path, first: int) -> None:
    """Overwrites the start of each page from `first` on."""
    data = bytearray(file.read_bytes())
    for at in range(first * 4096, len(data), 4096):
        data[at : at + 100] = b"\xff" * 100
    file.write_bytes(data)


@pytest.mark.parametrize("cls", CLASSES)
def test_a_small_damaged_database_is_not_opened(cls: Any, tmp_path: Path) -> None:
    """Damaged pages of a small file are told on opening, with the name of the file."""
    with closing(cls(tmp_path)) as queue:
        queue.put_many([f"item {n} " * 20 for n in range(200)])
    file = tmp_path / "data.db"
    damaged(file, 5)
    before = file.read_bytes()
    with pytest.raises(StorageCorrupt, match=r"data\.db") as caught:
        cls(tmp_path)
    assert caught.value.path == file
    assert file.read_bytes() == before


def test_a_large_damaged_database(tmp_path: Path) -> None:
    """Damaged pages are reported by verify, and never become a wrong item."""
    items = [f"item {n} " * 100 for n in range(3000)]
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        queue.put_many(items)
    file = tmp_path / "data.db"
    assert file.stat().st_size > 1 << 20
    damaged(file, 300)
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        assert queue.verify()
        with pytest.raises((StorageCorrupt, ValueError, Empty)):
            while True:
                assert queue.get(block=False) in items


@pytest.mark.parametrize(
    ("cls", "options"), [(SQLiteQueue, {"auto_commit": False}), (SQLiteAckQueue, {})]
)
def test_verify_looks_at_what_is_out(cls: Any, options: Any, tmp_path: Path) -> None:
    """A payload that changed while its item is handed out or delayed is found; a settled one not."""
    is_acked = cls is SQLiteAckQueue
    with closing(cls(tmp_path, **options)) as queue:
        queue.put("out")
        assert queue.get() == "out"
        ids = [1]
        if is_acked:
            ids.append(queue.put("delayed", delay=1000))
            settled = queue.put("settled")
            assert queue.ack(queue.get()) == settled
        with closing(sqlite3.connect(tmp_path / "data.db")) as database, database:
            database.execute(f"UPDATE {'ack_' if is_acked else ''}queue_default SET data = x'00'")
        found = queue.verify()
        assert [damage.reason.split(":")[0] for damage in found] == [f"item {n}" for n in ids]


def test_stats_tell_what_could_be_given_back(tmp_path: Path) -> None:
    """`reclaimable` is the room of free pages: none at first, that of the items after they went."""
    with closing(SQLiteQueue[bytes](tmp_path)) as queue:
        queue.put_many([b"x" * 10_000] * 20)
        assert queue.stats().reclaimable == 0
        queue.clear()
        assert 150_000 < queue.stats().reclaimable < queue.stats().bytes
        queue.shrink_disk_usage()
        assert queue.stats().reclaimable == 0


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory(tmp_path: Path) -> None:
    """A directory that cannot be written is a StorageError that names the file."""
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StorageError, match=r"data\.db"):
            SQLiteQueue(tmp_path)
    finally:
        tmp_path.chmod(0o700)


def test_new_files_are_private(tmp_path: Path) -> None:
    """New directories are 0700 and new databases 0600."""
    with closing(SQLiteAckQueue[str](tmp_path / "a" / "b")) as queue:
        queue.put("x")
        queue.get()
        for folder in (
            tmp_path / "a",
            tmp_path / "a" / "b",
            tmp_path / "a" / "b" / "data.db-owners",
        ):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in (tmp_path / "a" / "b").iterdir():
            if file.is_file():
                assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("cls", CLASSES)
def test_an_item_that_cannot_be_serialized(cls: Any, tmp_path: Path) -> None:
    """Put raises EncodeError, and put_many with one such item stores none."""
    with closing(cls(tmp_path)) as queue:
        with pytest.raises(EncodeError):
            queue.put(lambda: None)
        with pytest.raises(EncodeError):
            queue.put_many([1, lambda: None])
        assert queue.size == 0


def test_another_transaction_is_busy_not_locked(tmp_path: Path) -> None:
    """Where somebody holds the database for longer than `timeout`, that is StorageBusy."""
    with closing(SQLiteQueue[str](tmp_path, timeout=0.05)) as queue:
        with closing(sqlite3.connect(tmp_path / "data.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StorageBusy, match=r"0\.05"):
                queue.put("a")
            other.execute("ROLLBACK")
        queue.put("b")
        assert queue.get() == "b"


@pytest.mark.parametrize("cls", CLASSES)
def test_a_closed_queue(cls: Any, tmp_path: Path) -> None:
    """A closed queue raises QueueClosed, and closing it again does nothing."""
    queue = cls(tmp_path)
    queue.close()
    queue.close()
    for call in (lambda: queue.put(1), queue.get, queue.qsize, queue.stats):
        with pytest.raises(QueueClosed):
            call()


def test_a_negative_timeout(tmp_path: Path) -> None:
    """A negative timeout is a ValueError, of the constructor too."""
    with pytest.raises(ValueError, match="timeout"):
        SQLiteQueue(tmp_path, timeout=-1)


def test_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    """Puts, acks and statements of one's own in a transaction happen together or not at all."""
    with closing(SQLiteAckQueue[str](tmp_path)) as queue:
        queue.put("a")
        item = queue.get()
        with queue.transaction() as connection:
            connection.execute("CREATE TABLE mine (x)")
        with pytest.raises(ZeroDivisionError), queue.transaction() as connection:
            connection.execute("INSERT INTO mine VALUES (1)")
            queue.put("b")
            queue.ack(item)
            raise ZeroDivisionError
        assert (queue.size, queue.unack_count()) == (0, 1)
        with queue.transaction() as connection:
            connection.execute("INSERT INTO mine VALUES (2)")
            queue.put("c")
            queue.ack(item)
    with closing(SQLiteAckQueue[str](tmp_path)) as queue:
        assert (queue.size, queue.acked_count()) == (1, 1)
    with closing(sqlite3.connect(tmp_path / "data.db")) as database:
        assert database.execute("SELECT x FROM mine").fetchall() == [(2,)]


def test_a_queue_crosses_a_fork_and_a_pickle(tmp_path: Path) -> None:
    """A queue object works in a forked child, and a pickled one opens the same storage."""
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        queue.put("for the child")
        if hasattr(os, "fork"):
            child = os.fork()
            if child == 0:
                try:
                    os._exit(0 if queue.get(block=False) == "for the child" else 1)
                finally:
                    os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
            assert queue.size == 0
        queue.put("for the copy")
        with closing(pickle.loads(pickle.dumps(queue))) as copy:
            assert copy.get(block=False) == "for the copy"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_fork_waits_until_a_queue_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that is opening a queue is waited for: what it holds then the child could never free."""
    is_opening, may_go_on = threading.Event(), threading.Event()
    check, before_fork = SQLiteEngine._check, SQLiteEngine.before_fork

    def slow_check(engine: SQLiteEngine) -> None:
        is_opening.set()
        assert may_go_on.wait(PATIENCE)
        check(engine)

    def told(engine: SQLiteEngine) -> bool:
        may_go_on.set()
        return before_fork(engine)

    monkeypatch.setattr(SQLiteEngine, "_check", slow_check)
    monkeypatch.setattr(SQLiteEngine, "before_fork", told)
    opened: list[SQLiteQueue[str]] = []
    thread = threading.Thread(target=lambda: opened.append(SQLiteQueue(tmp_path)))
    thread.start()
    assert is_opening.wait(PATIENCE)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that there are threads
        child = os.fork()
    if child == 0:
        try:
            signal.alarm(int(PATIENCE))
            SQLiteQueue[str](tmp_path).put("of the child")
            os._exit(0)
        finally:
            os._exit(2)
    was_asked = may_go_on.is_set()
    may_go_on.set()
    thread.join(PATIENCE)
    assert os.waitpid(child, 0)[1] == 0
    assert was_asked
    with closing(opened[0]) as queue:
        assert queue.get(timeout=PATIENCE) == "of the child"


def test_a_queue_in_memory_cannot_be_pickled() -> None:
    """A queue without a file has nothing that another process could open."""
    queue = SQLiteQueue[str](":memory:")
    with closing(queue), pytest.raises(TypeError, match="memory"):
        pickle.dumps(queue)


def test_nothing_is_lost_on_close_without_auto_commit(tmp_path: Path) -> None:
    """With auto_commit=False puts are kept by close, and what was got and not settled is ready."""
    with closing(SQLiteQueue[str](tmp_path, auto_commit=False)) as queue:
        queue.put_many("ab")
        assert queue.get() == "a"
    with closing(SQLiteQueue[str](tmp_path, auto_commit=False)) as queue:
        assert [queue.get(block=False), queue.get(block=False)] == ["a", "b"]


def test_unique_ids_of_what_is_there(tmp_path: Path) -> None:
    """Putting an item that is there returns its id; equal dicts are equal in any order."""
    with closing(UniqueQ[Any](tmp_path)) as queue:
        id = queue.put({"a": 1, "b": 2})
        assert queue.put({"b": 2, "a": 1}) == id
        assert queue.size == 1


def test_a_dictionary_in_memory() -> None:
    """PDict takes :memory: too."""
    with closing(PDict(":memory:", "x")) as numbers:
        numbers["a"] = None
        assert numbers["a"] is None
