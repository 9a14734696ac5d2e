"""Tables of earlier schema versions become those of this one when they are opened."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pq_core.errors import Empty, StorageError
from pq_sqlite import FILOSQLiteAckQueue, SQLiteAckQueue

FIXTURES = Path(__file__).parents[1] / "fixtures" / "schema"


def opened_as(version: int, to: Path) -> Path:
    """A directory with the database that was written with this version of the schema."""
    to.mkdir()
    with closing(sqlite3.connect(to / "data.db")) as database:
        database.executescript((FIXTURES / f"sqlite-{version}.sql").read_text())
    return to


def indexes(path: Path) -> set[str]:
    """The names of the indexes of the database, but for those that SQLite makes."""
    with closing(sqlite3.connect(path / "data.db")) as database:
        rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'index'")
        return {name for (name,) in rows if name.startswith("pq_")}


ACKED = pytest.mark.parametrize("cls", [SQLiteAckQueue, FILOSQLiteAckQueue])


@ACKED
def test_an_ack_queue_of_version_1_keeps_its_items(
    cls: type[SQLiteAckQueue[str]], tmp_path: Path
) -> None:
    """Version 1 of an ack queue opens: every item is in the state, and place, that it had."""
    path = opened_as(1, tmp_path / "old")
    with closing(cls(path, serializer="json", auto_resume=False, clock=lambda: 1050.0)) as queue:
        stats = queue.stats()
        assert (stats.ready, stats.delayed, stats.leased, stats.dead) == (3, 1, 1, 1)
        assert (queue.acked_count(), queue.expired_count(), queue.total) == (3, 1, 9)
        assert [queue.get(block=False) for _ in range(3)] == ["first", "x", "last"]
        with pytest.raises(Empty):
            queue.get(block=False)
        (dead,) = queue.dead_letters()
        assert (dead.id, dead.reason) == (6, "no such house")
        assert queue.resume_unack_tasks() == 1
        assert queue.get(block=False) == "leased"
        assert queue.redrive() == 1
        assert queue.get(block=False) == "failed"
        assert queue.clear_acked_data(keep_latest=1) == 2
        assert [row["data"] for row in queue.queue() if row["status"] == 5] == ["acked"]
        assert queue.verify() == []


@ACKED
def test_a_migrated_ack_queue_has_the_indexes_of_a_new_one(
    cls: type[SQLiteAckQueue[str]], tmp_path: Path
) -> None:
    """What version 2 does without is gone, and a second opening changes nothing."""
    path = opened_as(1, tmp_path / "old")
    for other in (SQLiteAckQueue, FILOSQLiteAckQueue):
        other(path).close()
        other(tmp_path / "new").close()
    assert indexes(path) == indexes(tmp_path / "new")
    with closing(cls(path, serializer="json", auto_resume=False, clock=lambda: 1200.0)) as queue:
        assert "delayed" in [queue.get(block=False) for _ in range(4)]


def test_a_migration_from_version_1_is_all_or_nothing(tmp_path: Path) -> None:
    """Where a part of it cannot be, the tables are still those of version 1."""
    path = opened_as(1, tmp_path / "old")
    with closing(sqlite3.connect(path / "data.db")) as database:
        database.execute("CREATE INDEX pq_order_ack_queue_default ON pq_meta (marks)")
    before = indexes(path)
    with pytest.raises(StorageError):
        SQLiteAckQueue(path)
    assert indexes(path) == before
    with closing(sqlite3.connect(path / "data.db")) as database:
        rows = database.execute("SELECT DISTINCT version FROM pq_meta").fetchall()
    assert rows == [(1,)]
