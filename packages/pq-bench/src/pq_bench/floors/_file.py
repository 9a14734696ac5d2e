"""The floor of a file queue: framed appends to one file, and a position in another."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from struct import Struct
from typing import Any, Final
from zlib import crc32

__all__ = ["FileFloor"]

#: A mark, a checksum, a length, a number, and room: what a frame of the log holds as well.
_HEADER: Final = Struct("<4sIIQQ")
#: What a cursor slot holds.
_CURSOR: Final = Struct("<QQQQQI")


class FileFloor:
    """Pickles, checksums and writes; reads, checks, loads and writes a position.

    Args:
        directory: of its two files.
        sync: called with a descriptor after every write that must be durable; None: nothing is.
        dumps: makes bytes of an item.
        loads: makes an item of bytes.
    """

    def __init__(
        self,
        directory: Path,
        sync: Callable[[int], None] | None,
        dumps: Callable[[Any], bytes],
        loads: Callable[[bytes], Any],
    ) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        self._fd = os.open(directory / "floor", flags | os.O_APPEND, 0o600)
        self._cursor = os.open(directory / "cursor", flags, 0o600)
        self._sync = sync
        self._dumps = dumps
        self._loads = loads
        self._put = 0
        self._taken = 0
        self._offset = 0

    def put(self, items: Iterator[Any]) -> None:
        """L1: dumps, frame, checksum and write for each; L2 where there is a sync."""
        fd, sync, dumps, pack, write = self._fd, self._sync, self._dumps, _HEADER.pack, os.write
        number = self._put
        for item in items:
            payload = dumps(item)
            write(fd, pack(b"item", crc32(payload), len(payload), number, 0) + payload)
            if sync is not None:
                sync(fd)
            number += 1
        self._put = number

    def take(self, items: Iterator[Any]) -> None:
        """For each: reads a frame in two parts, checks and loads it, and writes the position."""
        fd, cursor, sync, loads = self._fd, self._cursor, self._sync, self._loads
        unpack, pack, pread, pwrite = _HEADER.unpack, _CURSOR.pack, os.pread, os.pwrite
        size, offset, number = _HEADER.size, self._offset, self._taken
        for _ in items:
            _, crc, length, found, _ = unpack(pread(fd, size, offset))
            payload = pread(fd, length, offset + size)
            if crc32(payload) != crc or found != number:
                raise ValueError("the floor is damaged")
            loads(payload)
            offset += size + length
            number += 1
            pwrite(cursor, pack(0, offset, number, 0, 0, number), 0)
            if sync is not None:
                sync(cursor)
        self._offset, self._taken = offset, number

    def alternate(self, items: Iterator[Any]) -> None:
        """Puts one and takes one for each."""
        for item in items:
            self.put(iter((item,)))
            self.take(iter((item,)))

    def put_many(self, batches: Iterator[list[Any]]) -> None:
        """For each batch: dumps every item, and one write."""
        fd, sync, dumps, write = self._fd, self._sync, self._dumps, os.write
        for batch in batches:
            write(fd, b"".join([dumps(item) for item in batch]))
            if sync is not None:
                sync(fd)
            self._put += len(batch)

    def take_many(self, batches: Iterator[Any], size: int) -> None:
        """For each batch: one read, loads every item, and one position written.

        The items are those of `fill`, all of one length.
        """
        fd, cursor, sync, loads = self._fd, self._cursor, self._sync, self._loads
        pread, pwrite, pack = os.pread, os.pwrite, _CURSOR.pack
        each = os.fstat(fd).st_size // self._put
        header = _HEADER.size
        offset = self._offset
        for _ in batches:
            data = pread(fd, each * size, offset)
            for at in range(header, each * size, each):
                loads(data[at : at + each - header])
            offset += each * size
            self._taken += size
            pwrite(cursor, pack(0, offset, self._taken, 0, 0, size), 0)
            if sync is not None:
                sync(cursor)
        self._offset = offset

    def fill(self, items: Iterable[Any]) -> None:
        """Puts items, as fast as it goes: a thousand with each write."""
        dumps, pack, stream = self._dumps, _HEADER.pack, iter(items)
        while batch := [dumps(item) for item in islice(stream, 1000)]:
            frames = [
                pack(b"item", crc32(payload), len(payload), number, 0) + payload
                for number, payload in enumerate(batch, self._put)
            ]
            os.write(self._fd, b"".join(frames))
            self._put += len(batch)

    def size(self) -> int:
        """How many items are left."""
        return self._put - self._taken

    def close(self) -> None:
        """Closes the files."""
        os.close(self._fd)
        os.close(self._cursor)
