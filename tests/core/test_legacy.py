"""What the predecessors left is read whole, and nothing in it is ever run."""

from __future__ import annotations

import collections
import io
import json
import mmap
import os
import pickle
import pickletools
import random
import struct
import sys
import time
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pq_core.log import legacy, pickles
from pq_core.log.legacy import Chunk, Info, LegacyDamage, Position

cbor2 = pytest.importorskip("cbor2")
msgpack = pytest.importorskip("msgpack")

FILES = Path(__file__).parent.parent / "fixtures" / "legacy" / "file"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FILES / "expected.json").read_text())

LOADS: dict[str, Callable[[bytes], Any]] = {
    "pickle": pickle.loads,
    "json": json.loads,
    "msgpack": lambda data: msgpack.unpackb(data, use_list=False, raw=False),
    "cbor2": cbor2.loads,
    "queuelib": bytes,
}


def read(home: Path) -> dict[str, bytes]:
    """The contents of the files in a directory."""
    return {path.name: path.read_bytes() for path in home.iterdir()}


def info_of(files: dict[str, bytes], layout: str) -> Info:
    """The checked info of a directory."""
    data = files["info.json" if layout == "queuelib" else "info"]
    return legacy.parse_info(data, layout, LOADS[layout])


def deliver(files: dict[str, bytes], layout: str) -> list[bytes]:
    """What a caller does with a directory."""
    return [
        item
        for chunk in legacy.plan(files, info_of(files, layout)).chunks
        for item in legacy.chunk_items(chunk, files[chunk.name], layout)
    ]


def info(head: tuple[int, int, int], tail: tuple[int, int, int], chunksize: int = 3) -> Info:
    """An info whose size is right."""
    size = (head[0] - tail[0]) * chunksize + head[1] - tail[1]
    return Info(chunksize, size, Position(*head), Position(*tail))


def split(data: bytes, layout: str = "pickle") -> tuple[list[bytes], LegacyDamage | None]:
    """The items, and the damage behind them."""
    ((_, items, damage),) = legacy.salvage([("q00000", data)], layout)
    return items, damage


# --- what the packages wrote


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_fixture(name: str) -> None:
    """A directory of a predecessor delivers what the predecessor itself delivers from it."""
    layout = EXPECTED[name]["serializer"]
    items = [LOADS[layout](item) for item in deliver(read(FILES / name), layout)]
    assert [repr(item) for item in items] == EXPECTED[name]["items"]


def test_every_fixture_is_expected() -> None:
    """No directory is left out of expected.json, and none is missing."""
    assert {path.name for path in FILES.iterdir() if path.is_dir()} == set(EXPECTED)
    assert len(EXPECTED) == (3 * 4 + 1) * 6 + 2 + 1


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.endswith("-lingering")])
def test_lingering_chunk_is_told(name: str) -> None:
    """A chunk below the tail is named, and not delivered."""
    files = read(FILES / name)
    plan = legacy.plan(files, info_of(files, EXPECTED[name]["serializer"]))
    assert plan.lingering == ("q00000",)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name.endswith("-garbage")])
def test_garbage_is_there(name: str) -> None:
    """The garbage fixtures have bytes beyond the head, so that ignoring them is put to the test."""
    files = read(FILES / name)
    head = info_of(files, EXPECTED[name]["serializer"]).head
    assert head.offset is not None
    assert len(files[f"q{head.chunk:05d}"]) > head.offset
    assert b"garbage" in b"".join(files.values())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_salvage_without_info(name: str) -> None:
    """Without its info a directory delivers at least what it held, in order."""
    layout = EXPECTED[name]["serializer"]
    files = read(FILES / name)
    chunks = ((name, files[name]) for name in legacy.chunk_names(files))
    found = [item for salvaged in legacy.salvage(chunks, layout) for item in salvaged.items]
    remaining = iter(found)
    assert all(item in remaining for item in deliver(files, layout))


