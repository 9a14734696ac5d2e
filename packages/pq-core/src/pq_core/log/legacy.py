"""What persist-queue, pqueue and queuelib left in a directory, told from its bytes alone.

::

    qNNNNN     a chunk: serialized items, one behind the other
    info       {"chunksize", "size", "head": [chunk, count, offset], "tail": the same}

    layout     an item in a chunk                      info
    pickle     the pickle, of any protocol             a pickle
    json       one line                                one line
    msgpack    uint32 little-endian length, payload    the same
    cbor2      uint32 little-endian length, payload    the same
    queuelib   uint32 big-endian length, payload       info.json, its head without an offset
    any other  whatever the user's own `load` reads    whatever the user's own `load` reads

Head is where the next item would have been put, tail is the next to be delivered. What lies in the
head's chunk beyond its offset is an interrupted put. Bytes decide, not counts: two writers on one
directory left counts that are too small, and every item they put is delivered here.

Rules, each with a test of its own:

L1  Nothing in a chunk is executed to find where an item ends. A pickle's opcodes are walked.
L2  A pickled info is refused before it is loaded unless it has only the opcodes of a dict of numbers.
L3  Whatever the bytes are, the only error is `LegacyDamage`, and its `offset` says where.
L4  Items before a damaged place are delivered before the error is raised.

The layouts were read off the directories in `tests/fixtures/legacy`, which the packages themselves
wrote; the opcodes are those of the standard library's `pickletools`.
"""

from __future__ import annotations

import io
import json
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from struct import Struct
from typing import BinaryIO, Final, NamedTuple, NoReturn

from pq_core.log.pickles import Buffer, LegacyDamage, opcodes, split_pickles

__all__ = [
    "Chunk",
    "Info",
    "LegacyDamage",
    "Plan",
    "Position",
    "Salvaged",
    "chunk_items",
    "chunk_names",
    "parse_info",
    "plan",
    "salvage",
    "split_items",
]

#: The longest info in bytes; a real one has about a hundred. It bounds what damage can cost.
_INFO_LIMIT: Final = 1 << 16
#: No number in an info is larger: more would not fit a file offset.
_NUMBER_LIMIT: Final = 1 << 63
_NAME: Final = re.compile(r"q[0-9]{5,}")

_LITTLE: Final = Struct("<I")
_PREFIX: Final = {"msgpack": _LITTLE, "cbor2": _LITTLE, "queuelib": Struct(">I")}

#: What a dict of numbers and lists of numbers is made of, in protocols 0 to 5. No tuples: they could
#: be nested into keys that take for ever to hash. No LONG_BINPUT: its argument allocates memory.
_INFO_OPCODES: Final = frozenset(
    b"(.]}adelsu"  # marks, lists, dicts
    b"IJKLM\x8aFG"  # numbers
    b"STUVX\x8c"  # the names of the fields
    b"ghpq\x94"  # the memo
    b"\x80\x95"  # protocol, frame
)
#: The longest PUT with its newline that an info may have: no memo entry above 9999.
_PUT_BYTES: Final = 6


@dataclass(frozen=True, slots=True)
class Position:
    """A place between two items: `count` items and `offset` bytes into a chunk.

    The offset is None where it was not noted: the head of a queuelib queue.
    """

    chunk: int
    count: int
    offset: int | None


@dataclass(frozen=True, slots=True)
class Info:
    """The `info` file of a queue, checked.

    Attributes:
        chunksize: items in a full chunk; 0 or less means that a chunk is never full.
        size: items waiting, as the predecessor counted them.
        head: where the next item would have been put.
        tail: the next item to be delivered.
    """

    chunksize: int
    size: int
    head: Position
    tail: Position


