"""The file `cursor`: what has been settled, and what the processes on one queue share.

::

    byte    0  512  header   who this queue is; written once
          512  512  slot A   everything before this position is settled; the newer valid one of
         1024  512  slot B     the two counts, and they are written in turn
         1536  512  note     how far the queue reached when somebody last rolled or closed
         4096 4096  words    shared memory of the processes of one boot; rebuilt after any other

The slots and the note carry a crc and stand in sectors of their own: a write torn by a power cut
leaves the other slot. The file is made once, in full length, and never renamed or resized
afterwards: a consumer settles without needing space.

The words live in the page cache, so they survive the death of any process. Two groups of them
say where the next frame goes and which item is next; each has a check word that a torn or
flipped group fails. Nothing in them is the only record of anything: `recovery` makes them anew
from segments, slots and claims.

This module is only the layout. It works on any writable buffer of `CURSOR_BYTES`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import xor
from struct import Struct
from typing import Final, NamedTuple
from zlib import crc32

from pq_core.log.segment import NOTE_AT as SEGMENT_NOTE_AT

__all__ = [
    "CURSOR_BYTES",
    "MAGIC",
    "PAGE_AT",
    "VERSION",
    "CursorFile",
    "Note",
    "Position",
    "check",
    "decode_note",
    "pack_slot",
]

MAGIC: Final = b"pqcurs\r\n"
VERSION: Final = 1
CURSOR_BYTES: Final = 8192
PAGE_AT: Final = 4096
SLOTS_AT: Final = (512, 1024)
NOTE_AT: Final = 1536

_CRC: Final = Struct("<I")
_HEADER: Final = Struct("<8sI16sQ")
SLOT: Final = Struct("<QQQQQ")
SLOT_CRC: Final = Struct("<40sI")
_NOTE: Final = Struct("<11Q16s")

# Indices of 8-byte words in the shared page. The order inside a group is the order in which
# they are written: a process killed half-way leaves an odd generation, or a check that does not match.
BOOT: Final = 0  # two words: the boot in which the others were written
EPOCH: Final = 2  # grows whenever frames that were written are taken back
#: The head: where the next frame goes. Guarded by the head lock.
H_SEGMENT: Final = 8
H_OFFSET: Final = 9
H_SEQ: Final = 10  # the seq of the next frame
H_CHECK: Final = 11
P_SEQ: Final = 12  # before this seq, consumers may read
H_GENERATION: Final = 13  # grows by 2 with every write; odd: one is under way, or its writer died
P_SEGMENT: Final = 14  # where P_SEQ lies, while it is behind the head
P_OFFSET: Final = 15
H_ALLOCATED: Final = 16  # up to where the segment is filled with zeros
H_SYNCED: Final = 17  # segments before this one are on the medium, and all names up to this one
H_REPLACED: Final = 18  # how often a segment was set aside: descriptors of it are of no use
#: The tail: the next frame to hand out. Guarded by the tail lock.
T_SEGMENT: Final = 24
T_OFFSET: Final = 25
T_SEQ: Final = 26
L_SEGMENT: Final = 27  # a copy of the newer slot: everything before is settled
L_OFFSET: Final = 28
L_SEQ: Final = 29
L_MARKED: Final = 30
L_GENERATION: Final = 31
T_CHECK: Final = 32
T_GENERATION: Final = 33
T_RETURNED: Final = 34  # items that a consumer gave back or died with, waiting to go out again
T_SKIP: Final = 35  # frames behind the tail that are settled already
T_CAREFUL: Final = 36  # before this seq, an item behind the tail may be out all the same
T_REWOUND: Final = 37  # how often the tail was put back
#: Who has the queue open: see `sharing`.
S_SHARED: Final = 40  # 0: one process at most; 1: another is coming; 2: several, or there were
S_BUSY: Final = 41  # two words: the sole process is at work at the tail, at the head

# Native order, as the word-wise view of the page reads them. They are packed first and then copied:
# pack_into would write zeros for a moment, which a reader without the lock would see.
HEAD_WORDS: Final = Struct("=QQQQQQ")
TAIL_WORDS: Final = Struct("=QQQQQQQQQQ")
HEAD_AT: Final = PAGE_AT + 8 * H_SEGMENT
TAIL_AT: Final = PAGE_AT + 8 * T_SEGMENT
#: Makes a page of zeros fail its check.
CHECK: Final = 0x9E3779B97F4A7C15


class Position(NamedTuple):
    """A place between two frames: the frame `seq` starts at `offset` of `segment`, or would."""

    segment: int
    offset: int
    seq: int


class Settled(NamedTuple):
    """What a slot says: everything before this position is settled.

    Attributes:
        segment, offset, seq: the position.
        marked: how many frames behind it are marked as settled.
        generation: one more than the slot's before it.
    """

    segment: int
    offset: int
    seq: int
    marked: int
    generation: int

    @property
    def position(self) -> Position:
        """Where the first item starts that is not settled."""
        return Position(self.segment, self.offset, self.seq)


class Note(NamedTuple):
    """What was known of the whole queue at one moment.

    Attributes:
        settled: what the newer slot said.
        head: where the next frame was to go.
        synced: everything before this position was on the medium.
        boot: the boot in which `head` was written.
    """

    settled: Settled
    head: Position
    synced: Position
    boot: bytes

    def encode(self) -> bytes:
        """The bytes on disk, in the cursor file and in the newest segment alike."""
        raw = _NOTE.pack(*self.settled, *self.head, *self.synced, self.boot)
        return raw + _CRC.pack(crc32(raw))

    def put_into(self, segment: bytearray) -> None:
        """Writes the note into the first bytes of a segment."""
        raw = self.encode()
        segment[SEGMENT_NOTE_AT : SEGMENT_NOTE_AT + len(raw)] = raw


def decode_note(data: bytes) -> Note | None:
    """The note at the start of `data`, or None where there is no valid one."""
    if len(data) < _NOTE.size + _CRC.size:
        return None
    (crc,) = _CRC.unpack_from(data, _NOTE.size)
    if crc32(data[: _NOTE.size]) != crc:
        return None
    *numbers, boot = _NOTE.unpack_from(data)
    head, synced = Position(*numbers[5:8]), Position(*numbers[8:])
    return Note(Settled(*numbers[:5]), head, synced, boot)


class CursorFile:
    """Reads and writes the parts of a cursor file that lies in `buffer`.

    Attributes:
        words: the shared page, one unsigned 8-byte integer an index.
    """

    __slots__ = ("_view", "buffer", "words")

    def __init__(self, buffer: bytearray | memoryview) -> None:
        self._view = memoryview(buffer)
        self.buffer = self._view.cast("B")
        self.words = self.buffer[PAGE_AT:CURSOR_BYTES].cast("Q")

    def release(self) -> None:
        """Lets go of the buffer, so that it can be closed."""
        self.words.release()
        self.buffer.release()
        self._view.release()

    # -- header ---------------------------------------------------------------------------

    @staticmethod
    def blank(queue: bytes, created: int) -> bytes:
        """A whole new cursor file: nothing settled, no words."""
        raw = _HEADER.pack(MAGIC, VERSION, queue, created)
        return (raw + _CRC.pack(crc32(raw))).ljust(CURSOR_BYTES, b"\0")

    def header(self) -> tuple[int, bytes]:
        """The version and the queue's 16 bytes.

        Raises:
            ValueError: the header is damaged, or it is not a cursor file.
        """
        magic, version, queue, _ = _HEADER.unpack_from(self.buffer)
        if magic != MAGIC:
            raise ValueError("not a cursor of this format")
        (crc,) = _CRC.unpack_from(self.buffer, _HEADER.size)
        if crc32(self.buffer[: _HEADER.size]) != crc:
            raise ValueError("the header of the cursor is damaged")
        return version, queue

    # -- slots ----------------------------------------------------------------------------

    def valid_slots(self) -> dict[int, Settled]:
        """What the valid slots say, by where they lie."""
        found = {}
        for at in SLOTS_AT:
            raw = self.buffer[at : at + SLOT.size]
            (crc,) = _CRC.unpack_from(self.buffer, at + SLOT.size)
            if crc32(raw) == crc and (settled := Settled(*SLOT.unpack(raw))).generation:
                found[at] = settled
        return found

    def slots(self) -> list[Settled]:
        """What the valid slots say, the newer one first."""
        found = self.valid_slots().values()
        return sorted(found, key=lambda settled: settled.generation, reverse=True)

    def write_slot(self, settled: Settled) -> None:
        """Writes the older slot; the generation is one more than the newer one's."""
        pack_slot(self.buffer, SLOTS_AT[settled.generation & 1], settled)

    # -- note -----------------------------------------------------------------------------

    def note(self) -> Note | None:
        """The note, or None where it is damaged or was never written."""
        return decode_note(bytes(self.buffer[NOTE_AT : NOTE_AT + 512]))

    def write_note(self, note: Note) -> None:
        """Replaces the note."""
        raw = note.encode()
        self.buffer[NOTE_AT : NOTE_AT + len(raw)] = raw

    # -- words ----------------------------------------------------------------------------

    def boot(self) -> bytes:
        """The boot in which the words were written."""
        return bytes(self.buffer[PAGE_AT : PAGE_AT + 16])

    def write_boot(self, boot: bytes) -> None:
        """Declares the words to be of this boot."""
        self.buffer[PAGE_AT : PAGE_AT + 16] = boot.ljust(16, b"\0")

    def head(self) -> Position | None:
        """Where the next frame goes, or None where the group is torn."""
        segment, offset, seq, found = self.words[H_SEGMENT : H_CHECK + 1]
        if found != segment ^ offset ^ seq ^ CHECK:
            return None
        return Position(segment, offset, seq)

    def published(self) -> Position:
        """Up to where consumers may read. Only under the head lock."""
        words = self.words
        if words[P_SEQ] == words[H_SEQ]:
            return Position(words[H_SEGMENT], words[H_OFFSET], words[H_SEQ])
        return Position(words[P_SEGMENT], words[P_OFFSET], words[P_SEQ])

    def is_busy(self) -> bool:
        """Whether a write at the head is under way, or was when its writer died."""
        return bool(self.words[H_GENERATION] & 1)

    def begin(self) -> None:
        """Says that a write at the head is under way, until `write_head`."""
        self.words[H_GENERATION] |= 1

    def tail(self) -> tuple[Position, Settled] | None:
        """The next frame to hand out and what is settled, or None where the group is torn."""
        group = self.words[T_SEGMENT:T_CHECK].tolist()
        if self.words[T_CHECK] != check(group):
            return None
        return Position(*group[:3]), Settled(*group[3:])

    def write_head(self, head: Position, published: Position, *, allocated: int = 0) -> None:
        """Replaces the head group, and says that no write is under way."""
        words = self.words
        words[H_ALLOCATED] = allocated
        words[P_SEGMENT], words[P_OFFSET], seq = published
        generation = (words[H_GENERATION] | 1) + 1
        group = HEAD_WORDS.pack(*head, check(head), seq, generation)
        self.buffer[HEAD_AT : HEAD_AT + HEAD_WORDS.size] = group

    def write_tail(self, tail: Position, settled: Settled) -> None:
        """Replaces the tail group."""
        group = (*tail, *settled)
        generation = self.words[T_GENERATION] + 1
        raw = TAIL_WORDS.pack(*group, check(group), generation)
        self.buffer[TAIL_AT : TAIL_AT + TAIL_WORDS.size] = raw

    def tear_tail(self) -> None:
        """Makes whoever looks at the tail next mend it. The caller holds the tail lock."""
        self.words[T_CHECK] = check(self.words[T_SEGMENT:T_CHECK].tolist()) ^ 1
        self.words[T_GENERATION] += 1


def pack_slot(buffer: memoryview, at: int, settled: tuple[int, int, int, int, int]) -> None:
    """Writes a slot. The crc comes last, so that a slot half written is not valid."""
    raw = SLOT.pack(*settled)
    SLOT_CRC.pack_into(buffer, at, raw, crc32(raw))


def check(group: Iterable[int]) -> int:
    """The check word of a group. A flip of any one bit of it is noticed."""
    return reduce(xor, group, CHECK)
