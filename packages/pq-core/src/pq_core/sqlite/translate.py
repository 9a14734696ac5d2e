"""Errors of sqlite3 as errors of a queue: the one place where that happens.

Result codes are those of https://sqlite.org/rescode.html; the primary code is the low byte of an
extended one.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from pq_core.errors import StorageCorrupt, StorageError, StorageUnusable

__all__ = ["has_lost_sync", "is_busy", "is_full", "no_room", "translated", "unusable"]

_PERM: Final = 3
_BUSY: Final = 5
_LOCKED: Final = 6
_NOMEM: Final = 7
_READONLY: Final = 8
_IOERR: Final = 10
_CORRUPT: Final = 11
_FULL: Final = 13
_NO_ROOM: Final = "the disk is full; free some space and try again"
#: The index of the log could not be made: there is no other reason than a disk that is full.
_IOERR_SHMSIZE: Final = _IOERR | 19 << 8
#: Of the index of the log, the least there is (https://sqlite.org/walformat.html).
_INDEX_PAGE: Final = 32_768
#: A sync of a file, or of a directory, has failed.
_IOERR_SYNC: Final = frozenset({_IOERR | 4 << 8, _IOERR | 5 << 8})
_CANTOPEN: Final = 14
_TOOBIG: Final = 18
_NOTADB: Final = 26

#: Python 3.10 does not tell the code, only SQLite's text for it (sqlite3_errstr), which SQLite
#: promises not to change for these. There is none where the text quotes damage that is no text.
_BY_TEXT: Final = {
    "database is locked": _BUSY,
    "database table is locked": _LOCKED,
    "attempt to write a readonly database": _READONLY,
    "disk I/O error": _IOERR,
    "database disk image is malformed": _CORRUPT,
    "": _CORRUPT,
    "database or disk is full": _FULL,
    "unable to open database file": _CANTOPEN,
    "string or blob too big": _TOOBIG,
    "file is not a database": _NOTADB,
}


def _code(error: BaseException) -> int:
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return _BY_TEXT.get(str(error), 0)
    return int(code) & 0xFF


def is_busy(error: sqlite3.Error) -> bool:
    """Whether somebody else holds the lock, so that it makes sense to try again."""
    return _code(error) in (_BUSY, _LOCKED)


def is_full(error: sqlite3.Error, path: str | Path | None) -> bool:
    """Whether there was no room on the disk.

    Args:
        error: what sqlite3 raised.
        path: of the database file; None where it is in memory.
    """
    told = getattr(error, "sqlite_errorcode", None)
    if told is None and _code(error) == _IOERR:
        # Python 3.10: the index of the log was begun, but with no room it stays too short.
        index = Path(f"{path}-shm")
        return path is not None and index.exists() and index.stat().st_size < _INDEX_PAGE
    return told == _IOERR_SHMSIZE or _code(error) == _FULL


def has_lost_sync(error: sqlite3.Error) -> bool:
    """Whether a sync has failed, so that what reached the disk is unknown.

    Python 3.10 does not tell it from other errors of the disk, so there all of them count.
    """
    code = getattr(error, "sqlite_errorcode", None)
    return code in _IOERR_SYNC or (code is None and _code(error) == _IOERR)


def unusable(path: str | Path) -> StorageUnusable:
    """The error of every call after a sync has failed.

    Args:
        path: of the database file.
    """
    return StorageUnusable(
        f"{path}: a sync failed, so what reached the disk is unknown; close the queue, check the "
        "disk, then open the queue again"
    )


def no_room(path: str | Path) -> StorageError:
    """The error of a disk that is full.

    Args:
        path: of the database file.
    """
    return StorageError(f"{path}: {_NO_ROOM}")


def translated(error: sqlite3.Error, path: str | Path) -> Exception:
    """The error to raise from `error`.

    Args:
        error: what sqlite3 raised.
        path: of the database file.
    """
    code = _FULL if is_full(error, path) else _code(error)
    if code in (_CORRUPT, _NOTADB):
        reason = (
            "the file is not an SQLite database" if code == _NOTADB else "the database is damaged"
        )
        remedy = "give another path" if code == _NOTADB else "keep a copy, then call repair()"
        return StorageCorrupt(path, None, reason, remedy)
    told = {
        _FULL: _NO_ROOM,
        _READONLY: "the database cannot be written; check the rights of the file and its directory",
        _PERM: "access was refused; check the rights of the file and its directory",
        _CANTOPEN: "the database cannot be opened; check the path and its rights",
        _IOERR: "the disk reported an error; check it, then open the queue again",
        _NOMEM: "there was not enough memory",
        _TOOBIG: "the item is larger than SQLite's limit of about 1 GB; store it elsewhere",
    }.get(code, f"SQLite failed ({type(error).__name__}, code {code})")
    return StorageError(f"{path}: {told}")