def test_mapped_chunk() -> None:
    """A chunk can be memory-mapped instead of read."""
    home = FILES / "persist-queue-1.1.0-pickle-fresh"
    with (
        (home / "q00000").open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        assert len(list(legacy.split_items(data, 0, len(data), "pickle"))) == 3


# --- info


VALID = {"chunksize": 3, "size": 4, "head": [2, 1, 9], "tail": [1, 0, 0]}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_info_in_every_protocol(protocol: int) -> None:
    """A pickled info is read in whatever protocol it was written."""
    data = pickle.dumps(VALID, protocol)
    assert legacy.parse_info(data, "pickle") == info((2, 1, 9), (1, 0, 0))


def test_info_of_a_custom_serializer() -> None:
    """A custom layout's info is read by the caller's own function."""
    assert legacy.parse_info(b"x", "mine", lambda _: VALID) == info((2, 1, 9), (1, 0, 0))
    with pytest.raises(TypeError, match="mine"):
        legacy.parse_info(b"x", "mine")


def test_info_with_a_float_chunksize() -> None:
    """`Queue(path, chunksize=1e5)` worked, so its info is accepted."""
    data = json.dumps({**VALID, "chunksize": 3.0}).encode()
    assert legacy.parse_info(data, "json").chunksize == 3


def test_info_of_a_queue_whose_chunks_are_never_full() -> None:
    """A chunksize of 0 puts everything into one chunk."""
    value = {"chunksize": 0, "size": 900, "head": [0, 1000, 9000], "tail": [0, 100, 900]}
    parsed = legacy.parse_info(json.dumps(value).encode(), "json")
    (chunk,) = legacy.plan(["q00000"], parsed).chunks
    assert chunk == Chunk("q00000", 0, 900, 9000, 900)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"chunksize": None}, "chunksize"),
        ({"chunksize": True}, "chunksize"),
        ({"chunksize": 2.5}, "chunksize"),
        ({"size": -1}, "size"),
        ({"size": 5}, "size"),
        ({"size": 1 << 70}, "size"),
        ({"head": [2, 1]}, "head"),
        ({"head": [2, 1, "9"]}, "head"),
        ({"head": [2, 4, 9]}, "head in info counts more"),
        ({"head": [2, 3, 2]}, "offset and the count of the head"),
        ({"head": None}, "head"),
        ({"tail": [3, 0, 0]}, "beyond its head"),
        ({"tail": [2, 2, 9]}, "beyond its head"),
        ({"tail": [2, 0, 0], "head": [2, 1, 0], "size": 1}, "offset and the count of the head"),
        ({"tail": [2, 1, 9], "head": [2, 3, 10], "size": 2}, "beyond its head"),
        ({"tail": [1, 0, 7]}, "offset and the count of the tail"),
        ({"chunksize": 0}, "never full"),
    ],
)
def test_info_that_cannot_be(change: dict[str, Any], message: str) -> None:
    """A field that cannot have been written is refused by name."""
    with pytest.raises(LegacyDamage, match=message):
        legacy.parse_info(json.dumps({**VALID, **change}).encode(), "json")


@pytest.mark.parametrize("layout", sorted(LOADS))
@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"\xff" * 9, b"[" * 60_000, b"x" * 70_000])
def test_info_that_is_none(layout: str, data: bytes) -> None:
    """An empty, zeroed, deeply nested or enormous info is damage, and no other error."""
    with pytest.raises(LegacyDamage):
        legacy.parse_info(data, layout, LOADS[layout])


