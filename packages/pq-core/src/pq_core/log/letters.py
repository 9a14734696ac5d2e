"""The file `dead`: items that could not be read back, with the reason and their bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from struct import Struct
from typing import Final
from zlib import crc32

from pq_core.log.frame import (
    DONE,
    FRAME,
    HEADER_BYTES,
    LIVE,
    Frame,
    encode,
    next_valid,
    scan,
)
from pq_core.log.segment import Header
from pq_core.log.store import Segment, Store
from pq_core.protocols import DeadLetter

__all__ = ["DEAD_NAME", "Letters"]

DEAD_NAME: Final = "dead"
_REASON: Final = Struct("<I")


class Letters:
    """Appends, lists and removes dead letters. The caller holds the tail lock.

    The file is a row of frames without a header, seeded with the queue's bytes. A frame's
    payload is the length of the reason, the reason, and the item's bytes as they were stored.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._path = store.path / DEAD_NAME
        self._seed = crc32(store.queue)

    def add(self, seq: int, reason: str, payload: bytes, time_ns: int) -> None:
        """Keeps an item, durably. Does nothing where it is there already."""
        with self._open(create=True) as file:
            self._cut(file)
            if any(frame.seq == seq for frame in self._live(file)):
                return
            text = reason.encode("utf-8", "replace")
            frame = encode(_REASON.pack(len(text)) + text + payload, seq, time_ns, self._seed)
            size = file.size()
            try:
                self._store.disk.write_all(file.fd, frame, size)
                self._store.disk.datasync(file.fd)
            except OSError:
                with suppress(OSError):
                    self._store.disk.truncate(file.fd, size)
                raise
            if not size:
                self._store.disk.sync_directory(self._store.path)

    def kept(self) -> list[DeadLetter]:
        """All that are kept, oldest first."""
        with suppress(FileNotFoundError), self._open() as file:
            return [_letter(frame) for frame in self._live(file)]
        return []

    def remove(self, ids: Iterable[int]) -> None:
        """Drops those with these ids; the file as well when none is left."""
        gone = set(ids)
        with suppress(FileNotFoundError), self._open() as file:
            left = 0
            for frame in list(self._live(file)):
                if frame.seq in gone:
                    self._store.disk.write_all(file.fd, DONE, frame.offset)
                else:
                    left += 1
            if not left:
                self._store.disk.truncate(file.fd, 0)
            self._store.disk.datasync(file.fd)

    def damage(self) -> int | None:
        """Where the file is damaged first, or None."""
        with suppress(FileNotFoundError), self._open() as file:
            for start, _ in self._gaps(file):
                return start
        return None

    def repair(self) -> None:
        """Copies what is damaged to `dead.bad`, and writes the file anew without it."""
        with suppress(FileNotFoundError), self._open() as file:
            gaps = self._gaps(file)
            if not gaps:
                return
            for start, stop in gaps:
                self._store.set_aside(file, start, stop)
            whole = b"".join(
                file.read(frame.offset, frame.end - frame.offset) for frame in self._live(file)
            )
            fresh = self._path.with_name(f"{DEAD_NAME}.new")
            fd = self._store.disk.open(fresh, create=True)
            try:
                self._store.disk.truncate(fd, 0)
                self._store.disk.write_all(fd, whole, 0)
                self._store.disk.datasync(fd)
            finally:
                os.close(fd)
            self._store.disk.rename(fresh, self._path)
            self._store.disk.sync_directory(self._store.path)

    def _gaps(self, file: _File) -> list[tuple[int, int]]:
        """The places between valid frames; not what a killed writer left at the end."""
        offset, size = 0, file.size()
        gaps = []
        while offset < size:
            for frame in scan(file.read, offset, self._seed):
                offset = frame.end
            later = next_valid(file.read, offset, size, self._seed, 0)
            if later is None:
                if offset < size and not self._is_torn(file, offset):
                    gaps.append((offset, size))
                break
            gaps.append((offset, later.offset))
            offset = later.offset
        return gaps

    def _is_torn(self, file: _File, offset: int) -> bool:
        """Whether a frame at the end of the file is shorter than it says it is."""
        raw = file.read(offset, HEADER_BYTES)
        if len(raw) < HEADER_BYTES:
            return LIVE.startswith(raw[:4])
        state, _, length, _, _ = FRAME.unpack(raw)
        return state == LIVE and file.size() < offset + HEADER_BYTES + int(length)

    def _cut(self, file: _File) -> None:
        """Removes what a killed writer left at the end."""
        end = 0
        for frame in scan(file.read, 0, self._seed):
            end = frame.end
        if end < file.size() and self._is_torn(file, end):
            self._store.disk.truncate(file.fd, end)

    def _open(self, *, create: bool = False) -> _File:
        header = Header(self._store.queue, 0, 0, 0)
        fd = self._store.disk.open(self._path, create=create)
        return _File(self._store.disk, self._path, header, fd)

    def _live(self, file: _File) -> Iterable[Frame]:
        offset, size = 0, file.size()
        while offset < size:
            for frame in scan(file.read, offset, self._seed):
                offset = frame.end
                if frame.state == LIVE:
                    yield frame
            later = next_valid(file.read, offset, size, self._seed, 0)
            if later is None:
                return
            offset = later.offset


class _File(Segment):
    """The open file, closed at the end of a `with`."""

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            os.close(self.fd)
        self.fd = -1


def _letter(frame: Frame) -> DeadLetter:
    (length,) = _REASON.unpack_from(frame.body)
    start = _REASON.size + length
    reason = frame.body[_REASON.size : start].decode("utf-8", "replace")
    return DeadLetter(frame.seq, reason, frame.body[start:], 1, frame.time / 1e9)
