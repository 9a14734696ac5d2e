"""Signs of life: a locked file for every queue object that has items out.

O1. An owner's file is locked before it gets its name, and unlocked by the system when its process
    ends, however it ends. So a name with an unlocked file, or without one, belongs to nobody.
O2. Numbers are random and never used twice. So the file of a dead owner may go at any time.

The lock is flock(2) where the system has it: a forked child closes its copy and the parent's
lock stays.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from pq_core.disk import DISK
from pq_core.errors import StorageError

__all__ = ["Owner", "is_alive"]


class Owner:
    """A sign of life, given until `close` or the end of the process.

    Args:
        directory: of the owner files of one database; None where no other process can look.

    Attributes:
        number: under which claims are made; positive, 62 bits.

    Raises:
        StorageError: the file cannot be made.
    """

    __slots__ = ("_fd", "_path", "number")

    def __init__(self, directory: Path | None) -> None:
        self.number = secrets.randbits(62) | 1
        self._fd: int | None = None
        self._path: Path | None = None
        if directory is None:
            return
        try:
            with suppress(FileExistsError):
                DISK.mkdir(directory, DISK.directory_mode)
            _tidy(directory)
            path = _path_of(directory, self.number)
            unnamed = path.with_suffix(".new")
            fd = DISK.open(unnamed, exclusive=True)
            DISK.try_lock(fd)
            DISK.rename(unnamed, path)
        except OSError as error:
            raise StorageError(
                f"{directory}: no owner file can be made ({error.strerror}); check the rights "
                "of the directory, and the space on the disk"
            ) from error
        self._fd, self._path = fd, path

    def close(self) -> None:
        """Gives up what is claimed under this number."""
        if self._path is not None:
            with suppress(OSError):
                DISK.unlink(self._path)
        self.abandon()

    def abandon(self) -> None:
        """Closes this process's copy, in a forked child."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def is_alive(directory: Path | None, number: int) -> bool:
    """Whether the owner of that number lives, in whatever process of this machine."""
    if directory is None:
        return False
    path = _path_of(directory, number)
    try:
        fd = DISK.open(path)
    except FileNotFoundError:
        return False
    except OSError:
        return True  # it cannot be told, so nothing may be taken from it
    try:
        if not DISK.try_lock(fd):
            return True
        with suppress(OSError):
            DISK.unlink(path)
        return False
    finally:
        os.close(fd)


def _path_of(directory: Path, number: int) -> Path:
    return directory / f"{number:016x}"


def _tidy(directory: Path) -> None:
    """Removes the files of the dead; there are few, so all are looked at."""
    for name in os.listdir(directory):
        with suppress(ValueError):
            is_alive(directory, int(name, 16))