class Hostile:
    """Makes a directory when it is unpickled."""

    def __init__(self, witness: str) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.witness,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_hostile_info(tmp_path: Path, protocol: int) -> None:
    """L2: an info that would run code is refused, and the code does not run."""
    witness = tmp_path / "ran"
    hostile = Hostile(str(witness))
    for value in (hostile, {**VALID, "size": hostile}, {**VALID, "more": [hostile]}):
        with pytest.raises(LegacyDamage, match="more than numbers"):
            legacy.parse_info(pickle.dumps(value, protocol), "pickle")
    assert not witness.exists()
    pickle.loads(pickle.dumps(hostile, protocol))
    assert witness.exists()  # the pickle is a live one


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x04}r\xf0\xff\xff\xff.",  # a memo index that takes 64 GiB
        b"}p4294967280\n.",
        b"\x80\x04P1\n.",
        b"\x80\x04}Q.",
        b"\x80\x04\x82\x01.",
        b"\x80\x05\x96" + b"\xff" * 8 + b".",
        b"(" + b")t" * 99 + b".",
        b"\x80\x04}.garbage",
        b"\x80\x04}",
        b"0.",
        b"a.",
        b"\x80\x04K\x01K\x02K\x03s.",
        b"\x80\x63}.",
        b"I1e5\n.",
        b"h\x05.",
    ],
)
def test_info_of_odd_opcodes(data: bytes) -> None:
    """L2, L3: no opcode allocates memory, names another object, or raises another error."""
    started = time.monotonic()
    with pytest.raises(LegacyDamage):
        legacy.parse_info(data, "pickle")
    assert time.monotonic() - started < 1


def test_second_lock() -> None:
    """L2: the unpickler itself refuses names, should an opcode ever slip through."""
    for data in (b"cos\nmkdir\n.", b"P1\n."):
        with pytest.raises(LegacyDamage):
            legacy._PlainUnpickler(io.BytesIO(data)).load()


# --- plan


def test_names_that_are_chunks() -> None:
    """Chunks come by number, and what only resembles one is not taken."""
    names = ["q100000", "q99999", "q00000", "info", "q0000", "q000001", "q00001.bad", "tmpq00001"]
    assert legacy.chunk_names([*names, "q\u0660\u0660\u0660\u0660\u0661", "q" + "9" * 40]) == [
        "q00000",
        "q99999",
        "q100000",
    ]


def test_plan() -> None:
    """The tail's chunk starts at its offset, the head's stops at its own, those between are whole."""
    names = [f"q{number:05d}" for number in range(1, 8)]
    plan = legacy.plan(names, info((5, 1, 10), (3, 2, 20)))
    assert plan.chunks == (
        Chunk("q00003", 3, 20, None, 1),
        Chunk("q00004", 4, 0, None, 3),
        Chunk("q00005", 5, 0, 10, 1),
    )
    assert plan.lingering == ("q00001", "q00002")
    assert plan.beyond == ("q00006", "q00007")
    assert plan.missing == ()


def test_plan_names_a_missing_chunk() -> None:
    """A chunk with items that is not there is an error that names it, or is told on request."""
    described = info((5, 1, 10), (1, 2, 20))
    with pytest.raises(LegacyDamage, match="q00002 is missing"):
        legacy.plan(["q00001", "q00004"], described)
    plan = legacy.plan(["q00001", "q00004"], described, partial=True)
    assert [chunk.name for chunk in plan.chunks] == ["q00001", "q00004"]
    assert plan.missing == (range(2, 4), range(5, 6))


@pytest.mark.parametrize("head", [(0, 0, 0), (4, 0, 0), (4, 2, 30)])
def test_an_empty_queue_needs_no_chunk(head: tuple[int, int, int]) -> None:
    """Where tail and head are one place nothing is missing."""
    plan = legacy.plan([], info(head, head))
    assert (plan.chunks, plan.missing) == ((), ())


def test_a_head_without_items_needs_no_chunk() -> None:
    """The chunk that was begun for the next put may have been lost in a power cut."""
    plan = legacy.plan(["q00000"], info((1, 0, 0), (0, 0, 0)))
    assert [chunk.name for chunk in plan.chunks] == ["q00000"]


