"""litequeue: one table of an SQLite database a queue.

::

    data TEXT, message_id TEXT (rises), status INTEGER, in_time, lock_time, done_time

The statuses are 0 ready, 1 locked (handed out), 2 done, 3 failed. Items are texts. Those that are
locked come along: whoever had them is gone, or was stopped for the import.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from persistqueue.importing._source import Reading, Source
from persistqueue.importing._sqlite import columns_of, quoted, read_only, rows, tables_of

__all__ = ["LITEQUEUE", "queues_of", "table"]

LITEQUEUE: Final = "litequeue"

_COLUMNS: Final = {"data", "message_id", "status", "in_time", "lock_time", "done_time"}
_FAILED: Final = 3


@contextmanager
def table(path: Path, reading: Reading) -> Iterator[Source]:
    """A LiteQueue.

    Raises:
        ValueError: which of several queues is meant is not told, or there is none of that name.
    """
    with read_only(path) as connection:
        name = quoted(_chosen(path, queues_of(connection), reading.name))
        counts = dict(rows(connection, f"SELECT status, count(*) FROM {name} GROUP BY status"))
        notes = []
        if failed := counts.get(_FAILED, 0):
            notes.append(f"left out: {failed} failed; retry() of litequeue makes them ready")
        found = rows(
            connection, f"SELECT data FROM {name} WHERE status IN (0, 1) ORDER BY message_id, rowid"
        )
        count = counts.get(0, 0) + counts.get(1, 0)
        yield Source(LITEQUEUE, count, (item for (item,) in found), notes)


def queues_of(connection: sqlite3.Connection) -> list[str]:
    """The tables that are queues of litequeue."""
    return [name for name in tables_of(connection) if columns_of(connection, name) == _COLUMNS]


def _chosen(path: Path, names: list[str], wanted: str | None) -> str:
    known = ", ".join(map(repr, names)) or "none"
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted not in names:
        which = "" if wanted is None else f" {wanted!r}"
        raise ValueError(
            f"{path}: it is not clear which queue{which} is meant; say --source-name with one of "
            f"these: {known}"
        )
    return wanted
