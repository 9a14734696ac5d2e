"""Frames: how items lie in a segment, and how a reader tells an item from damage.

::

    byte  0   4  state     ONE, MANY or VOID; or DONE in the place of ONE
          4   4  crc       crc32 of bytes 8 up to the marks, seeded with the segment's seed
          8   4  length    of all that follows the header, in bytes
         12   8  seq       the id of the first item; the frame before it ends where this begins
         20   8  time      nanoseconds since the epoch; of VOID: how many items are lost
         28      ONE, DONE: the item
                 VOID: zeros
                 MANY: 4-byte count, 4-byte length of each item, the items, a 4-byte mark of each

Integers are little-endian. An item is settled by writing DONE over its four bytes: the state of
a frame of one, the mark of an item in a frame of many. The crc leaves these out, so nothing else
has to be written. The words differ in every byte: a torn or flipped one is still nearer to the
one it was, and zeros are none of them.

The seed is different for every segment of every queue, so a frame is valid only where it was
written: a block or a file that strayed here from elsewhere is damage, not an item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from struct import Struct, unpack_from
from typing import Final, NamedTuple
from zlib import crc32

__all__ = [
    "BATCH",
    "BODY",
    "DONE",
    "FRAME",
    "HEAD",
    "HEADER_BYTES",
    "LIVE",
    "MANY",
    "PAYLOAD_LIMIT",
    "VOID",
    "Frame",
    "Item",
    "decode",
    "encode",
    "encode_many",
    "encode_void",
    "next_valid",
    "scan",
    "split",
    "state_of",
]

#: The state of a frame of one item, and the mark of an item in a frame of many.
LIVE: Final = b"\xa5Pq+"
DONE: Final = b"\x5a\xaf\x8e\xd4"
MANY: Final = b"\x96\x3b\x47\x19"
VOID: Final = b"\x3c\x0f\xe8\x96"
_STATES: Final = (LIVE, DONE, MANY, VOID)

HEAD: Final = Struct("<4sI")
BODY: Final = Struct("<IQQ")
FRAME: Final = Struct("<4sIIQQ")
HEADER_BYTES: Final = FRAME.size
_COUNT: Final = Struct("<I")
#: The most that a frame can hold behind its header, in bytes.
PAYLOAD_LIMIT: Final = 2**32 - 1
#: The most items in a frame of many: the header and the crc cost a hundredth of a put then.
BATCH: Final = 128
#: How much a scan reads at a time, in bytes.
_WINDOW: Final = 1 << 18

Read = Callable[[int, int], bytes]


class Item(NamedTuple):
    """One item of a frame, or the gap that a VOID frame stands for.

    Attributes:
        state: LIVE, DONE or VOID.
        seq: its id.
        time: nanoseconds since the epoch.
        payload: the serialized item.
        offset: where in the segment its frame starts.
        mark: where in the segment its state stands.
        end: where the frame starts in which the next item lies, this one or the next.
        following: the seq behind it.
    """

    state: bytes
    seq: int
    time: int
    payload: bytes
    offset: int
    mark: int
    end: int
    following: int


class Frame(NamedTuple):
    """One valid frame as it was read. `offset` and `end` count from the start of the segment."""

    state: bytes
    seq: int
    following: int
    time: int
    body: bytes
    offset: int
    end: int

    def items(self, first: int) -> Iterator[Item]:
        """The items of the frame from the seq `first` on."""
        if self.state != MANY:
            yield Item(
                self.state,
                self.seq,
                self.time,
                self.body,
                self.offset,
                self.offset,
                self.end,
                self.following,
            )
            return
        payloads = split(self.body)
        marks = len(self.body) - 4 * len(payloads)
        for index in range(max(0, first - self.seq), len(payloads)):
            at = marks + 4 * index
            raw = self.body[at : at + 4]
            state = raw if raw in (LIVE, DONE) else state_of(raw)
            last = index == len(payloads) - 1
            yield Item(
                DONE if state == DONE else LIVE,
                self.seq + index,
                self.time,
                payloads[index],
                self.offset,
                self.offset + HEADER_BYTES + at,
                self.end if last else self.offset,
                self.seq + index + 1,
            )


def encode(payload: bytes, seq: int, time_ns: int, seed: int) -> bytes:
    """The bytes of a frame of one item."""
    body = BODY.pack(len(payload), seq, time_ns) + payload
    return HEAD.pack(LIVE, crc32(body, seed)) + body


def encode_many(
    payloads: Sequence[bytes], lengths: Sequence[int], seq: int, time_ns: int, seed: int
) -> bytes:
    """The bytes of frames with these items, the first of which gets the id `seq`.

    A frame takes at most `BATCH` items, so that damage takes no more than these with it.

    Args:
        payloads: the serialized items.
        lengths: of the payloads, in bytes.
        seq: the id of the first.
        time_ns: now.
        seed: the segment's seed.
    """
    if len(payloads) <= BATCH:
        return _encode_batch(payloads, lengths, seq, time_ns, seed)
    return b"".join(
        [
            _encode_batch(
                payloads[at : at + BATCH], lengths[at : at + BATCH], seq + at, time_ns, seed
            )
            for at in range(0, len(payloads), BATCH)
        ]
    )


def encode_each(payloads: Sequence[bytes], seq: int, time_ns: int, seed: int) -> bytes:
    """The bytes of frames of one item each, the first of which gets the id `seq`."""
    return b"".join(
        [encode(payload, each, time_ns, seed) for each, payload in enumerate(payloads, seq)]
    )


def _encode_batch(
    payloads: Sequence[bytes], lengths: Sequence[int], seq: int, time_ns: int, seed: int
) -> bytes:
    count = len(payloads)
    if count == 1:
        return encode(payloads[0], seq, time_ns, seed)
    body = b"".join(payloads)
    table = _table(count).pack(count, *lengths)
    start = BODY.pack(4 + 8 * count + len(body), seq, time_ns) + table
    return b"".join((HEAD.pack(MANY, crc32(body, crc32(start, seed))), start, body, LIVE * count))


@lru_cache(maxsize=BATCH)
def _table(count: int) -> Struct:
    """What comes first in the body of a frame of so many. Made once: `pack` looks it up for 2 µs."""
    return Struct(f"<{count + 1}I")


def split(body: bytes) -> list[bytes]:
    """The items in what follows the header of a valid frame of many."""
    (count,) = _COUNT.unpack_from(body)
    at = 4 + 4 * count
    return [body[at : (at := at + length)] for length in unpack_from(f"<{count}I", body, 4)]


def encode_void(length: int, seq: int, lost: int, seed: int) -> bytes:
    """The bytes of a frame of `length` bytes in place of `lost` items that were damaged."""
    body = BODY.pack(length - HEADER_BYTES, seq, lost) + bytes(length - HEADER_BYTES)
    return HEAD.pack(VOID, crc32(body, seed)) + body


def state_of(raw: bytes) -> bytes | None:
    """The state that `raw` is, or was before a flip in one byte or a settle torn by a power cut.

    A torn settle has never returned, so the item is still live.
    """
    for state in _STATES:
        if sum(a == b for a, b in zip(raw, state, strict=True)) >= 3:
            return state
    if all(byte in pair for byte, *pair in zip(raw, LIVE, DONE, strict=True)):
        return LIVE
    return None


def decode(data: bytes, start: int, offset: int, seed: int) -> Frame | None:
    """The frame that starts at `data[start]`, or None where there is no whole valid one.

    Args:
        data: bytes of a segment.
        start: where in `data` the frame starts.
        offset: where in the segment it starts.
        seed: the segment's seed.
    """
    behind = start + HEADER_BYTES
    if behind > len(data):
        return None
    raw, crc, length, seq, time_ns = FRAME.unpack_from(data, start)
    end = behind + length
    if end > len(data):
        return None
    state = raw if raw in _STATES else state_of(raw)
    if state is None:
        return None
    count, marks = 1, 0
    if state == MANY:
        if length < 4:
            return None
        (count,) = _COUNT.unpack_from(data, behind)
        marks = 4 * count
        if 4 + 2 * marks > length:
            return None
    elif state == VOID:
        count = time_ns
    if crc32(memoryview(data)[start + 8 : end - marks], seed) != crc:
        return None
    return Frame(state, seq, seq + count, time_ns, data[behind:end], offset, offset + (end - start))


def scan(read: Read, offset: int, seed: int) -> Iterator[Frame]:
    """The valid frames from `offset` on, one behind the other, up to the first that is not.

    Args:
        read: (offset, length) -> bytes of the segment, fewer at its end.
        offset: where the first frame starts.
        seed: the segment's seed.
    """
    data, base = b"", offset
    while True:
        frame = decode(data, offset - base, offset, seed)
        if frame is not None:
            yield frame
            offset = frame.end
            continue
        # Not valid, or not whole: look once more with all of what it says it is.
        have, wanted = len(data) - (offset - base), _WINDOW
        if have >= HEADER_BYTES:
            whole = HEADER_BYTES + int(FRAME.unpack_from(data, offset - base)[2])
            if whole <= have:
                return
            wanted = max(wanted, whole)
        fresh = read(offset, wanted)
        if len(fresh) <= have:
            return
        data, base = fresh, offset


def next_valid(read: Read, offset: int, stop: int, seed: int, least: int) -> Frame | None:
    """The first valid frame behind a damaged one, or None where there is none before `stop`.

    Looks for a state's bytes at every offset, so it finds its way again after a damaged length.
    Takes time in proportion to the bytes it passes.

    Args:
        read: (offset, length) -> bytes of the segment.
        offset: where the damaged frame starts; the search begins one byte further.
        stop: the end of the segment, in bytes.
        seed: the segment's seed.
        least: frames whose items all have a smaller seq are left-overs and do not count.
    """
    offset += 1
    while offset < stop:
        data = read(offset, min(_WINDOW + HEADER_BYTES, stop - offset))
        if not data:
            return None
        for start in sorted(_candidates(data)):
            found = decode(data, start, offset + start, seed)
            if found is None and _reaches_beyond(data, start, stop - offset):
                found = next(scan(read, offset + start, seed), None)
            if found is not None and found.seq >= least:
                return found
        offset += max(1, len(data) - HEADER_BYTES)
    return None


def _reaches_beyond(data: bytes, start: int, limit: int) -> bool:
    """Whether a frame at `data[start]` would end behind `data` and yet within `limit` bytes."""
    if start + HEADER_BYTES > len(data):
        return False
    end = start + HEADER_BYTES + int(FRAME.unpack_from(data, start)[2])
    return len(data) < end <= limit


def _candidates(data: bytes) -> set[int]:
    """Where in `data` a frame may start: wherever two neighbouring bytes of a state stand."""
    starts: set[int] = set()
    for state in _STATES:
        for part, back in ((state[:2], 0), (state[2:], 2)):
            at = data.find(part)
            while at >= 0:
                if at >= back:
                    starts.add(at - back)
                at = data.find(part, at + 1)
    return starts