def test_an_info_of_a_trillion_chunks() -> None:
    """A hostile info costs no time and no memory."""
    described = info((10**12, 1, 1), (0, 0, 0))
    plan = legacy.plan(["q00005"], described, partial=True)
    assert plan.missing == (range(5), range(6, 10**12 + 1))


def test_two_writers() -> None:
    """An item that a second writer put is delivered although no count has it."""
    data = b"".join(pickle.dumps(item) for item in "abc")
    described = info((0, 1, len(data)), (0, 0, 0))
    (chunk,) = legacy.plan(["q00000"], described).chunks
    assert [pickle.loads(item) for item in legacy.chunk_items(chunk, data, "pickle")] == [*"abc"]
    described = info((1, 0, len(data)), (1, 0, 0))
    assert [chunk.name for chunk in legacy.plan(["q00001"], described).chunks] == ["q00001"]


def test_fewer_items_than_counted() -> None:
    """L4: what is there is delivered, then the loss is told."""
    data = pickle.dumps("a")
    items = legacy.chunk_items(Chunk("q00000", 0, 0, len(data), 3), data, "pickle")
    assert pickle.loads(next(items)) == "a"
    with pytest.raises(LegacyDamage, match="2 of 3 items") as caught:
        next(items)
    assert caught.value.offset == len(data)


def test_a_chunk_that_is_cut_short() -> None:
    """L4: a chunk that lost its end delivers the whole items before it."""
    data = b"".join(pickle.dumps(item) for item in "abc")
    for length in range(len(data)):
        found = []
        with pytest.raises(LegacyDamage) as caught:
            for item in legacy.split_items(data[:length], 0, len(data), "pickle"):
                found.append(item)  # noqa: PERF402 - what came before the error counts
        assert [pickle.loads(item) for item in found] == [*"abc"][: len(found)]
        assert caught.value.offset == len(b"".join(found))


# --- items


class Plain:
    def __init__(self, value: object) -> None:
        self.value = value


class Slotted:
    __slots__ = ("value",)

    def __init__(self, value: object) -> None:
        self.value = value


class Listing(list[Any]):
    pass


class Nested:
    class Inner(dict[Any, Any]):
        """Pickled by way of its outer class."""


class Persistent(pickle.Pickler):
    """Writes tuples as persistent ids."""

    def persistent_id(self, obj: object) -> object:
        return repr(obj) if isinstance(obj, tuple) else None


def recursive() -> list[Any]:
    """A list that holds itself."""
    value: list[Any] = [1]
    value.append(value)
    return value


def of_a_lost_class(protocol: int) -> bytes:
    """A pickle whose class cannot be imported any more."""
    module = types.ModuleType("lost_module")
    lost = type("Lost", (), {"__module__": "lost_module"})
    module.Lost = lost  # type: ignore[attr-defined]
    sys.modules["lost_module"] = module
    try:
        return pickle.dumps([lost(), lost], protocol)
    finally:
        del sys.modules["lost_module"]


def noise(length: int) -> bytes:
    """Bytes of every value, the same ones every time."""
    return random.Random(length).randbytes(length)


plain = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.integers().map(lambda value: value << 2100),
        st.floats(),
        st.complex_numbers(),
        st.text(),
        st.binary(),
        st.binary().map(bytearray),
        st.datetimes(),
        st.decimals(),
        st.sampled_from([10, 255, 256, 65_535, 65_536, 65_537, 200_000]).map(noise),
        st.sampled_from([65_536, 70_000]).map(lambda length: "ž." * length),
        st.sampled_from([70_000, 140_000]).map(lambda length: bytearray(b"\x80.") * length),
    ),
    lambda children: st.one_of(
        st.lists(children),
        st.lists(children).map(tuple),
        st.lists(children).map(Listing),
        st.dictionaries(st.text() | st.integers() | st.binary(), children),
        st.dictionaries(st.text(), children).map(collections.OrderedDict),
        st.dictionaries(st.text(), children).map(Nested.Inner),
        st.sets(st.integers() | st.text()),
        st.frozensets(st.integers() | st.text() | st.binary()),
        children.map(Plain),
        children.map(Slotted),
        children.map(lambda child: [child, child, recursive()]),
    ),
    max_leaves=8,
)
# A slow machine needs a second for the largest of them.
steady = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
protocols = st.integers(0, pickle.HIGHEST_PROTOCOL)


