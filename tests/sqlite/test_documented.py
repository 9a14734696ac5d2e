"""The examples that users of the predecessors know, as they are written there."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

import pq_sqlite as persistqueue
from pq_core.errors import Empty
from pq_core.registry import QueueURL
from pq_sqlite import SQLiteBackend, _doctor, doctor
from pq_sqlite._doctor import has_wal_reset_bug


@pytest.fixture(autouse=True)
def _in_a_fresh_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_sqlite_queue() -> None:
    """A queue that is deleted and created again goes on where it was."""
    q = persistqueue.SQLiteQueue[str]("mypath", auto_commit=True)
    q.put("str1")
    q.put("str2")
    q.put("str3")
    assert q.get() == "str1"
    del q
    q = persistqueue.SQLiteQueue("mypath", auto_commit=True)
    assert q.get() == "str2"
    q.close()


def test_unique() -> None:
    """An item is there once."""
    q = persistqueue.UniqueQ[str]("mypath")
    q.put("str1")
    q.put("str1")
    assert q.size == 1
    q.put("str2")
    assert q.size == 2
    q.close()


def test_ack() -> None:
    """ack, nack and ack_failed of one item, one after the other as in the documentation."""
    ackq = persistqueue.SQLiteAckQueue[str]("path")
    ackq.put("str1")
    item = ackq.get()
    ackq.ack(item)
    ackq.nack(item)
    ackq.ack_failed(item)
    assert ackq.acked_count() == 1
    ackq.close()


def test_raw() -> None:
    """A raw item tells id and time, and can be acked and updated."""
    q = persistqueue.SQLiteAckQueue[str]("path")
    q.put("val1")
    d = q.get(raw=True)
    assert (d["pqid"], d["data"]) == (1, "val1")
    d["data"] = "val2"
    assert q.update(d) == 1
    assert q.ack(d) == 1
    assert q.queue() == [{"id": 1, "data": "val2", "timestamp": d["timestamp"], "status": 5}]
    q.close()


def test_next_in_order() -> None:
    """get, nack, get the next one."""
    q = persistqueue.SQLiteAckQueue[str]("path")
    q.put("val1")
    q.put("val2")
    q.put("val3")
    item = q.get()
    id = q.nack(item)
    assert q.get(id=id, next_in_order=True) == "val2"
    q.close()


def test_non_block() -> None:
    """get(block=False, timeout=5) does not wait."""
    with closing(persistqueue.SQLiteAckQueue[str]("path")) as q, pytest.raises(Empty):
        q.get(block=False, timeout=5)


def test_priority() -> None:
    """The lowest number comes first."""
    q = persistqueue.PriorityQueue[str]("mypath")
    q.put("low", priority=10)
    q.put("high", priority=1)
    q.put("mid", priority=5)
    assert [q.get(), q.get(), q.get()] == ["high", "mid", "low"]
    q.close()


def test_pdict() -> None:
    """Set, get, len, del, and the KeyError with its documented text."""
    q = persistqueue.PDict("testpath", "testname")
    q["key1"] = 123
    q["key2"] = 321
    assert (q["key1"], len(q)) == (123, 2)
    del q["key1"]
    with pytest.raises(KeyError, match=r"Key: key1 not exists\."):
        q["key1"]
    q.close()
    q = persistqueue.PDict("testpath", "testname")
    assert q["key2"] == 321
    q.close()


def test_workers() -> None:
    """Worker threads that only get, and a join in the end."""
    q = persistqueue.FIFOSQLiteQueue[Any](path="./test", multithreading=True)
    done = []

    def worker() -> None:
        while True:
            item = q.get()
            if item is None:
                return
            done.append(item)

    threads = [Thread(target=worker, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for item in range(30):
        q.put(item)
    q.join()
    assert sorted(done) == list(range(30))
    for _ in threads:
        q.put(None)
    for thread in threads:
        thread.join()
    q.close()


def test_active_size_and_clearing() -> None:
    """active_size follows put and ack, qsize follows put and get."""
    q = persistqueue.SQLiteAckQueue[str]("path")
    q.put("a")
    q.put("b")
    item = q.get()
    assert (q.active_size(), q.qsize(), q.unack_count(), q.ready_count()) == (2, 1, 1, 1)
    q.ack(item)
    q.ack_failed(q.get())
    assert (q.active_size(), q.acked_count(), q.ack_failed_count()) == (0, 1, 1)
    assert q.clear_acked_data(max_delete=1000, keep_latest=0, clear_ack_failed=True) == 2
    q.shrink_disk_usage()
    assert q.total == 0
    q.close()


@pytest.mark.parametrize(
    ("kind", "cls"),
    [
        ("fifo", persistqueue.SQLiteQueue),
        ("filo", persistqueue.FILOSQLiteQueue),
        ("unique", persistqueue.UniqueQ),
        ("priority", persistqueue.PriorityQueue),
        ("ack", persistqueue.SQLiteAckQueue),
        ("filo-ack", persistqueue.FILOSQLiteAckQueue),
        ("unique-ack", persistqueue.UniqueAckQ),
    ],
)
def test_urls(kind: str, cls: Any, tmp_path: Path) -> None:
    """A URL opens the kind that it names, with the options that it gives."""
    url = QueueURL.parse(f"sqlite://{tmp_path}/q?name=orders&kind={kind}&durability=normal")
    with closing(SQLiteBackend.from_url(url, maxsize=7)) as queue:
        assert type(queue) is cls
        assert queue.maxsize == 7
        queue.put("a")
    with closing(cls(tmp_path / "q", name="orders")) as queue:
        assert queue.get(block=False) == "a"


def test_urls_that_mean_nothing(tmp_path: Path) -> None:
    """An unknown kind or option is a ValueError that lists the known ones."""
    with pytest.raises(ValueError, match="fifo"):
        SQLiteBackend.from_url(QueueURL.parse(f"sqlite://{tmp_path}?kind=heap"))
    with pytest.raises(ValueError, match="lease"):
        SQLiteBackend.from_url(QueueURL.parse(f"sqlite://{tmp_path}?lease=3"))


def test_doctor(tmp_path: Path) -> None:
    """doctor() knows the versions with the WAL-reset bug, and is silent about sound ones."""
    assert doctor(tmp_path, version=(3, 51, 3)) == []
    assert "WAL-reset" in doctor(tmp_path, version=(3, 40, 1))[0]
    sound = [(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 53, 0)]
    broken = [(3, 7, 0), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2)]
    assert [has_wal_reset_bug(each) for each in sound] == [False] * len(sound)
    assert [has_wal_reset_bug(each) for each in broken] == [True] * len(broken)


def test_doctor_knows_network_file_systems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """doctor() warns of a path that lies on NFS or the like."""
    monkeypatch.setattr(_doctor, "file_system", lambda _: "nfs4")
    (warning,) = doctor(tmp_path, version=(3, 51, 3))
    assert "network file system (nfs4)" in warning
