"""The open files of one queue directory, shared by the head, the tail and recovery."""

from __future__ import annotations

import errno
import logging
import mmap
import os
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Final, NoReturn

from pq_core.disk import Disk
from pq_core.errors import QueueClosed, SchemaMismatch, StorageCorrupt, StorageError
from pq_core.log.claims import BLOCK, blank, claims_name, valid_claims
from pq_core.log.cursor import CURSOR_BYTES, H_REPLACED, S_BUSY, CursorFile
from pq_core.log.group import Latch
from pq_core.log.segment import FRAMES_AT, VERSION, Header, segment_name
from pq_core.log.sharing import Turn
from pq_core.protocols import Damage

__all__ = ["ClaimsFile", "Gone", "Segment", "Store", "failure"]

logger = logging.getLogger("persistqueue")

#: How many segments behind the current one are kept open.
_KEPT_OPEN: Final = 8

_REMEDIES: Final = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EFBIG: "raise the limit on file sizes (ulimit -f), or use a smaller chunksize",
    errno.EACCES: "give this user the right to write there",
    errno.EPERM: "give this user the right to write there",
    errno.EROFS: "use a directory on a writable file system",
    errno.ENOTDIR: "use the path of a directory",
    errno.EEXIST: "use the path of a directory",
    errno.ELOOP: "replace the symbolic link by the file itself",
    errno.ENAMETOOLONG: "use a shorter path",
    errno.EMFILE: "close some files, or raise the limit (ulimit -n)",
    errno.EIO: "check the disk; what was acknowledged before is kept",
}


def failure(error: OSError, path: str | Path) -> StorageError:
    """The error a caller sees for what the operating system said about `path`."""
    said = error.strerror or str(error)
    remedy = _REMEDIES.get(error.errno or 0, "nothing was changed")
    return StorageError(f"{path}: {said[:1].lower()}{said[1:]}; {remedy}")


class Gone:
    """Stands for the words of a queue whose files are closed."""

    def __getitem__(self, index: object) -> NoReturn:
        raise QueueClosed("the queue is closed; open a new one on the same path")


class Segment:
    """One open segment. The descriptor is closed with the last reference to the object.

    Attributes:
        fd: the descriptor.
        path: the file.
        header: as it was read or written.
        number: the header's.
        first: the header's.
        seed: the header's; what the crc of every frame starts from.
    """

    __slots__ = ("_disk", "fd", "first", "header", "number", "path", "seed")

    def __init__(self, disk: Disk, path: Path, header: Header, fd: int) -> None:
        self._disk = disk
        self.path = path
        self.header = header
        self.number = header.number
        self.first = header.first
        self.seed = header.seed
        self.fd = fd

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):  # the constructor may have been interrupted
            os.close(self.fd)

    def size(self) -> int:
        """The length of the file in bytes."""
        return os.fstat(self.fd).st_size

    def read(self, offset: int, length: int) -> bytes:
        """At most `length` bytes from `offset`; never asks for more than the file has."""
        return self._disk.pread(self.fd, max(0, min(length, self.size() - offset)), offset)


class ClaimsFile:
    """One open and mapped claims file; the lock on it is the owner's sign of life."""

    __slots__ = ("_disk", "fd", "index", "map", "path")

    def __init__(self, disk: Disk, path: Path, index: int, fd: int) -> None:
        self._disk = disk
        self.path = path
        self.index = index
        self.fd = fd
        self.map = mmap.mmap(fd, 0)

    def has_grown(self) -> bool:
        """Whether the file is longer than what is mapped."""
        return os.fstat(self.fd).st_size > len(self.map)

    def grow(self, by: int) -> None:
        """Appends `by` zeros. They are not mapped before `remap`."""
        self._disk.write_all(self.fd, bytes(by), len(self.map))

    def remap(self) -> None:
        """Maps the whole file again."""
        self.map, old = mmap.mmap(self.fd, 0), self.map
        old.close()

    def close(self) -> None:
        """Unmaps the file and drops the lock."""
        with suppress(BufferError):
            self.map.close()
        with suppress(OSError):
            os.close(self.fd)


