"""The floors: plain loops over the system calls that a durable queue cannot do without.

Every function takes a directory and a number of items, prepares untimed, and returns the seconds
that the loop took.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from time import perf_counter
from typing import Any, Final
from zlib import crc32

__all__ = ["ITEM", "PAYLOAD", "append", "append_batches", "consume", "consume_batches"]

#: About a hundred bytes when pickled, like an entry of a work list.
ITEM: Final[dict[str, Any]] = {
    "id": 123_456,
    "kind": "order.paid",
    "customer": "c-0000042",
    "amount": 19.99,
    "express": True,
}
PROTOCOL: Final = pickle.DEFAULT_PROTOCOL
PAYLOAD: Final = pickle.dumps(ITEM, PROTOCOL)

_HEADER: Final = Struct("<4sIIQQ")
_CURSOR: Final = Struct("<QQQQQI")
#: What put_many and get_many do at a time.
BATCH: Final = 100


def append(directory: Path, count: int, sync: Callable[[int], None] | None = None) -> float:
    """L1: pickle, frame, crc32 and `os.write` of each item; with `sync`, L2: and a sync of each."""
    fd = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    dumps, pack, write = pickle.dumps, _HEADER.pack, os.write
    try:
        start = perf_counter()
        for seq in range(count):
            payload = dumps(ITEM, PROTOCOL)
            write(fd, pack(b"item", crc32(payload), len(payload), seq, 0) + payload)
            if sync is not None:
                sync(fd)
        return perf_counter() - start
    finally:
        os.close(fd)


def append_batches(directory: Path, count: int) -> float:
    """Pickles `count` items, and writes a hundred at a time."""
    fd = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    dumps, write = pickle.dumps, os.write
    try:
        start = perf_counter()
        for _ in range(count // BATCH):
            write(fd, b"".join([dumps(ITEM, PROTOCOL) for _ in range(BATCH)]))
        return perf_counter() - start
    finally:
        os.close(fd)


def consume(directory: Path, count: int) -> float:
    """Reads a frame (header, payload), checks and loads it, and writes a cursor, item by item."""
    append(directory, count)
    fd = os.open(directory / "floor", os.O_RDONLY)
    cursor = os.open(directory / "cursor", os.O_RDWR | os.O_CREAT, 0o600)
    loads, unpack, pack = pickle.loads, _HEADER.unpack, _CURSOR.pack
    pread, pwrite, size = os.pread, os.pwrite, _HEADER.size
    try:
        offset = 0
        start = perf_counter()
        for seq in range(count):
            _, crc, length, found, _ = unpack(pread(fd, size, offset))
            payload = pread(fd, length, offset + size)
            if crc32(payload) != crc or found != seq:
                raise ValueError("the floor is damaged")
            loads(payload)
            offset += size + length
            pwrite(cursor, pack(0, offset, seq, 0, 0, seq), 0)
        return perf_counter() - start
    finally:
        os.close(fd)
        os.close(cursor)


def consume_batches(directory: Path, count: int) -> float:
    """Reads a hundred items at a time, and unpickles each."""
    append_batches(directory, count)
    fd = os.open(directory / "floor", os.O_RDONLY)
    loads, size = pickle.loads, len(PAYLOAD)
    whole = size * BATCH
    try:
        start = perf_counter()
        for batch in range(count // BATCH):
            data = os.pread(fd, whole, batch * whole)
            for at in range(0, whole, size):
                loads(data[at : at + size])
        return perf_counter() - start
    finally:
        os.close(fd)
