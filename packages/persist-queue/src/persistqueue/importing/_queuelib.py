"""queuelib: chunk files (FIFO), one file (LIFO), or a table of an SQLite database.

::

    FifoDiskQueue   q00000 …    uint32 big-endian length, item; and so on
                    info.json   see `pq_core.log.legacy`
    LifoDiskQueue   one file    uint32 big-endian count; item, its length; item, its length …
    *SQLiteQueue    table queue (id INTEGER PRIMARY KEY, item BLOB)

Items are bytes: what the caller of queuelib made of his objects. They come oldest first, those of
a LIFO queue too: put into a FILO queue they come out in the order in which queuelib gives them.
"""

from __future__ import annotations

import mmap
import os
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from struct import Struct
from typing import Final

from persistqueue.importing._source import Reading, Source, damaged
from persistqueue.importing._sqlite import read_only, rows
from pq_core.log.legacy import (
    Chunk,
    LegacyDamage,
    chunk_items,
    chunk_names,
    parse_info,
    plan,
)

__all__ = ["FIFO", "INFO", "LIFO", "SQLITE", "chunks", "database", "is_stack", "stack"]

FIFO: Final = "queuelib"
LIFO: Final = "queuelib-lifo"
SQLITE: Final = "queuelib-sqlite"

INFO: Final = "info.json"
_LENGTH: Final = Struct(">I")


@contextmanager
def chunks(path: Path, reading: Reading) -> Iterator[Source]:
    """A FifoDiskQueue."""
    notes: list[str] = []
    count, planned = _planned(path, reading, notes)
    yield Source(FIFO, count, _chunk_items(path, planned, reading, notes), notes)


def _planned(
    path: Path, reading: Reading, notes: list[str]
) -> tuple[int | None, tuple[Chunk, ...]]:
    """How many items there are, where that is known, and the chunks that hold them."""
    names = chunk_names(os.listdir(path))
    try:
        info = parse_info((path / INFO).read_bytes(), FIFO)
        found = plan(names, info, partial=reading.salvage)
    except FileNotFoundError:
        notes.append(
            f"{INFO} is missing, as where the queue was never closed: items that were taken "
            "before may have come again"
        )
    except LegacyDamage as error:
        if not reading.salvage:
            raise damaged(path / INFO, error.offset, error.reason) from error
        notes.append(f"{INFO}: {error.reason}; items that were taken before may have come again")
    else:
        notes += [f"the chunks {gap.start} to {gap.stop - 1} are gone" for gap in found.missing]
        return info.size, found.chunks
    return None, tuple(Chunk(name, int(name[1:]), 0, None, 0) for name in names)


def _chunk_items(
    path: Path, planned: tuple[Chunk, ...], reading: Reading, notes: list[str]
) -> Iterator[bytes]:
    for chunk in planned:
        file = path / chunk.name
        try:
            with _mapped(file) as data:
                yield from chunk_items(chunk, data, FIFO)
        except LegacyDamage as error:
            if not reading.salvage:
                raise damaged(file, error.offset, error.reason) from error
            notes.append(f"{chunk.name}: {error}; what follows it there was left out")


@contextmanager
def _mapped(path: Path) -> Iterator[bytes | mmap.mmap]:
    """The contents of a file, of which no more is in memory than is looked at."""
    if not path.stat().st_size:
        yield b""  # there is nothing to map
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        yield data


@contextmanager
def stack(path: Path, reading: Reading) -> Iterator[Source]:
    """A LifoDiskQueue."""
    del reading  # its items are found from its end, so nothing can be read before damage
    with _mapped(path) as data:
        starts = _starts(data)
        if starts is None:
            raise damaged(path, None, "the lengths in this file do not lead to its beginning")
        stops = [start - _LENGTH.size for start in starts[1:]]
        stops.append(len(data) - _LENGTH.size)
        items = (bytes(data[start:stop]) for start, stop in zip(starts, stops, strict=True))
        yield Source(LIFO, len(starts), items)


def is_stack(path: Path) -> bool:
    """Whether the lengths in a file lead from its end to its beginning."""
    with _mapped(path) as data:
        return _starts(data) is not None


def _starts(data: bytes | mmap.mmap) -> array[int] | None:
    """Where the items of a LIFO file begin, oldest first; None where it is no such file.

    The count at its beginning is only right after a close, and is not looked at.
    """
    found = array("q")
    at = len(data)
    if at <= _LENGTH.size:
        return None  # queuelib removes an empty one
    while at > _LENGTH.size:
        length: int = _LENGTH.unpack_from(data, at - _LENGTH.size)[0]
        at -= _LENGTH.size + length
        if at < _LENGTH.size:
            return None
        found.append(at)
    found.reverse()
    return found


@contextmanager
def database(path: Path, reading: Reading) -> Iterator[Source]:
    """A FifoSQLiteQueue or LifoSQLiteQueue, which store the same."""
    del reading  # there is one table, and nothing that could be left out
    with read_only(path) as connection:
        ((count,),) = rows(connection, "SELECT count(*) FROM queue")
        items = (item for (item,) in rows(connection, "SELECT item FROM queue ORDER BY id"))
        yield Source(SQLITE, count, items)
