"""The floor of an SQLite queue: the bare sqlite3 module, doing the same commits."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pq_bench.stage.mapping import KEYS

__all__ = ["SQLiteFloor"]

_PUT: Final = "INSERT INTO queue (data, timestamp) VALUES (?, ?)"
_TAKE: Final = (
    "DELETE FROM queue WHERE _id = (SELECT _id FROM queue ORDER BY _id LIMIT 1) RETURNING data"
)
_CLAIM: Final = (
    "UPDATE queue SET status = 2 WHERE _id = (SELECT _id FROM queue ORDER BY _id LIMIT 1)"
    " RETURNING _id, data"
)
_ACK: Final = "DELETE FROM queue WHERE _id = ?"


class SQLiteFloor:
    """One connection in WAL mode, one prepared statement for each step.

    Args:
        directory: of its database.
        synchronous: the pragma: "FULL", "NORMAL" or "OFF".
        acked: whether an item is claimed in one commit and removed in a second.
        dumps: makes bytes of an item.
        loads: makes an item of bytes.
    """

    def __init__(
        self,
        directory: Path,
        synchronous: str,
        acked: bool,
        dumps: Callable[[Any], bytes],
        loads: Callable[[bytes], Any],
    ) -> None:
        # Closed by the thread that ends an interrupted run.
        self._connection = sqlite3.connect(
            directory / "floor.db", isolation_level=None, check_same_thread=False
        )
        self._run = self._connection.execute
        self._acked = acked
        self._dumps = dumps
        self._loads = loads
        self._turn = 0
        try:
            self._create(synchronous)
        except BaseException:
            self._connection.close()
            raise

    def _create(self, synchronous: str) -> None:
        self._run("PRAGMA journal_mode=WAL")
        self._run(f"PRAGMA synchronous={synchronous}")
        self._run(
            "CREATE TABLE queue (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB,"
            " timestamp FLOAT, status INTEGER)"
        )
        self._run("CREATE TABLE dict (key TEXT PRIMARY KEY, data BLOB)")
        self._run("BEGIN")
        for number in range(KEYS):
            self._run("INSERT INTO dict VALUES (?, ?)", (f"key{number}", self._dumps(number)))
        self._run("COMMIT")

    def put(self, items: Iterator[Any]) -> None:
        """One INSERT for each."""
        run, dumps, now = self._run, self._dumps, time.time
        for item in items:
            run(_PUT, (dumps(item), now()))

    def take(self, items: Iterator[Any]) -> None:
        """For each: one DELETE … RETURNING, or a claim and a DELETE."""
        run, loads = self._run, self._loads
        if self._acked:
            for _ in items:
                number, data = run(_CLAIM).fetchall()[0]
                loads(data)
                run(_ACK, (number,))
        else:
            for _ in items:
                loads(run(_TAKE).fetchall()[0][0])

    def alternate(self, items: Iterator[Any]) -> None:
        """Puts one and takes one for each."""
        for item in items:
            self.put(iter((item,)))
            self.take(iter((item,)))

    def put_many(self, batches: Iterator[list[Any]]) -> None:
        """For each batch: one transaction, one executemany."""
        run, dumps, now = self._run, self._dumps, time.time
        for batch in batches:
            run("BEGIN IMMEDIATE")
            self._connection.executemany(_PUT, [(dumps(item), now()) for item in batch])
            run("COMMIT")

    def take_many(self, batches: Iterator[Any], size: int) -> None:
        """For each batch: one transaction, one SELECT, one executemany of DELETE."""
        run, loads = self._run, self._loads
        for _ in batches:
            run("BEGIN IMMEDIATE")
            rows = run("SELECT _id, data FROM queue ORDER BY _id LIMIT ?", (size,)).fetchall()
            self._connection.executemany(_ACK, [row[:1] for row in rows])
            run("COMMIT")
            for row in rows:
                loads(row[1])

    def set(self, items: Iterator[Any]) -> None:
        """One INSERT OR REPLACE for each."""
        run, dumps, turn = self._run, self._dumps, self._turn
        for turn, item in enumerate(items, self._turn + 1):
            value = dumps({**item, "id": turn})  # SQLite skips equal values
            run("INSERT OR REPLACE INTO dict VALUES (?, ?)", (f"key{turn % KEYS}", value))
        self._turn = turn

    def look_up(self, items: Iterator[Any]) -> None:
        """One SELECT for each."""
        run, loads = self._run, self._loads
        for number, _ in enumerate(items):
            key = (f"key{number % KEYS}",)
            loads(run("SELECT data FROM dict WHERE key = ?", key).fetchall()[0][0])

    def fill(self, items: Iterable[Any]) -> None:
        """Puts items, as fast as it goes."""
        stream = iter(items)
        while batch := list(islice(stream, 1000)):
            self.put_many(iter([batch]))

    def age(self, item: Any, count: int) -> None:
        """Nothing: a floor has no history."""

    def size(self) -> int:
        """How many items are left."""
        return int(self._run("SELECT count(*) FROM queue").fetchone()[0])

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()
