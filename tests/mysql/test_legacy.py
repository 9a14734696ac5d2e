"""Tables that persist-queue's MySQLQueue has written open in place."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pq_mysql import MySQLQueue
from tests.servers.mariadb import MariaDB

DUMP = Path(__file__).parents[1] / "fixtures" / "mysql" / "persist-queue-1.1.0.sql"
NUMBERS = itertools.count()


@pytest.fixture
def legacy(mariadb: MariaDB) -> Iterator[dict[str, Any]]:
    """A database as persist-queue 1.1.0 has left it."""
    database = f"legacy_{next(NUMBERS)}"
    mariadb.execute(f"CREATE DATABASE {database}")
    mariadb.execute(f"GRANT ALL ON {database}.* TO 'pq'@'%'")
    text = "".join(line for line in DUMP.read_text().splitlines(True) if line[:2] != "--")
    for statement in text.split(";\n"):
        if statement:
            mariadb.execute(
                re.sub(r"^(CREATE TABLE|INSERT INTO) ", rf"\1 {database}.", statement.strip())
            )
    yield {**mariadb.place, "db_name": database, "durability": "normal"}
    mariadb.execute(f"DROP DATABASE {database}")


def test_a_predecessors_queue(legacy: dict[str, Any]) -> None:
    """The items that were waiting come in their order, with their ids, and new ones behind them."""
    with MySQLQueue[Any](**legacy) as queue:
        assert queue.qsize() == 4
        raw = queue.get(raw=True)
        assert (raw["pqid"], raw["data"]) == (2, {"number": 1, "text": "ä"})
        assert raw["timestamp"] == pytest.approx(1795650000, abs=1800)  # it was a FLOAT
        assert queue.put("new") == 6
        assert [item["number"] for item in queue.get_many(3)] == [2, 3, 4]
        assert queue.get() == "new"


def test_a_predecessors_queue_without_auto_commit(legacy: dict[str, Any]) -> None:
    """What a consumer of the predecessor had not settled is there, None and odd bytes included."""
    with MySQLQueue[Any](**legacy, name="held", auto_commit=False) as queue:
        assert queue.get_many(9) == ["a", "b", None, b"\x00\xff'\\"]
    with MySQLQueue[Any](**legacy, name="held") as queue:
        assert queue.get() == "a"


def test_a_migration_that_was_cut_short(legacy: dict[str, Any], mariadb: MariaDB) -> None:
    """A migration that ended between its steps is done again, and changes nothing twice."""
    database = legacy["db_name"]
    MySQLQueue(**legacy).close()
    mariadb.execute(f"DELETE FROM {database}.pq_meta")
    with MySQLQueue[Any](**legacy) as queue:
        assert queue.qsize() == 4
    mariadb.execute(f"DROP TABLE {database}.pq_meta, {database}.pq_dead_queue_sql")
    with MySQLQueue[Any](**legacy) as queue:
        assert queue.dead_letters() == []
        assert queue.qsize() == 4


def test_the_migrated_table(legacy: dict[str, Any], mariadb: MariaDB) -> None:
    """Ids, payloads and times have room after it, and the predecessor's own INSERT still works."""
    database = legacy["db_name"]
    with MySQLQueue[Any](**legacy) as queue:
        rows = mariadb.execute(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = %s AND table_name = 'queue_sql'",
            database,
        )
        types = dict(rows)
        assert (types["_id"], types["data"], types["timestamp"]) == ("bigint", "longblob", "double")
        mariadb.execute(
            f"INSERT INTO {database}.queue_sql (data, timestamp) VALUES (%s, 1.5)", b"\x80\x04N."
        )
        assert queue.queue()[-1]["data"] is None


@pytest.mark.slow
def test_many_migrate_at_once(legacy: dict[str, Any]) -> None:
    """Objects that open a predecessor's table, or a new queue, at the same time all succeed."""

    def open_and_close(name: str) -> int:
        with MySQLQueue[Any](**legacy, name=name) as queue:
            return queue.qsize()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(open_and_close, ["sql"] * 8)) == {4}
        assert set(pool.map(open_and_close, ["new"] * 8)) == {0}
