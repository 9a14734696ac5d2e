"""Payloads of rows: checked, then read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from zlib import crc32

from pq_core.errors import DecodeError
from pq_core.serializers import Codec

__all__ = ["LARGEST", "Opener", "Row", "Taken", "Unreadable", "as_bytes", "fits", "opener", "parts"]

#: Ids are signed 64-bit numbers; a larger one is the id of nothing.
LARGEST: Final = (1 << 63) - 1
#: A row as it is stored: id, data, timestamp, crc [, more].
Row: TypeAlias = tuple[Any, ...]
#: An item that was taken: its id, the item, when it was put, and its row.
Taken: TypeAlias = tuple[int, Any, float | None, Row]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A payload that cannot be delivered.

    Attributes:
        id: of its row.
        reason: why, without anything of the payload.
        error: what the caller of get is told.
    """

    id: int
    reason: str
    error: DecodeError


def as_bytes(data: Any) -> bytes:
    """A payload as bytes, whatever a database or a predecessor made of it."""
    if isinstance(data, str):
        return data.encode("utf-8", "surrogateescape")
    if data is None or isinstance(data, (int, float)):
        return b"" if data is None else str(data).encode()
    return bytes(data)


#: Reads the payload of a row: the item, or an `Unreadable`.
Opener: TypeAlias = Callable[[Row], Any]


def opener(codec: Codec, where: str) -> Opener:
    """What reads the payloads of one queue.

    Args:
        codec: of the queue.
        where: what the queue is called in messages.
    """
    loads = codec.loads

    def damaged(id: int, reason: str) -> Unreadable:
        message = f"{where}: item {id}: {reason}; see dead_letters()"
        return Unreadable(id, reason, DecodeError(message, id=id))

    def open_row(row: Row) -> Any:
        data = row[1]
        if type(data) is not bytes:
            if data is None or isinstance(data, (int, float)):
                return damaged(row[0], "the payload is not bytes")
            data = as_bytes(data)
        crc = row[3]
        if crc is not None and crc32(data) != crc:
            return damaged(row[0], "the payload does not match its checksum")
        try:
            return loads(data)
        except Exception as error:
            told = codec.decode_error(error, id=row[0])
            told.__cause__ = error
            return Unreadable(row[0], f"unreadable: {type(error).__name__}", told)

    return open_row


#: How many rows go into one statement at most, and how many bytes of payloads: a server takes 4 MiB
#: at once at least (MySQL's smallest default of max_allowed_packet), and escaping may double them.
_ROWS: Final = 1000
_BYTES: Final = 1 << 20


def fits(rows: Sequence[Row]) -> bool:
    """Whether there are rows, and no more than go into one statement."""
    return 0 < len(rows) <= _ROWS and sum(len(row[0]) for row in rows) <= _BYTES


def parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """Rows to insert, whose first column is the payload, in parts for one statement each."""
    part: list[Row] = []
    size = 0
    for row in rows:
        if part and (len(part) == _ROWS or size + len(row[0]) > _BYTES):
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row[0])
    if part:
        yield part