@st.composite
def a_pickle(draw: st.DrawFn) -> bytes:
    """One pickle of some value, protocol and pickler."""
    protocol = draw(protocols)
    how = draw(st.sampled_from(["c"] * 5 + ["python", "persistent", "optimized", "lost"]))
    if how == "lost":
        return of_a_lost_class(protocol)
    value = draw(plain)
    picklers: dict[str, Any] = {"python": pickle._Pickler, "persistent": Persistent}
    pickler = picklers.get(how, pickle.Pickler)
    stream = io.BytesIO()
    try:
        pickler(stream, protocol).dump(value)
    except (TypeError, pickle.PicklingError):
        # Slots cannot be pickled before protocol 2.
        pickler(stream := io.BytesIO(), max(protocol, 2)).dump(value)
    data = stream.getvalue()
    return pickletools.optimize(data) if how == "optimized" else data


@steady
@given(st.lists(a_pickle(), max_size=12), st.binary(max_size=9))
def test_pickles_are_cut_where_they_end(items: list[bytes], garbage: bytes) -> None:
    """Each pickle of a chunk, of any protocol and any size, is found whole and alone."""
    data = b"".join(items)
    assert split(data) == (items, None)
    stop = len(garbage + data)
    found = legacy.split_items(garbage + data + garbage, len(garbage), stop, "pickle")
    assert list(found) == items


@steady
@given(st.lists(a_pickle(), min_size=1, max_size=4), st.data())
def test_truncated_pickles(items: list[bytes], data: st.DataObject) -> None:
    """L3, L4: a chunk cut anywhere delivers the items before the cut, and says where it is."""
    whole = b"".join(items)
    # Not an integer up to the length: equal values may be pickled to different lengths.
    cut = round(data.draw(st.floats(0, 1)) * len(whole))
    found, damage = split(whole[:cut])
    assert found == items[: len(found)]
    end = sum(map(len, found))
    if damage is None:
        assert end == cut
    else:
        assert end < cut < end + len(items[len(found)])
        assert damage.offset is not None
        assert end <= damage.offset <= cut


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_several_frames(protocol: int) -> None:
    """Items larger than a pickler's frame of 64 KiB are cut where they end."""
    values = [list(range(70_000)), 46, [noise(200_000), "ž." * 70_000, 46], [b"." * 65_519], None]
    items = [pickle.dumps(value, protocol) for value in values * 3]
    assert split(b"".join(items)) == (items, None)


def test_opcodes_are_those_of_pickletools() -> None:
    """The table of opcodes says what the standard library's says."""
    lengths = {
        pickletools.UP_TO_NEWLINE: pickles._LINE,
        pickletools.TAKEN_FROM_ARGUMENT1: pickles._COUNTED_1,
        pickletools.TAKEN_FROM_ARGUMENT4: pickles._COUNTED_4_SIGNED,
        pickletools.TAKEN_FROM_ARGUMENT4U: pickles._COUNTED_4,
        pickletools.TAKEN_FROM_ARGUMENT8U: pickles._COUNTED_8,
    }
    table = [pickles._UNKNOWN] * 256
    for opcode in pickletools.opcodes:
        form = 0 if opcode.arg is None else lengths.get(opcode.arg.n, opcode.arg.n)
        if opcode.arg is not None and opcode.arg.name == "stringnl_noescape_pair":
            form = pickles._TWO_LINES
        if opcode.name == "BINBYTES":
            form = pickles._COUNTED_4
        table[ord(opcode.code)] = form
    assert {code: form for code, form in enumerate(pickles._FORM) if form != table[code]} in (
        {},
        # pickletools tells BINUNICODE's length as unsigned under another name in some versions.
        {ord("X"): pickles._COUNTED_4},
    )