class Store:
    """The directory of one queue with its cursor mapped.

    Attributes:
        path: the directory.
        disk: the port through which files are touched.
        queue: the queue's 16 bytes.
        cursor: the mapped cursor file.
        cursor_fd: its descriptor; the flock on it is the tail lock.
        lock_fd: the descriptor of `lock`; the flock on it is the head lock.
        users_fd: the descriptor of `users`; the flock on it tells that this process is one.
        tail_turn: the tail lock; for who holds the tail's mutex.
        head_turn: the head lock; for who holds the head's mutex.
        damage: what was found damaged and set aside since the store was opened.
        latch: whether a sync has failed.
    """

    def __init__(self, path: Path, disk: Disk, lock_fd: int, cursor_fd: int, users_fd: int) -> None:
        self.path = path
        self.disk = disk
        self.lock_fd = lock_fd
        self.cursor_fd = cursor_fd
        self.users_fd = users_fd
        self.damage: list[Damage] = []
        self.latch = Latch(path)
        self._map = mmap.mmap(cursor_fd, CURSOR_BYTES)
        self.cursor = CursorFile(memoryview(self._map))
        words = self.cursor.words
        self.tail_turn = Turn(words, S_BUSY, *disk.locks(cursor_fd))
        self.head_turn = Turn(words, S_BUSY + 1, *disk.locks(lock_fd))
        self.queue = b""
        self._segments: dict[int, Segment] = {}
        self._replaced = 0

    def close(self) -> None:
        """Closes everything. Claims are closed by who opened them."""
        self._segments.clear()
        self.cursor.release()
        with suppress(BufferError):
            self._map.close()
        for fd in (self.cursor_fd, self.lock_fd, self.users_fd):
            with suppress(OSError):
                os.close(fd)

    # -- segments -------------------------------------------------------------------------

    def segment_path(self, number: int) -> Path:
        """Where the segment of this number lies."""
        return self.path / segment_name(number)

    def open_segment(self, number: int) -> Segment:
        """The segment of this number.

        Raises:
            FileNotFoundError: there is none.
            StorageCorrupt: its header is damaged, or another queue's.
            SchemaMismatch: a newer version wrote it.
        """
        path = self.segment_path(number)
        fd = self.disk.open(path)
        try:
            header = Header.decode(self.disk.pread(fd, FRAMES_AT, 0))
            if header.version > VERSION:
                raise SchemaMismatch(
                    f"{path}: written in format {header.version}, and this version knows up to "
                    f"{VERSION}; install a newer persist-queue"
                )
            if header.queue != self.queue or header.number != number:
                raise ValueError("the segment belongs to another queue or place")
        except ValueError as error:
            os.close(fd)
            raise StorageCorrupt(path, 0, str(error)) from None
        except BaseException:
            os.close(fd)
            raise
        return Segment(self.disk, path, header, fd)

    def segment(self, number: int) -> Segment:
        """As `open_segment`, kept open for the next call. Not for two threads at once."""
        if self._replaced != self.cursor.words[H_REPLACED]:
            self._replaced = self.cursor.words[H_REPLACED]
            self._segments.clear()
        found = self._segments.get(number)
        if found is None:
            found = self.open_segment(number)
            while len(self._segments) >= _KEPT_OPEN:
                del self._segments[next(iter(self._segments))]
            self._segments[number] = found
        return found

    def forget(self, number: int) -> None:
        """Drops the kept descriptor of a segment that is gone or was replaced."""
        self._segments.pop(number, None)

    def create_segment(self, header: Header) -> Segment:
        """A new, empty segment, written over what a crash may have left of it.

        The file is not synced.
        """
        path = self.segment_path(header.number)
        self.forget(header.number)
        fd = self.disk.open(path, create=True)
        try:
            self.disk.truncate(fd, 0)
            self.disk.write_all(fd, header.encode().ljust(FRAMES_AT, b"\0"), 0)
        except BaseException:
            os.close(fd)
            with suppress(OSError):
                self.disk.unlink(path)
            raise
        return Segment(self.disk, path, header, fd)

    # -- claims ---------------------------------------------------------------------------

    def open_claims(self, index: int) -> ClaimsFile | None:
        """The claims file of this number, or None where there is none yet.

        A damaged one is made anew: nobody can know what it said, and what it held comes again.
        """
        path = self.path / claims_name(index)
        try:
            fd = self.disk.open(path)
        except FileNotFoundError:
            return None
        try:
            size = os.fstat(fd).st_size
            if size % BLOCK or not valid_claims(self.disk.pread(fd, BLOCK, 0), self.queue):
                # One that is too short was about to be made when its process was killed.
                if size >= BLOCK:
                    self.report(path, 0, "the list of claimed items is damaged")
                self.disk.truncate(fd, 0)
                self.disk.write_all(fd, blank(self.queue), 0)
            return ClaimsFile(self.disk, path, index, fd)
        except BaseException:
            os.close(fd)
            raise

    def create_claims(self, index: int) -> ClaimsFile:
        """A new claims file without runs."""
        path = self.path / claims_name(index)
        fd = self.disk.open(path, create=True)
        try:
            # Real zeros, not a hole: a store into a hole of a mapping kills on a full disk.
            self.disk.write_all(fd, blank(self.queue), 0)
            return ClaimsFile(self.disk, path, index, fd)
        except BaseException:
            os.close(fd)
            with suppress(OSError):
                self.disk.unlink(path)
            raise

    def reset_claims(self) -> None:
        """Empties every claims file whose owner is dead."""
        for index in count():
            try:
                fd = self.disk.open(self.path / claims_name(index))
            except FileNotFoundError:
                return
            try:
                if self.disk.try_lock(fd):
                    self.disk.truncate(fd, 0)
                    self.disk.write_all(fd, blank(self.queue), 0)
            finally:
                os.close(fd)

    # -- damage ---------------------------------------------------------------------------

    def report(self, path: Path, offset: int | None, reason: str) -> None:
        """Notes damage and tells it once in the log."""
        self.damage.append(Damage(path, offset, reason))
        logger.warning("%s at byte %s: %s", path, offset, reason)

    def set_aside(self, segment: Segment, start: int, stop: int) -> None:
        """Appends the bytes [start, stop) of a segment to its `.bad` file, synced."""
        path = segment.path.with_name(segment.path.name + ".bad")
        fd = self.disk.open(path, create=True)
        try:
            at = os.fstat(fd).st_size
            while start < stop:
                data = segment.read(start, min(1 << 20, stop - start))
                if not data:
                    break
                self.disk.write_all(fd, data, at)
                at += len(data)
                start += len(data)
            self.disk.datasync(fd)
        finally:
            os.close(fd)
