"""Databases that persist-queue wrote open in place."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import pq_sqlite
from pq_core.errors import Empty, SchemaMismatch, StorageError
from pq_sqlite import PDict, SQLiteQueue

FIXTURES = Path(__file__).parents[1] / "fixtures" / "legacy" / "sqlite"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FIXTURES / "expected.json").read_text())
#: The async classes of 1.1.0 were given the database file, and their tables have no name.
BARE = sorted(name for name in EXPECTED if "Async" in name)
QUEUES = sorted(name for name in EXPECTED if "PDict" not in name and "Async" not in name)
DICTIONARIES = sorted(name for name in EXPECTED if "PDict" in name)


def copied(name: str, to: Path) -> Path:
    """A directory with this database as its data.db."""
    to.mkdir()
    for end in ("", "-wal"):
        source = FIXTURES / (name + end)
        if source.exists():
            shutil.copy(source, to / f"data.db{end}")
    return to


def opened(name: str, path: Path, **options: Any) -> Any:
    """The queue in such a directory, by the class that its name tells."""
    expected = EXPECTED[name]
    cls = getattr(pq_sqlite, name.removesuffix(".db").split("-")[1])
    return cls(path, name=expected["name"], serializer=expected["serializer"], **options)


def drained(queue: Any) -> list[str]:
    """The reprs of all items."""
    items = []
    while True:
        try:
            items.append(repr(queue.get(block=False)))
        except Empty:
            return items


@pytest.mark.parametrize("name", QUEUES)
def test_every_item_of_a_predecessor_is_delivered(name: str, tmp_path: Path) -> None:
    """A table of persist-queue is opened in place and delivers its items in their order."""
    path = copied(name, tmp_path / "old")
    with closing(opened(name, path)) as queue:
        assert drained(queue) == EXPECTED[name]["items"]
        assert queue.verify() == []


@pytest.mark.parametrize("name", QUEUES)
def test_a_migrated_table_keeps_its_rows(name: str, tmp_path: Path) -> None:
    """Migration keeps every row of the table with its id, payload and timestamp."""
    path = copied(name, tmp_path / "old")
    opened(name, path).close()
    table = EXPECTED[name]["table"].replace('"', '""')
    with closing(sqlite3.connect(path / "data.db")) as database:
        rows = database.execute(f'SELECT _id, timestamp FROM "{table}" ORDER BY _id').fetchall()
    assert rows == [(row[0], row[2]) for row in EXPECTED[name]["rows"]]


@pytest.mark.parametrize("name", QUEUES)
def test_a_migrated_table_is_open_for_new_items(name: str, tmp_path: Path) -> None:
    """What is put after the migration gets a rising id, and a second open changes nothing."""
    path = copied(name, tmp_path / "old")
    with closing(opened(name, path)) as queue:
        id = queue.put("new")
        assert id > max(row[0] for row in EXPECTED[name]["rows"])
    with closing(opened(name, path)) as queue:
        assert queue.get(id=id) == "new"


@pytest.mark.parametrize("name", BARE)
def test_a_file_of_an_async_predecessor_is_opened_in_place(name: str, tmp_path: Path) -> None:
    """Where the path is a file that persist-queue's async class wrote, its items are delivered."""
    path = tmp_path / "queue.db"
    shutil.copy(FIXTURES / name, path)
    cls = getattr(pq_sqlite, name.removesuffix(".db").split("-Async")[1])
    with closing(cls(path, name="any")) as queue:
        assert [repr(item) for item in queue] == EXPECTED[name]["items"]
        with closing(pickle.loads(pickle.dumps(queue))) as twin:
            assert twin.total == len(EXPECTED[name]["items"])
        id = queue.put("new")
        assert id > max(row[0] for row in EXPECTED[name]["rows"])
    with closing(cls(path, name="any")) as again, closing(cls(path, name="another")) as another:
        assert again.get(id=id) == "new"
        assert drained(again) == EXPECTED[name]["items"]
        assert another.total == 0
        assert again.verify() == []
    assert path.is_file()


def test_a_new_path_that_looks_like_a_file_is_a_directory(tmp_path: Path) -> None:
    """``SQLiteQueue("my_queue.db")`` makes a directory of that name, as it always did."""
    SQLiteQueue(tmp_path / "my_queue.db").close()
    assert (tmp_path / "my_queue.db" / "data.db").is_file()


def test_a_table_of_ones_own_is_not_taken_for_a_queue(tmp_path: Path) -> None:
    """A table called as the predecessor's prefix, but with other columns, is left alone."""
    with closing(sqlite3.connect(tmp_path / "data.db")) as database:
        database.execute("CREATE TABLE queue (_id INTEGER, data BLOB, timestamp FLOAT, more TEXT)")
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        assert queue.total == 0
    with closing(sqlite3.connect(tmp_path / "data.db")) as database:
        assert database.execute("SELECT count(*) FROM queue").fetchone() == (0,)


@pytest.mark.parametrize("name", DICTIONARIES)
def test_a_dictionary_of_a_predecessor(name: str, tmp_path: Path) -> None:
    """A PDict of persist-queue is opened in place, with its keys as the texts they are."""
    path = copied(name, tmp_path / "old")
    with closing(PDict(path, EXPECTED[name]["name"])) as numbers:
        found = {key: repr(value) for key, value in numbers.items()}
    assert found == {row[0]: row[1] for row in EXPECTED[name]["rows"]}


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    """A migration is all or nothing: where a part of it cannot be, the table is as it was."""
    path = copied("1.1.0-SQLiteQueue.db", tmp_path / "old")
    with closing(sqlite3.connect(path / "data.db")) as database:
        database.execute("CREATE TABLE pq_dead_queue_default (in_the_way)")
        before = database.execute("SELECT * FROM queue_default").fetchall()
    with pytest.raises(StorageError):
        SQLiteQueue(path)
    with closing(sqlite3.connect(path / "data.db")) as database:
        assert database.execute("SELECT * FROM queue_default").fetchall() == before
        tables = [row[0] for row in database.execute("SELECT name FROM sqlite_master")]
    assert "pq_meta" not in tables


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    """A queue that a newer version wrote raises SchemaMismatch, and is not touched."""
    SQLiteQueue(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "data.db")) as database:
        database.execute("UPDATE pq_meta SET version = 99")
        database.commit()
    with pytest.raises(SchemaMismatch, match="99"):
        SQLiteQueue(tmp_path)


def test_a_table_that_is_no_queue_is_refused(tmp_path: Path) -> None:
    """A table of that name with other columns is somebody else's: SchemaMismatch."""
    with closing(sqlite3.connect(tmp_path / "data.db")) as database:
        database.execute("CREATE TABLE queue_default (something INTEGER)")
    with pytest.raises(SchemaMismatch, match="_id"):
        SQLiteQueue(tmp_path)
