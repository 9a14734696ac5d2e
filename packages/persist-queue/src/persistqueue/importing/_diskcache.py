"""diskcache: a Deque, or what `Cache.push` stored.

::

    cache.db    table Cache (key, raw, expire_time, mode, filename, value, …)
    ab/cd/….val a large value, as `filename` tells

A Deque counts its keys up (and down) from 500,000,000,000,000. `Cache.push` does the same, and
with a prefix its keys are texts: prefix, dash, 15 digits. The modes are 1 a number, text or bytes;
2 bytes of a file; 3 the text of a file; 4 a pickle, in the row or in a file.
"""

from __future__ import annotations

import pickle
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from persistqueue.importing._source import Reading, Source, damaged
from persistqueue.importing._sqlite import columns_of, read_only, rows

__all__ = ["DATABASE", "DISKCACHE", "deque", "is_cache"]

DISKCACHE: Final = "diskcache"
DATABASE: Final = "cache.db"

_COLUMNS: Final = {"key", "raw", "expire_time", "mode", "filename", "value"}
_RAW: Final = 1
_BYTES: Final = 2
_TEXT: Final = 3
_PICKLE: Final = 4
#: Between these lie the keys of a Deque.
_KEYS: Final = (0, 999_999_999_999_999)


def is_cache(connection: sqlite3.Connection) -> bool:
    """Whether the database is one of diskcache."""
    return columns_of(connection, "Cache") >= _COLUMNS


@contextmanager
def deque(path: Path, reading: Reading) -> Iterator[Source]:
    """A Deque, from its directory or its database; with a name, the keys with that prefix."""
    directory = path if path.is_dir() else path.parent
    if reading.name is None:
        first, last = map(str, _KEYS)
        kind = "integer"
    else:
        first, last = (f"{reading.name}-{digit * 15}" for digit in "09")
        kind = "text"
    where = f"raw = 1 AND typeof(key) = '{kind}' AND key > ? AND key < ?"
    # A text is compared with a key without being made a number: the column has no such affinity.
    limits = (first, last) if kind == "text" else _KEYS
    with read_only(directory / DATABASE) as connection:
        live = f"{where} AND (expire_time IS NULL OR expire_time > ?)"
        now = time.time()
        ((count,),) = rows(connection, f"SELECT count(*) FROM Cache WHERE {live}", *limits, now)
        ((total,),) = rows(connection, "SELECT count(*) FROM Cache")
        notes = []
        if total > count:
            notes.append(f"left out: {total - count} other or expired entries of the cache")
        found = rows(
            connection,
            f"SELECT key, mode, filename, value FROM Cache WHERE {live} ORDER BY key",
            *limits,
            now,
        )
        yield Source(DISKCACHE, count, _items(directory, found, reading, notes), notes)


def _items(
    directory: Path,
    found: Iterator[tuple[object, int, str | None, object]],
    reading: Reading,
    notes: list[str],
) -> Iterator[object]:
    for key, mode, filename, value in found:
        try:
            item = _item(directory, mode, filename, value, reading)
        except _Unreadable as error:
            if not reading.salvage:
                raise damaged(
                    directory / DATABASE, None, f"the item of key {key}: {error}"
                ) from error
            notes.append(f"the item of key {key}: {error}; left out")
        else:
            yield item


class _Unreadable(Exception):
    """Why an item cannot be read."""


def _item(
    directory: Path, mode: int, filename: str | None, value: object, reading: Reading
) -> object:
    if mode == _RAW:
        return value
    data = value if filename is None else _contents(directory, filename)
    if mode not in (_BYTES, _TEXT, _PICKLE) or not isinstance(data, bytes):
        raise _Unreadable(f"its mode is {mode}, and its value is not what that says")
    if mode == _BYTES:
        return data
    try:
        return data.decode() if mode == _TEXT else _unpickled(data, reading)
    # A pickle may raise anything.
    except Exception as error:
        if isinstance(error, PermissionError):
            raise
        raise _Unreadable(f"it cannot be read back ({type(error).__name__})") from error


def _unpickled(data: bytes, reading: Reading) -> object:
    if not reading.allow_pickle:
        raise PermissionError(
            "some items of this source are pickles, and reading a pickle runs whatever code it "
            "names; where you trust everybody who could write there, say --allow-pickle"
        )
    item: object = pickle.loads(data)
    return item


def _contents(directory: Path, filename: str) -> bytes:
    """The contents of a value's file, which has to lie in the cache."""
    home = directory.resolve()
    file = (home / filename).resolve()
    if home not in file.parents:
        raise _Unreadable("its file lies outside of the cache")
    try:
        return file.read_bytes()
    except OSError as error:
        raise _Unreadable(f"its file cannot be read ({error.strerror})") from error
