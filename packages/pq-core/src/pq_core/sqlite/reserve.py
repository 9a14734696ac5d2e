"""Room kept for the time when the disk is full, so that consumers can go on and make more.

A get writes to SQLite's log, and the log can only be emptied into a database file that may grow
by as much. Where the disk is full neither works, and the items that fill it could never leave.

R1. The reserve is a file of its own with real blocks; nothing ever reads it. Losing it, or a crash
    while it is made or given away, harms nothing.
R2. Only plans that store nothing get it. Afterwards the log is emptied and the room taken back.
R3. Where room is scarce nothing is put unless the reserve is whole, so that producers do not eat
    what consumers were given.
R4. It is made once a database is in earnest use, and only where much more than that is free, so
    that a thousand small queues do not fill a disk by themselves.
"""

from __future__ import annotations

import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from pq_core.disk import DISK

__all__ = ["Reserve"]

#: Bytes: as much as SQLite's log holds before it is emptied (1000 pages of 4 KiB,
#: https://sqlite.org/pragma.html#pragma_wal_autocheckpoint).
SIZE: Final = 4 << 20
#: Less than this helps nobody; a get writes about 20 KiB.
LEAST: Final = 1 << 18
#: A database of so many bytes is in earnest use ...
EARNEST: Final = 1 << 20
#: ... and so many times the reserve have to be free when it is made first.
PLENTY: Final = 2
_BLOCK: Final = bytes(1 << 16)


class Reserve:
    """The reserve of one database.

    Args:
        path: of the database file.
    """

    __slots__ = ("_database", "_path")

    def __init__(self, path: Path) -> None:
        self._database = path
        self._path = path.with_name(path.name + "-reserve")

    def keep(self) -> None:
        """Makes the reserve where there is none yet, and reason to have one."""
        with suppress(OSError):
            if self._path.exists() or _bytes(self._database) < EARNEST:
                return
            if _room(self._path.parent) < PLENTY * SIZE:
                return
            self._fill()

    def exists(self) -> bool:
        """Whether there is one, be it as short as may be."""
        return self._path.exists()

    def give(self) -> bool:
        """Frees the room; whether there was any."""
        with suppress(OSError):
            fd = DISK.open(self._path)
            try:
                size = os.fstat(fd).st_size
                DISK.truncate(fd, 0)
            finally:
                os.close(fd)
            return size > 0
        return False

    def is_short(self) -> bool:
        """Whether there is a reserve, but not all of it, or hardly any room beside it."""
        with suppress(OSError):
            # What a consumer has just been given is less than that.
            if os.stat(self._path).st_size < SIZE and _room(self._path) >= PLENTY * SIZE:
                self._fill()
            return os.stat(self._path).st_size < SIZE or _room(self._path) < LEAST
        return False

    def is_scarce(self) -> bool:
        """Whether there is a reserve, and so little room that it may be needed soon."""
        with suppress(OSError):
            return _room(self._path) < PLENTY * SIZE
        return False

    def take_back(self) -> None:
        """Takes the room again, or as much of it as there is."""
        with suppress(OSError):
            if self._path.exists():
                self._fill()

    def _fill(self) -> None:
        fd = DISK.open(self._path, create=True)
        try:
            size = os.fstat(fd).st_size
            before = size
            try:
                while size < SIZE:
                    size += DISK.pwrite(fd, _BLOCK, size)
            except OSError:
                # The last of the room is for others.
                DISK.truncate(fd, max(before, size - LEAST))
        finally:
            os.close(fd)


def _room(path: Path) -> float:
    """Free bytes of the file system; infinite where that cannot be asked."""
    if not hasattr(os, "statvfs"):
        return math.inf
    disk = os.statvfs(path)
    return disk.f_bavail * disk.f_frsize


def _bytes(path: Path) -> int:
    total = os.stat(path).st_size
    with suppress(FileNotFoundError):
        total += os.stat(f"{path}-wal").st_size
    return total
