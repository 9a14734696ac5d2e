"""Databases of others, read and never written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from pq_core.sqlite.translate import translated

__all__ = ["columns_of", "is_database", "quoted", "read_only", "rows", "tables_of"]

#: The first bytes of every database (https://sqlite.org/fileformat.html#the_database_header) ...
_HEADER: Final = b"SQLite format 3\x00"
#: ... and where the format of its journal stands, with the value for WAL.
_JOURNAL_AT: Final = 18
_WAL: Final = 2


def is_database(path: Path) -> bool:
    """Whether the file begins as an SQLite database does."""
    with path.open("rb") as file:
        return file.read(len(_HEADER)) == _HEADER


@contextmanager
def read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that sees the database as it is at this moment, and cannot change it.

    Raises:
        StorageCorrupt, StorageError: it cannot be read.
    """
    # A database in WAL mode without a log is at rest. Opened as immutable it stays alone, where
    # SQLite would otherwise put a log and its index beside it.
    mode = "immutable=1" if _is_at_rest(path) else "mode=ro"
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise translated(error, path) from error


def _is_at_rest(path: Path) -> bool:
    with path.open("rb") as file:
        header = file.read(_JOURNAL_AT + 1)
    return header[_JOURNAL_AT:] == bytes([_WAL]) and not Path(f"{path}-wal").exists()


def tables_of(connection: sqlite3.Connection) -> list[str]:
    """The names of the tables."""
    return [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    ]


def columns_of(connection: sqlite3.Connection, table: str) -> set[str]:
    """The names of a table's columns."""
    return {
        name for (name,) in connection.execute("SELECT name FROM pragma_table_info(?)", (table,))
    }


def rows(connection: sqlite3.Connection, sql: str, *parameters: object) -> Iterator[Any]:
    """The rows of a statement, read as they are asked for."""
    return iter(connection.execute(sql, parameters))


def quoted(name: str) -> str:
    """A name as an identifier of SQL."""
    return '"' + name.replace('"', '""') + '"'