@pytest.mark.parametrize("change", [b"\x95\x00", b"\x95\xff", b"\x95\x30"])
def test_damaged_frame_length(change: bytes) -> None:
    """A frame whose length is damaged does not hide the items behind it."""
    items = [pickle.dumps({"n": n}, 4) for n in range(3)]
    items[1] = items[1].replace(items[1][2:4], change, 1)
    assert split(b"".join(items)) == (items, None)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_hostile_items_do_not_run(tmp_path: Path, protocol: int) -> None:
    """L1: items are cut and salvaged without running what they say."""
    witness = tmp_path / "ran"
    items = [pickle.dumps(Hostile(str(witness)), protocol)] * 3
    assert split(b"".join(items)) == (items, None)
    assert not witness.exists()


def test_bombs_are_not_set_off() -> None:
    """L1: an item made to take for ever or all memory is only passed on."""
    bombs = [
        b"\x80\x02]r\xf0\xff\xff\xff.",
        b"(" + b"t(2" * 200 + b"d.",
        b"\x80\x04)" + b"\x94h\x00\x86" * 99 + b"}N\x87.",
    ]
    assert split(b"".join(bombs)) == (bombs, None)
    for length in (b"\x96" + b"\xff" * 8, b"\x8b\xff\xff\xff\xff", b"X\xff\xff\xff\xff"):
        items, damage = split(bombs[0] + length + b".")
        assert items == bombs[:1]
        assert damage is not None
        assert damage.offset is not None
        assert damage.offset >= len(bombs[0])


@pytest.mark.parametrize(
    ("layout", "items", "frame"),
    [
        ("json", [b"1", b'"a\\u0000\\n"', b"[]"], lambda item: item + b"\n"),
        (
            "msgpack",
            [b"\x01", b"\0", b"\n" * 300],
            lambda item: struct.pack("<L", len(item)) + item,
        ),
        ("cbor2", [b"\x01", b"\0", b"\n" * 300], lambda item: struct.pack("<L", len(item)) + item),
        ("queuelib", [b"", b"\0", b"x" * 300], lambda item: struct.pack(">L", len(item)) + item),
    ],
)
def test_other_layouts(layout: str, items: list[bytes], frame: Callable[[bytes], bytes]) -> None:
    """Lines and lengths: whole items are cut clean, and a cut one is told with its place."""
    frames = [frame(item) for item in items]
    data = b"".join(frames)
    assert split(data, layout) == (items, None)
    for cut in range(1, len(frames[-1])):
        found, damage = split(data[:-cut], layout)
        assert found == items[:-1]
        assert damage is not None
        assert damage.offset == len(data) - len(frames[-1])


@pytest.mark.parametrize("layout", ["pickle", "json", "msgpack", "cbor2"])
def test_zeroed_page(layout: str) -> None:
    """A page that never reached the disk is damage, not a thousand items."""
    files = read(FILES / f"persist-queue-1.1.0-{layout}-fresh")
    for zeros in (b"\0" * 4096, b"\0" * 4096 + b"\n"):
        items, damage = split(files["q00000"] + zeros, layout)
        assert len(items) == 3
        assert damage is not None
        assert damage.offset == len(files["q00000"])


def test_custom_layout() -> None:
    """A custom serializer's own load says where each item ends."""

    def load(file: BinaryIO) -> bytes:
        return file.read(2 + ord(file.read(1)))

    data = b"\0ab\1abc\2abcd"
    items = list(legacy.split_items(data, 3, len(data), "mine", load))
    assert items == [b"\1abc", b"\2abcd"]
    with pytest.raises(TypeError, match="mine"):
        list(legacy.split_items(data, 0, len(data), "mine"))


