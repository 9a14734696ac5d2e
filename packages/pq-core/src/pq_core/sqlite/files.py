"""The database file: where it lies, how it is made, and with which settings it is opened.

D1. A new database file is empty when its directory and the names that lead there are synced, and
    gets its first page after that: an item that was acknowledged is in a file whose name is on the
    disk. Who finds an empty file syncs too, for its maker may have died or failed before.
D2. `auto_vacuum` is set before the first page is written, and WAL after it
    (https://sqlite.org/pragma.html#pragma_auto_vacuum: it cannot be changed later).
D3. With "full" the name of the log is synced on opening. SQLite does that too, at the first commit,
    but goes on where it fails; then a power cut would take the log and all that was put.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from pq_core.disk import DISK
from pq_core.errors import StorageError
from pq_core.protocols import Durability
from pq_core.sql.kinds import KINDS
from pq_core.sql.schema import META

__all__ = ["MEMORY", "SYNCHRONOUS", "connect", "database_path", "sync_name"]

#: The path of a database without a file.
MEMORY: Final = ":memory:"
#: What the durabilities are to SQLite (https://sqlite.org/pragma.html#pragma_synchronous). "off" is
#: not OFF: with that the log is emptied into the database without a sync in between, and a power cut
#: then leaves a database that nobody can open. NORMAL syncs twice in 4 MiB of log and no more.
SYNCHRONOUS: Final[dict[Durability, str]] = {"full": "FULL", "normal": "NORMAL", "off": "NORMAL"}
#: Statements that a connection keeps prepared: a queue has about 40, and the default is 128 for
#: all that share a connection in transaction().
_STATEMENTS: Final = 256


def database_path(path: str | Path, file_name: str | None) -> Path | None:
    """The database file of the queues in directory `path`; None for ``:memory:``.

    The async classes of persist-queue 1.1.0 were given the database file itself. Where `path` is
    such a file, or one that this library has opened before, that is the database.

    Raises:
        ValueError: the path holds a NUL character.
    """
    if str(path) == MEMORY:
        return None
    text = os.fspath(path)
    name = file_name or "data.db"
    if "\0" in text or "\0" in name:
        raise ValueError("the path holds a NUL character; leave it out")
    given = Path(os.path.abspath(text))
    return given if file_name is None and _is_database(given) else given / name


def _is_database(path: Path) -> bool:
    """Whether this is an SQLite file with queues in it."""
    if not path.is_file():
        return False
    names = (META, *(kind.prefix for kind in KINDS.values()))
    asked = f"SELECT 1 FROM sqlite_master WHERE name IN ({', '.join('?' * len(names))})"
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(asked, names).fetchone() is not None
    except sqlite3.Error:
        return False  # something else, which the caller is told when it is opened


def connect(path: Path | None) -> sqlite3.Connection:
    """A connection to the database file, made with its directory where there is none.

    Raises:
        StorageError: it cannot be made or opened.
        sqlite3.Error: as SQLite fails.
    """
    if path is not None:
        _make(path)
    connection = sqlite3.connect(
        MEMORY if path is None else path,
        timeout=0,  # the engine waits, in a way that green threads can
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )
    # A damaged text must not stop a listing: it fails its checksum like any other payload.
    connection.text_factory = _text
    return connection


def sync_name(path: Path) -> None:
    """The name of the log beside the database is on the disk when it returns (D4).

    Raises:
        StorageError: it cannot be told whether it is.
    """
    try:
        DISK.sync_directory(path.parent)
    except OSError as error:
        raise StorageError(
            f"{path}: its directory cannot be synced ({error.strerror}); check the disk, then open "
            "the queue again"
        ) from error


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _make(path: Path) -> None:
    with suppress(OSError):
        if os.stat(path).st_size:
            return
    directory = path.parent
    try:
        DISK.make_directories(directory)
        os.close(DISK.open(path, create=True))
        DISK.sync_directory(directory)
        DISK.sync_path(directory)
    except OSError as error:
        raise StorageError(
            f"{path}: the database cannot be created ({error.strerror}); "
            "'path' must be a directory that can be written"
        ) from error
