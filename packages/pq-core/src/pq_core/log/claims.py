"""The files `c00`, `c01` …: which items a consumer process has out.

Each consumer process holds the flock of one of them for as long as it lives, so whoever gets
that lock knows that the owner is dead. A file is never deleted: the next consumer that finds it
unlocked takes it over, which needs no space on a full disk.

::

    byte  0  32   header   magic, queue, zeros
         32  32 each       runs

A run is four 8-byte words: the segment and offset of its first frame, the seq of its first
frame, and the seq behind its last one. It is empty while the last word is not the larger one.
The flag `RETURNED` in the segment's word says that the run is nobody's any more and waits to be
handed out again. All of it is written under the tail lock; nothing of it needs to reach the
disk, for after a power cut no consumer is alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from mmap import mmap
from struct import Struct
from typing import Final, NamedTuple

from pq_core.log.cursor import Position

__all__ = ["BLOCK", "CLAIMS_HEADER", "Claims", "Run", "claims_name", "valid_claims"]

MAGIC: Final = b"pqclaim\n"
#: A new file's length in bytes, and how much a full one grows by: room for 127 runs.
BLOCK: Final = 4096
CLAIMS_HEADER: Final = 32
#: Words of a run.
SEGMENT: Final = 0
OFFSET: Final = 1
FIRST: Final = 2
STOP: Final = 3
#: Set in the segment's word of a run whose owner is gone.
RETURNED: Final = 1 << 63
pack_run = Struct("=QQQQ").pack_into  # bound once


class Run(NamedTuple):
    """Neighbouring items that are out together: `first` (at `start`) up to before `stop`."""

    start: Position
    stop: int
    returned: bool
    at: int


def claims_name(index: int) -> str:
    """`c03` for 3."""
    return f"c{index:02d}"


def blank(queue: bytes) -> bytes:
    """A new claims file without runs."""
    return (MAGIC + queue).ljust(BLOCK, b"\0")


def valid_claims(data: bytes | memoryview, queue: bytes) -> bool:
    """Whether `data` is a claims file of this queue."""
    return len(data) >= BLOCK and bytes(data[:24]) == MAGIC + queue


class Claims:
    """The runs in a claims file that lies in `buffer`.

    `words[index + STOP]` and its neighbours are the run at `index`; a hot path may grow a run by
    writing that one word.
    """

    __slots__ = ("_bytes", "_free", "_view", "words")

    def __init__(self, buffer: bytearray | memoryview | mmap) -> None:
        self._view = memoryview(buffer)
        self._bytes = self._view.cast("B")
        self.words = self._bytes.cast("Q")
        self._free: list[int] = []

    def release(self) -> None:
        """Lets go of the buffer, so that it can be closed or grown."""
        self.words.release()
        self._bytes.release()
        self._view.release()

    def write(self, segment: int, offset: int, first: int, stop: int) -> int | None:
        """Makes an empty run this one, and returns its index; None where the file is full.

        It is this one once the last word is written. The list of empty ones is made anew only when
        it is used up, so a file that is nearly full costs one pass in many calls.
        """
        words, free = self.words, self._free
        while True:
            while free:
                index = free.pop()
                if words[index + FIRST] >= words[index + STOP]:
                    pack_run(self._bytes, index * 8, segment, offset, first, stop)
                    return index
            free += [
                index
                for index in range(len(words) - 4, CLAIMS_HEADER // 8 - 1, -4)
                if words[index + FIRST] >= words[index + STOP]
            ]
            if not free:
                return None

    def free(self, index: int) -> None:
        """Empties the run at `index`."""
        self.words[index + STOP] = 0
        self._free.append(index)

    def give_back(self, index: int) -> None:
        """Marks the run at `index` as nobody's."""
        self.words[index + SEGMENT] |= RETURNED

    def runs(self) -> Iterator[Run]:
        """The runs that are not empty, in no order."""
        words = self.words
        for index in range(CLAIMS_HEADER // 8, len(words) - 3, 4):
            segment, offset, first, stop = words[index : index + 4]
            if first < stop:
                start = Position(segment & ~RETURNED, offset, first)
                yield Run(start, stop, bool(segment & RETURNED), index)
