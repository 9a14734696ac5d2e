"""Segments: the files `qNNNNN` that hold the frames, oldest number first.

::

    byte    0  512  header   who this file is; written once, before any frame
          512  512  note     what the newest segment knows of the whole queue (see cursor.py)
         1024       frames   one behind the other; zeros behind the last one are not an item

The header's crc is the seed of every frame in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from struct import Struct
from typing import Final
from zlib import crc32

__all__ = ["FRAMES_AT", "MAGIC", "NOTE_AT", "VERSION", "Header", "numbers", "segment_name"]

#: Ends in bytes that a text-mode transfer would change, as in PNG's signature.
MAGIC: Final = b"pqlog\r\n\x1a"
VERSION: Final = 1
NOTE_AT: Final = 512
FRAMES_AT: Final = 1024

_HEADER: Final = Struct("<8sI16sQQQ")
_CRC: Final = Struct("<I")
_NAME: Final = re.compile(r"q([0-9]{5,})")


@dataclass(frozen=True, slots=True)
class Header:
    """The first sector of a segment.

    Attributes:
        queue: 16 random bytes that every file of one queue carries.
        number: the one in the file's name.
        first: the seq of its first frame.
        created: nanoseconds since the epoch.
        version: of the format.
    """

    queue: bytes
    number: int
    first: int
    created: int
    version: int = VERSION

    def encode(self) -> bytes:
        """The 512 bytes on disk."""
        raw = self._pack()
        return (raw + _CRC.pack(crc32(raw))).ljust(NOTE_AT, b"\0")

    def _pack(self) -> bytes:
        return _HEADER.pack(MAGIC, self.version, self.queue, self.number, self.first, self.created)

    @property
    def seed(self) -> int:
        """What the crc of every frame of this segment starts from."""
        # Of what precedes the crc: a crc over its own crc is the same for all.
        return crc32(self._pack())

    @staticmethod
    def decode(data: bytes) -> Header:
        """The header at the start of `data`.

        Raises:
            ValueError: these are not the first bytes of a segment, or they are damaged. The
                message says which.
        """
        if data[: len(MAGIC)] != MAGIC:
            raise ValueError("not a segment of this format")
        if len(data) < _HEADER.size + _CRC.size:
            raise ValueError("the header of the segment is cut short")
        (crc,) = _CRC.unpack_from(data, _HEADER.size)
        if crc32(data[: _HEADER.size]) != crc:
            raise ValueError("the header of the segment is damaged")
        _, version, queue, number, first, created = _HEADER.unpack_from(data)
        return Header(queue, number, first, created, version)


def segment_name(number: int) -> str:
    """`q00007` for 7."""
    return f"q{number:05d}"


def numbers(names: Iterable[str]) -> list[int]:
    """The numbers of the segments among `names`, rising."""
    found = (_NAME.fullmatch(name) for name in names)
    return sorted(int(match[1]) for match in found if match)
