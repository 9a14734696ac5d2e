"""The file `dead`: items that could not be read back, with the reason and their bytes."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from struct import Struct
from typing import Final
from zlib import crc32

from pq_core.log.frame import DONE, LIVE, Frame, encode, next_valid, scan
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

    def list(self) -> list[DeadLetter]:
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
        """Where the file is damaged, or None."""
        with suppress(FileNotFoundError), self._open() as file:
            end = 0
            for frame in scan(file.read, 0, self._seed):
                end = frame.end
            return end if end < file.size() else None
        return None

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
