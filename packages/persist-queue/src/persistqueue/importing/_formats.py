"""Which format a path is in, and its reader."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from persistqueue.importing import _diskcache, _litequeue, _queuelib
from persistqueue.importing._diskcache import DISKCACHE
from persistqueue.importing._litequeue import LITEQUEUE
from persistqueue.importing._source import Reading, Source
from persistqueue.importing._sqlite import columns_of, is_database, read_only, tables_of
from pq_core.log.legacy import chunk_names

__all__ = ["FORMATS", "detected", "opened"]

#: The reader of each format.
FORMATS: Final[dict[str, Callable[[Path, Reading], AbstractContextManager[Source]]]] = {
    _queuelib.FIFO: _queuelib.chunks,
    _queuelib.LIFO: _queuelib.stack,
    _queuelib.SQLITE: _queuelib.database,
    LITEQUEUE: _litequeue.table,
    DISKCACHE: _diskcache.deque,
}

#: Columns that every queue of persist-queue has in its table, and every PDict.
_PERSIST_QUEUE: Final = ({"_id", "data", "timestamp"}, {"key", "data"})


def opened(source: str, format: str | None, reading: Reading) -> AbstractContextManager[Source]:
    """The queue of another library at a path, to be used in a `with`.

    Args:
        source: the path.
        format: one of `FORMATS`; None: told from what is there.
        reading: how.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: the format is not known, or needs no import.
        StorageCorrupt: it cannot be read.
        PermissionError: it holds pickles, and they were not allowed.
    """
    path = Path(source)
    if format is None:
        format = detected(source)
    elif not path.exists():
        raise _nothing(source)
    return FORMATS[format](path, reading)


def detected(source: str) -> str:
    """The format of what lies at a path, one of `FORMATS`.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: the format is not known, or needs no import.
    """
    if source.startswith(("postgresql://", "postgres://")):
        raise _in_place(source, "a table of pq is what PQ of the wheel pq-postgres uses")
    path = Path(source)
    if not path.exists():
        raise _nothing(source)
    return _of_directory(path) if path.is_dir() else _of_file(path)


def _of_directory(path: Path) -> str:
    if (path / "cursor").exists():
        raise _in_place(path, "it is a file queue of this library; use Queue")
    if (path / "info").exists():
        raise _in_place(path, "persist-queue or pqueue wrote it; use Queue, with its serializer")
    if (path / _queuelib.INFO).exists():
        return _queuelib.FIFO
    if (path / _diskcache.DATABASE).exists():
        return DISKCACHE
    if (path / "data.db").exists():
        return _of_file(path / "data.db")
    if chunk_names(entry.name for entry in path.iterdir()):
        raise ValueError(
            f"{path}: there are chunk files and no {_queuelib.INFO}; where queuelib wrote them "
            f"and was never closed, say --from {_queuelib.FIFO}"
        )
    raise _unknown(path)


def _of_file(path: Path) -> str:
    if not is_database(path):
        if _queuelib.is_stack(path):
            return _queuelib.LIFO
        raise _unknown(path)
    with read_only(path) as connection:
        return _of_database(path, connection)


def _of_database(path: Path, connection: sqlite3.Connection) -> str:
    if _litequeue.queues_of(connection):
        return LITEQUEUE
    if _diskcache.is_cache(connection):
        return DISKCACHE
    if columns_of(connection, "queue") == {"id", "item"}:
        return _queuelib.SQLITE
    found = [columns_of(connection, name) for name in tables_of(connection)]
    if any(columns >= ours for columns in found for ours in _PERSIST_QUEUE):
        raise _in_place(
            path, "persist-queue or this library wrote it; use SQLiteQueue and its family"
        )
    raise _unknown(path)


def _nothing(source: object) -> FileNotFoundError:
    return FileNotFoundError(f"{source}: there is nothing here; check the path")


def _in_place(source: object, why: str) -> ValueError:
    return ValueError(f"{source}: this needs no import and opens as it is: {why}")


def _unknown(path: Path) -> ValueError:
    known = ", ".join(FORMATS)
    return ValueError(f"{path}: this is no queue that import knows; it knows {known}")
