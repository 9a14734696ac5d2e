"""What differs between operating systems: locks between processes, and how a sync reaches the disk.

`Disk` is the port through which every local backend touches files. Its fields are plain
functions, `os.pwrite` itself where the system has it, so that the port costs nothing; a test
replaces any of them to make the k-th write fail.

Which systems this was run on is told in the README of the wheel that uses it.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

__all__ = ["DISK", "Disk", "read_boot_id"]

_BINARY: int = getattr(os, "O_BINARY", 0)
_CLOEXEC: int = getattr(os, "O_CLOEXEC", 0)


class Lock(Protocol):
    """Takes or drops a whole-file lock of an open file, for all threads of its process."""

    def __call__(self, fd: int, /) -> None: ...


if sys.platform == "win32":  # pragma: no cover - not run by us
    import msvcrt

    #: Locked far behind anything that is ever written: on Windows a lock also stops readers.
    _LOCK_AT = 1 << 62

    def _lock(fd: int, /) -> None:
        while True:
            os.lseek(fd, _LOCK_AT, os.SEEK_SET)
            with suppress(OSError):
                return msvcrt.locking(fd, msvcrt.LK_LOCK, 1)

    def _try_lock(fd: int, /) -> bool:
        os.lseek(fd, _LOCK_AT, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(fd: int, /) -> None:
        os.lseek(fd, _LOCK_AT, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)

    _lock_shared: Lock | None = None

    def _locks(fd: int, /) -> tuple[Callable[[], object], Callable[[], object]]:
        return partial(_lock, fd), partial(_unlock, fd)

    def _pread(fd: int, length: int, offset: int, /) -> bytes:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.read(fd, length)

    def _pwrite(fd: int, data: bytes | bytearray | memoryview, offset: int, /) -> int:
        os.lseek(fd, offset, os.SEEK_SET)
        return os.write(fd, data)

    def _sync_directory(path: str | Path, /) -> None:
        """NTFS journals its directories, and a directory cannot be opened for syncing."""

    _datasync = os.fsync
else:
    import fcntl

    _flock = fcntl.flock
    _EXCLUSIVE = fcntl.LOCK_EX
    _EXCLUSIVE_NOW = fcntl.LOCK_EX | fcntl.LOCK_NB
    _UNLOCK = fcntl.LOCK_UN
    #: Who has a lock of the hot path is done after some 5 us. To try again for 30 us takes less than
    #: to fall asleep and be woken; with one processor the other one could not get on meanwhile.
    _TRIES = range(30 if (os.cpu_count() or 1) > 1 else 1)

    # flock(2), not fcntl(2): an fcntl lock is dropped when anybody in the process closes any
    # descriptor of the file, and it cannot tell two queue objects of one process apart.
    def _lock(fd: int, /) -> None:
        _flock(fd, _EXCLUSIVE)

    def _try_lock(fd: int, /) -> bool:
        try:
            _flock(fd, _EXCLUSIVE_NOW)
        except BlockingIOError:
            return False
        return True

    def _unlock(fd: int, /) -> None:
        _flock(fd, _UNLOCK)

    def _lock_shared(fd: int, /) -> None:
        _flock(fd, fcntl.LOCK_SH)

    def _locks(fd: int, /) -> tuple[Callable[[], object], Callable[[], object]]:
        def lock() -> None:
            for _ in _TRIES:
                try:
                    return _flock(fd, _EXCLUSIVE_NOW)
                except BlockingIOError:
                    pass
            return _flock(fd, _EXCLUSIVE)

        return lock, partial(_flock, fd, _UNLOCK)

    _pread = os.pread
    _pwrite = os.pwrite

    def _sync_directory(path: str | Path, /) -> None:
        """Makes the names in a directory durable: syncing a file does not sync its name, fsync(2)."""
        fd = os.open(path, os.O_RDONLY | _CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    if sys.platform == "darwin":  # pragma: no cover - not run by us

        def _datasync(fd: int, /) -> None:
            # fsync on macOS leaves the data in the drive's cache (man 2 fsync, F_FULLFSYNC).
            fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
    else:
        _datasync = os.fdatasync


@lru_cache(maxsize=1)
def read_boot_id() -> bytes:
    """16 bytes that change with every boot, or b"" where the system does not tell.

    Linux: random(4), /proc/sys/kernel/random/boot_id.
    """
    with suppress(OSError, ValueError):
        return uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).bytes
    return b""


@dataclass(slots=True)
class Disk:
    """The calls a local backend makes. Every one raises OSError as the system does."""

    #: (fd, length, offset) -> bytes; fewer than asked for at the end of the file.
    pread: Callable[[int, int, int], bytes] = _pread
    #: (fd, data, offset) -> bytes written; may be fewer than given.
    pwrite: Callable[[int, bytes | bytearray | memoryview, int], int] = _pwrite
    #: (fd): file content and size are on the medium when it returns.
    datasync: Callable[[int], None] = _datasync
    #: (directory): the names in it are on the medium when it returns.
    sync_directory: Callable[[str | Path], None] = _sync_directory
    truncate: Callable[[int, int], None] = os.ftruncate
    rename: Callable[[str | Path, str | Path], None] = os.replace
    unlink: Callable[[str | Path], None] = os.unlink
    mkdir: Callable[[str | Path, int], None] = os.mkdir
    lock: Lock = _lock
    try_lock: Callable[[int], bool] = _try_lock
    unlock: Lock = _unlock
    #: Takes a lock that others may have at the same time, in place of an exclusive one that is
    #: held; None where the system has no such locks.
    lock_shared: Lock | None = _lock_shared
    #: (fd) -> what takes and what drops its lock, without arguments: for hot paths.
    locks: Callable[[int], tuple[Callable[[], object], Callable[[], object]]] = _locks
    #: Permission bits of new files and directories, before the umask.
    file_mode: int = 0o600
    directory_mode: int = 0o700
    #: Identifies the running kernel: what only lived in its memory is gone where this differs.
    boot_id: Callable[[], bytes] = read_boot_id

    def open(self, path: str | Path, *, create: bool = False, exclusive: bool = False) -> int:
        """A descriptor of `path` for reading and writing, closed on exec.

        Symbolic links are not followed where the system can refuse them: a link planted in
        place of a queue file must not lead a write elsewhere.
        """
        flags = os.O_RDWR | _BINARY | _CLOEXEC | getattr(os, "O_NOFOLLOW", 0)
        if create:
            flags |= os.O_CREAT
        if exclusive:
            flags |= os.O_CREAT | os.O_EXCL
        return os.open(path, flags, self.file_mode)

    def make_directories(self, directory: Path) -> None:
        """Makes a directory and those above it where they are missing; `sync_path` syncs them.

        Raises:
            OSError: as the system refuses; FileExistsError where a file is in the way.
        """
        missing = []
        while not os.path.lexists(directory):
            missing.append(directory)
            directory = directory.parent
        for directory in reversed(missing):
            try:
                self.mkdir(directory, self.directory_mode)
            except FileExistsError:
                if not directory.is_dir():
                    raise

    def sync_path(self, directory: Path) -> None:
        """The names that lead to `directory` are on the medium when it returns.

        All up to the mount point: whoever made one of them may have died before it was synced.
        Those that may not be read are somebody else's, and passed over.
        """
        for parent in directory.parents:
            with suppress(PermissionError):
                self.sync_directory(parent)
            if os.path.ismount(parent):
                break

    def write_all(self, fd: int, data: bytes | bytearray | memoryview, offset: int) -> None:
        """Writes all of `data` at `offset`, going on after short writes."""
        view = memoryview(data)
        while view:
            written = self.pwrite(fd, view, offset)
            if written <= 0:
                raise OSError(5, "the write made no progress")
            view = view[written:]
            offset += written


#: The real disk.
DISK = Disk()