@pytest.mark.parametrize(
    "load", [lambda _: None, lambda file: file.seek(999), lambda file: file.read(-2) and 1 / 0]
)
def test_custom_load_that_fails(load: Callable[[BinaryIO], object]) -> None:
    """L3: a custom load that raises, reads nothing or strays ends in damage, not in a loop."""
    with pytest.raises(LegacyDamage) as caught:
        list(legacy.split_items(b"abc", 1, 3, "mine", load))
    assert caught.value.offset == 1


def test_damage_can_be_pickled() -> None:
    """The error keeps its attributes on the way to another process."""
    damage = pickle.loads(pickle.dumps(LegacyDamage("a reason", 7)))
    assert (damage.reason, damage.offset, str(damage)) == ("a reason", 7, "a reason at byte 7")


# --- random damage


def mutations(data: bytes, source: random.Random, rounds: int) -> Iterator[bytes]:
    """Flipped bits, changed and inserted bytes, cuts, zeros, swaps."""
    for _ in range(rounds):
        changed = bytearray(data)
        for _ in range(source.choice((1, 1, 1, 3, 9))):
            at = source.randrange(len(changed) + 1)
            match source.randrange(6):
                case 0 if at < len(changed):
                    changed[at] ^= 1 << source.randrange(8)
                case 1 if at < len(changed):
                    changed[at] = source.choice(b".\n\0\xff\x80\x95cRrBX\x96q}")
                case 2:
                    changed[at:at] = source.randbytes(source.randrange(1, 9))
                case 3:
                    del changed[at:]
                case 4:
                    changed[at : at + 16] = bytes(16)
                case _:
                    changed[at:at] = changed[: source.randrange(40)]
        yield bytes(changed)


@pytest.mark.parametrize("name", [name for name in EXPECTED if "1.1.0" in name or "0.1.7" in name])
def test_random_damage(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """L3: whatever happens to the files, the answer is items, or LegacyDamage; nothing is run."""
    ran: list[object] = []
    monkeypatch.setattr(os, "system", ran.append)
    layout = EXPECTED[name]["serializer"]
    files = read(FILES / name)
    files["q00001"] = (
        files.get("q00001", b"") + pickle.dumps(os.system) + b"cos\nsystem\n(S'x'\ntR."
    )
    source = random.Random(name)
    for victim in files:
        for changed in mutations(files[victim], source, 60):
            damaged = {**files, victim: changed}
            chunks = [(name, damaged[name]) for name in legacy.chunk_names(damaged)]
            for salvaged in legacy.salvage(chunks, layout):
                if layout == "pickle":
                    assert damaged[salvaged.name].startswith(b"".join(salvaged.items))
            with suppress(LegacyDamage):
                deliver(damaged, layout)
    assert not ran


@given(st.sampled_from(sorted(LOADS)), st.binary(max_size=200), st.integers(-9, 300))
def test_random_bytes(layout: str, data: bytes, start: int) -> None:
    """L3: bytes that no predecessor wrote raise LegacyDamage or are items; nothing else happens."""
    with suppress(LegacyDamage):
        legacy.parse_info(data, layout, LOADS[layout])
    with suppress(LegacyDamage):
        list(legacy.split_items(data, start, start + 50, layout))


@given(st.binary(max_size=300))
def test_the_end_is_the_standard_librarys(data: bytes) -> None:
    """Where genops finds the end of a pickle in random bytes, so does the walk."""
    stream = io.BytesIO(data)
    try:
        collections.deque(pickletools.genops(stream), 0)
    except Exception:  # it also decodes arguments, and raises many things
        return
    try:
        end = 0
        for _, end in pickles.opcodes(data, 0, len(data)):  # noqa: B007 - the last one counts
            pass
    except LegacyDamage:
        end = -1
    assert end == stream.tell()
