"""One item of a file that is written with its length before it.

The predecessors' files of msgpack and cbor2 items have a 4-byte little-endian length before each.
"""

from __future__ import annotations

from struct import Struct
from typing import BinaryIO, Final

__all__ = ["read_item", "write_item"]

_LENGTH: Final = Struct("<I")
_LONGEST: Final = 0xFFFF_FFFF
#: Bytes asked for at once. A damaged length may claim 4 GiB; only what is there gets allocated.
_PIECE: Final = 1 << 20


def write_item(data: bytes, fp: BinaryIO) -> None:
    """Write the length of `data`, then `data`.

    Raises:
        ValueError: `data` is 4 GiB or longer.
    """
    if len(data) > _LONGEST:
        raise ValueError(f"an item of {len(data)} bytes does not fit a 4-byte length")
    fp.write(_LENGTH.pack(len(data)) + data)


def read_item(fp: BinaryIO) -> bytes:
    """The bytes of the next item.

    Raises:
        EOFError: the file ends before the item does.
    """
    (length,) = _LENGTH.unpack(_exactly(_LENGTH.size, fp))
    return _exactly(length, fp)


def _exactly(length: int, fp: BinaryIO) -> bytes:
    data = fp.read(min(length, _PIECE))
    if len(data) == length:
        return data
    pieces = [data]
    missing = length - len(data)
    while missing and pieces[-1]:
        pieces.append(fp.read(min(missing, _PIECE)))
        missing -= len(pieces[-1])
    if missing:
        raise EOFError(f"the file ends {missing} bytes before its item does")
    return b"".join(pieces)