@dataclass(frozen=True, slots=True)
class Chunk:
    """One chunk that holds items to be delivered.

    Attributes:
        name: of the file.
        number: the one in its name.
        start: the first item's offset in bytes.
        stop: where the last item ends, or None for the end of the file.
        count: how many items were counted in between; there may be more (see the module).
    """

    name: str
    number: int
    start: int
    stop: int | None
    count: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with the files of a directory.

    Attributes:
        chunks: those to deliver, in order.
        missing: numbers of chunks that hold items and are not there, as ranges that rise.
        lingering: names of chunks that were consumed before; not items.
        beyond: names of chunks above the head, begun by an interrupted put; not items.
    """

    chunks: tuple[Chunk, ...]
    missing: tuple[range, ...]
    lingering: tuple[str, ...]
    beyond: tuple[str, ...]


class Salvaged(NamedTuple):
    """What `salvage` found in one chunk: its items and, where it ended early, the reason."""

    name: str
    items: list[bytes]
    damage: LegacyDamage | None


def parse_info(
    data: bytes, serializer_name: str, loads: Callable[[bytes], object] | None = None
) -> Info:
    """The checked contents of an `info` file (`info.json` for queuelib).

    Never executes anything that `data` says. Call it with "pickle" only where the caller's own
    serializer is pickle.

    Args:
        data: the whole file.
        serializer_name: the layout, as in the table of this module; any other name is a custom one.
        loads: bytes -> value; needed for msgpack, cbor2 (without the length) and custom layouts.

    Raises:
        LegacyDamage: this is no info. The message says which field is wrong, without its value.
    """
    if len(data) > _INFO_LIMIT:
        raise LegacyDamage(f"info is longer than {_INFO_LIMIT} bytes")
    value = _load_info(data, serializer_name, loads)
    if not isinstance(value, dict):
        raise LegacyDamage("info is not a dict")
    chunksize = value.get("chunksize")
    if isinstance(chunksize, float) and chunksize.is_integer():
        # Queue(path, chunksize=1e5) worked, and its info says 100000.0.
        chunksize = int(chunksize)
    if type(chunksize) is not int or abs(chunksize) >= _NUMBER_LIMIT:
        raise LegacyDamage("the chunksize in info is not a whole number")
    size = _number(value.get("size"), "size")
    fields = 2 if serializer_name == "queuelib" else 3
    info = Info(
        chunksize,
        size,
        _position(value.get("head"), "head", fields),
        _position(value.get("tail"), "tail", 3),
    )
    _check(info)
    return info


def plan(names: Iterable[str], info: Info, *, partial: bool = False) -> Plan:
    """Which chunks hold the items, in which order, and which files are only left over.

    Args:
        names: the names of all files in the directory; those that are no chunks do not matter.
        info: the directory's.
        partial: go on where a chunk is missing, and tell so in `Plan.missing`.

    Raises:
        LegacyDamage: a chunk with items is missing and `partial` is false. It names the file.
    """
    head, tail = info.head, info.tail
    present = _numbers(names)
    lingering = tuple(_name(number) for number in present if number < tail.chunk)
    beyond = tuple(_name(number) for number in present if number > head.chunk)
    # Where nothing was put into the head's chunk yet it need not be there.
    last = head.chunk if _holds_items(info, head.chunk) else head.chunk - 1
    first = tail.chunk if _holds_items(info, tail.chunk) else tail.chunk + 1
    chunks: list[Chunk] = []
    missing: list[range] = []
    expected = first
    for number in (*(number for number in present if first <= number <= last), last + 1):
        if number > expected:
            missing.append(range(expected, number))
        if number <= last:
            stop = head.offset if number == head.chunk else None
            start = _start(info, number)
            chunks.append(Chunk(_name(number), number, start, stop, _count(info, number)))
        expected = number + 1
    if missing and not partial:
        raise LegacyDamage(f"{_name(missing[0].start)} is missing, and info says it holds items")
    return Plan(tuple(chunks), tuple(missing), lingering, beyond)


def chunk_items(
    chunk: Chunk,
    data: Buffer,
    serializer_name: str,
    load: Callable[[BinaryIO], object] | None = None,
) -> Iterator[bytes]:
    """The serialized items of a planned chunk, in order: `split_items`, and the count is checked.

    Args:
        chunk: from `plan`.
        data: the whole file.
        serializer_name: the layout.
        load: see `split_items`.

    Raises:
        LegacyDamage: after the last whole item: the chunk is cut short, damaged, or holds fewer
            items than were counted.
    """
    stop = len(data) if chunk.stop is None else chunk.stop
    found = 0
    for item in split_items(data, chunk.start, stop, serializer_name, load):
        yield item
        found += 1
    if found < chunk.count:
        raise LegacyDamage(f"{chunk.count - found} of {chunk.count} items are not there", stop)


def split_items(
    data: Buffer,
    start: int,
    stop: int,
    serializer_name: str,
    load: Callable[[BinaryIO], object] | None = None,
) -> Iterator[bytes]:
    """The serialized items between two offsets of a chunk, in order.

    Each is what the serializer's `loads` takes: without a length prefix, without the newline.
    Nothing is deserialized, except in a custom layout, where only its own `load` can tell where an
    item ends.

    Args:
        data: the whole chunk.
        start: where the first item begins, in bytes.
        stop: where the last one ends, in bytes.
        serializer_name: the layout.
        load: needed for custom layouts: reads one item from a binary file and leaves it right
            behind the item. One that reads further makes a single item of all that follows.

    Raises:
        LegacyDamage: after the last whole item; `offset` is where the next should begin, or the
            end of `data` where it ends before `stop`.
    """
    limit = min(stop, len(data))
    if not 0 <= start <= stop or start > len(data):
        raise LegacyDamage(f"the chunk has {len(data)} bytes and no item", start)
    if serializer_name == "pickle":
        yield from split_pickles(data, start, limit)
    elif serializer_name == "json":
        yield from _split_lines(data, start, limit)
    elif serializer_name in _PREFIX:
        yield from _split_prefixed(data, start, limit, serializer_name)
    elif load is None:
        raise TypeError(f"load is needed to read items that {serializer_name} wrote")
    else:
        yield from _split_by_load(data, start, limit, load)
    if limit < stop:
        raise LegacyDamage(f"the chunk ends {stop - limit} bytes early", limit)


def salvage(
    chunks: Iterable[tuple[str, Buffer]],
    serializer_name: str,
    load: Callable[[BinaryIO], object] | None = None,
) -> Iterator[Salvaged]:
    """All items of a queue whose info is lost, chunk by chunk: at least once.

    Items that were consumed before come again, and so may the whole items of an interrupted put.
    In each chunk it stops at the first bytes that are no item.

    Args:
        chunks: (name, contents) of every chunk, in the order of `chunk_names`; taken lazily.
        serializer_name: the layout.
        load: see `split_items`.
    """
    for name, data in chunks:
        items: list[bytes] = []
        damage = None
        try:
            for item in split_items(data, 0, len(data), serializer_name, load):
                items.append(item)  # noqa: PERF402 - what was found is kept when it raises
        except LegacyDamage as error:
            damage = error
        yield Salvaged(name, items, damage)


def chunk_names(names: Iterable[str]) -> list[str]:
    """The chunks among `names`, oldest first: q99999 comes before q100000."""
    return [_name(number) for number in _numbers(names)]


def _name(number: int) -> str:
    return f"q{number:05d}"


def _numbers(names: Iterable[str]) -> list[int]:
    """The numbers of the chunks among `names`, rising; q000001 is not how any was written."""
    found = {name: int(name[1:]) for name in names if len(name) < 25 and _NAME.fullmatch(name)}
    return sorted(number for name, number in found.items() if _name(number) == name)


# --- info


def _load_info(
    data: bytes, serializer_name: str, loads: Callable[[bytes], object] | None
) -> object:
    """The value that was written as info, not yet checked."""
    if serializer_name == "pickle":
        decode: Callable[[bytes], object] = _load_plain_pickle
    elif serializer_name in ("json", "queuelib"):
        decode = json.loads
    elif loads is None:
        raise TypeError(f"loads is needed to read an info that {serializer_name} wrote")
    else:
        decode = loads
    if prefix := _PREFIX.get(serializer_name) if serializer_name != "queuelib" else None:
        if len(data) < prefix.size or prefix.unpack_from(data)[0] != len(data) - prefix.size:
            raise LegacyDamage("the length of info is not what it says")
        data = data[prefix.size :]
    try:
        return decode(data)
    except LegacyDamage:
        raise
    # A decoder may raise anything at damaged bytes: RecursionError, MemoryError, its own errors.
    except Exception as error:
        raise LegacyDamage(f"info cannot be read ({type(error).__name__})") from error


class _PlainUnpickler(pickle.Unpickler):
    """Loads no classes and no functions; the second lock behind `_INFO_OPCODES`."""

    def find_class(self, module_name: str, global_name: str, /) -> NoReturn:  # noqa: ARG002
        raise LegacyDamage("info is a pickle that names code")

    def persistent_load(self, pid: object, /) -> NoReturn:  # noqa: ARG002
        raise LegacyDamage("info is a pickle that names another object")


def _load_plain_pickle(data: bytes) -> object:
    """The value of a pickle of plain numbers, lists and dicts; anything else is refused unread."""
    at = 0
    for code, end in opcodes(data, 0, len(data)):
        if code not in _INFO_OPCODES or (code == ord("p") and end - at > _PUT_BYTES):
            raise LegacyDamage("info is a pickle of more than numbers", at)
        at = end
    if at != len(data):
        raise LegacyDamage("info goes on behind its end", at)
    return _PlainUnpickler(io.BytesIO(data)).load()


def _number(value: object, field: str) -> int:
    # A bool is an int that no predecessor ever wrote here.
    if type(value) is not int or not 0 <= value < _NUMBER_LIMIT:
        raise LegacyDamage(f"the {field} in info is not a whole number from 0 on")
    return value


def _position(value: object, field: str, fields: int) -> Position:
    # msgpack gives back as a tuple what was a list.
    if not isinstance(value, list | tuple) or len(value) != fields:
        raise LegacyDamage(f"the {field} in info is not a list of {fields} numbers")
    numbers = [_number(number, field) for number in value]
    return Position(numbers[0], numbers[1], numbers[2] if fields == 3 else None)


def _check(info: Info) -> None:
    """Refuses fields that are well formed and yet cannot have been written together."""
    for field, place in (("head", info.head), ("tail", info.tail)):
        if 0 < info.chunksize < place.count:
            raise LegacyDamage(f"the {field} in info counts more items than a chunk holds")
        if place.offset is None:
            continue
        # An item has at least one byte. Only a second writer makes a head of bytes and no items.
        if place.offset < place.count or (field == "tail" and place.offset > 0 == place.count):
            raise LegacyDamage(f"the offset and the count of the {field} in info disagree")
    head, tail = info.head, info.tail
    if (head.chunk, head.count) < (tail.chunk, tail.count):
        raise LegacyDamage("the tail in info is beyond its head")
    if head.chunk == tail.chunk:
        items = head.count - tail.count
        if head.offset is not None and head.offset - (tail.offset or 0) < items:
            raise LegacyDamage("the tail in info is beyond its head")
    elif info.chunksize <= 0:
        raise LegacyDamage("info has several chunks although its chunks are never full")
    else:
        items = (head.chunk - tail.chunk) * info.chunksize + head.count - tail.count
    if items != info.size:
        raise LegacyDamage("the size in info is not what lies between tail and head")


def _count(info: Info, number: int) -> int:
    """How many items were counted in a chunk from the tail to the head."""
    until = info.head.count if number == info.head.chunk else info.chunksize
    return until - (info.tail.count if number == info.tail.chunk else 0)


def _start(info: Info, number: int) -> int:
    """Where the first item to be delivered begins in a chunk."""
    return info.tail.offset or 0 if number == info.tail.chunk else 0


def _holds_items(info: Info, number: int) -> bool:
    """Whether a chunk from the tail to the head has to be there."""
    if _count(info, number):
        return True
    return number == info.head.chunk and (info.head.offset or 0) > _start(info, number)


# --- items


def _split_lines(data: Buffer, start: int, stop: int) -> Iterator[bytes]:
    at = start
    while at < stop:
        end = data.find(b"\n", at, stop)
        # json writes a NUL as \u0000: a bare one is a page that never reached the disk.
        if end <= at or data.find(b"\0", at, end) >= 0:
            raise LegacyDamage("a line that is no item", at)
        yield data[at:end]
        at = end + 1


def _split_prefixed(data: Buffer, start: int, stop: int, layout: str) -> Iterator[bytes]:
    prefix = _PREFIX[layout]
    # The shortest msgpack or CBOR value has one byte; queuelib took b"" too.
    least = 0 if layout == "queuelib" else 1
    at = start
    while at < stop:
        body = at + prefix.size
        length: int = prefix.unpack_from(data, at)[0] if body <= stop else 0
        if body > stop or length < least or body + length > stop:
            raise LegacyDamage("an item whose length does not fit", at)
        at = body + length
        yield data[body:at]


def _split_by_load(
    data: Buffer, start: int, stop: int, load: Callable[[BinaryIO], object]
) -> Iterator[bytes]:
    stream = io.BytesIO(data[start:stop])
    at = start
    while at < stop:
        try:
            load(stream)
            end = start + stream.tell()
        # The user's own function may raise anything at damaged bytes.
        except Exception as error:
            reason = f"an item that its serializer cannot read ({type(error).__name__})"
            raise LegacyDamage(reason, at) from error
        if not at < end <= stop:
            raise LegacyDamage("an item of no bytes", at)
        yield data[at:end]
        at = end
