"""Damaged files: what is delivered is right, what is lost is reported, what is settled stays so."""

from __future__ import annotations

import faulthandler
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import pytest
from pq_core.disk import Disk
from pq_core.errors import DecodeError, Empty, StorageCorrupt
from pq_file import Queue

from tests.fault.scenes import Serializer

SECTOR, PAGE = 512, 4096
#: Put once a damaged queue is open again.
AFTER: Final = 10**6


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """A hang ends the tests with a traceback instead of keeping them."""
    faulthandler.dump_traceback_later(120, exit=True)
    yield
    faulthandler.cancel_dump_traceback_later()


@dataclass
class Original:
    """A sound queue.

    Attributes:
        path: its directory.
        kept: the items to be delivered, in order.
        settled: the items never to be delivered again.
        marked: those of them that only a mark in their segment tells.
        older: copies of its files as they were earlier.
        closed: whether it was closed in order; if not, its process was killed.
    """

    path: Path
    kept: list[int] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)
    marked: set[int] = field(default_factory=set)
    older: list[Path] = field(default_factory=list)
    closed: bool = True


def make(path: Path, *, closed: bool, small: bool = False) -> Original:
    """A queue with frames of one and of many, over several segments, used out of order."""
    working = path / "working"
    chunk = 2 if small else 7
    one, two = (
        Queue[int](working, chunksize=chunk, serializer=Serializer, disk=disk)
        for disk in [Disk()]
        for _ in range(2)
    )
    original = Original(path / "original", closed=closed)

    def remember() -> None:
        original.older.append(
            Path(shutil.copytree(working, path / f"older {len(original.older)}"))
        )

    top = 6 if small else 45
    for item in range(1, 3 if small else 11):
        one.put(item)
    remember()
    one.put_many(list(range(3, 6) if small else range(11, 36)))
    if not small:
        assert [one.get_nowait() for _ in range(3)] == [1, 2, 3]
    else:
        assert one.get_nowait() == 1
    one.task_done()
    remember()
    for item in range(6 if small else 36, top + 1):
        one.put(item)
    first = 2 if small else 4
    assert one.get_nowait() == first
    # Two objects take turns, so that every second item is settled by a mark.
    for item in range(first + 1, first + 2 if small else first + 14):
        queue = two if item % 2 else one
        assert queue.get_nowait() == item
    two.task_done()
    original.marked = set(range(first + 1, first + 2 if small else first + 14, 1)) - {
        item for item in range(first, first + 14) if not item % 2
    }
    original.settled = set(range(1, first)) | original.marked
    original.kept = [item for item in range(1, top + 1) if item not in original.settled]
    if closed:
        one.close()
        two.close()
        shutil.copytree(working, original.path)
    else:
        shutil.copytree(working, original.path)
        one.close()
        two.close()
    return original


@dataclass
class Damaged:
    """What was done to a copy of a queue.

    Attributes:
        path: its directory.
        story: what was done, for messages.
        forgets: settled items that may come again, since what told so was itself destroyed.
    """

    path: Path
    story: str = ""
    forgets: set[int] = field(default_factory=set)


def check(original: Original, damaged: Damaged) -> None:
    """Opens a damaged queue and checks everything that is promised about it."""
    path, story = damaged.path, damaged.story
    names = set(os.listdir(path))
    try:
        queue = Queue[int](path, chunksize=7, serializer=Serializer, disk=Disk())
    except StorageCorrupt as error:
        assert error.path.parent == path, story
        assert error.path.name in names, story
        assert error.reason in str(error), story
        return
    with queue:
        found = queue.verify()
        got = []
        with suppress(Empty):
            while True:
                # A frame that is damaged is never even unpickled.
                got.append(queue.get_nowait())
        said = story, got, original.kept, found, queue.damage
        assert got == sorted(set(got)), said
        assert set(got) <= {*original.kept, *original.settled}, said
        back = set(got) & original.settled
        assert back <= damaged.forgets, (back, said)
        missing = set(original.kept) - set(got)
        assert not missing or found or queue.damage, (missing, said)
        queue.task_done() if got else None
    with Queue[int](path, chunksize=7, serializer=Serializer, disk=Disk()) as queue:
        queue.repair()
        assert queue.verify() == [], said
        queue.put(AFTER)
        assert list(queue.browse()) == [AFTER], said
        assert queue.get_nowait() == AFTER, said
        queue.task_done()
        assert queue.verify() == [], said
        assert queue.qsize() == 0, said


# -- mutations ------------------------------------------------------------------------------------


def _files(path: Path, prefix: str = "") -> list[Path]:
    return sorted(file for file in path.iterdir() if file.name.startswith(prefix))


def _segments(path: Path) -> list[Path]:
    return _files(path, "q")


def _rewrite(file: Path, change: Callable[[bytearray], object]) -> None:
    data = bytearray(file.read_bytes())
    change(data)
    file.write_bytes(data)


def _any_file(damaged: Damaged, random: Random) -> Path:
    file = random.choice([file for file in _files(damaged.path) if file.stat().st_size])
    damaged.story += f" {file.name}"
    return file


def _blank(original: Original, damaged: Damaged, file: Path, start: int, stop: int) -> None:
    """Notes what may come again once these bytes are gone."""
    damaged.story += f" {start}-{stop}"
    if file.name == "cursor":
        if start <= SECTOR and stop >= 2 * SECTOR + 44 and not original.closed:
            # Both slots, and the newest segment's note is older than they were.
            damaged.forgets |= original.settled
    elif file.name.startswith("q"):
        # The marks of what was settled out of order stand there.
        damaged.forgets |= original.marked


def flip(original: Original, damaged: Damaged, random: Random) -> None:
    file = _any_file(damaged, random)
    at = random.randrange(file.stat().st_size)
    damaged.story += f" {at}"
    bit = 1 << random.randrange(8)
    _rewrite(file, lambda data: data.__setitem__(at, data[at] ^ bit))


def flip_many(original: Original, damaged: Damaged, random: Random) -> None:
    file = _any_file(damaged, random)
    _blank(original, damaged, file, 0, file.stat().st_size)
    for _ in range(20):
        at = random.randrange(file.stat().st_size)
        value = random.randrange(256)
        _rewrite(file, lambda data, at=at, value=value: data.__setitem__(at, value))  # type: ignore[misc]


def truncate(original: Original, damaged: Damaged, random: Random) -> None:
    file = _any_file(damaged, random)
    size = file.stat().st_size
    length = random.randrange(size)
    _blank(original, damaged, file, length if file.name != "cursor" else 0, size)
    os.truncate(file, length)


def zero(size: int) -> Callable[[Original, Damaged, Random], None]:
    def mutate(original: Original, damaged: Damaged, random: Random) -> None:
        file = _any_file(damaged, random)
        start = random.randrange(0, file.stat().st_size, size)
        stop = min(start + size, file.stat().st_size)
        _blank(original, damaged, file, start, stop)
        _rewrite(file, lambda data: data.__setitem__(slice(start, stop), bytes(stop - start)))

    mutate.__name__ = f"zero_{size}"
    return mutate


def delete_segment(original: Original, damaged: Damaged, random: Random) -> None:
    file = random.choice(_segments(damaged.path))
    damaged.story += f" {file.name}"
    file.unlink()


def swap_blocks(original: Original, damaged: Damaged, random: Random) -> None:
    size = random.choice([16, 64, SECTOR])
    files = [random.choice(_segments(damaged.path)) for _ in range(2)]
    places = [random.randrange(0, file.stat().st_size, size) for file in files]
    blocks = [
        file.read_bytes()[at : at + size] for file, at in zip(files, places, strict=True)
    ]
    damaged.story += f" {files} {places}"
    damaged.forgets |= original.marked
    for file, at, block in zip(files, places, blocks[::-1], strict=True):
        with file.open("r+b") as stream:
            stream.seek(at)
            stream.write(block)


def swap_segments(original: Original, damaged: Damaged, random: Random) -> None:
    one, two = random.sample(_segments(damaged.path), 2)
    damaged.story += f" {one.name} {two.name}"
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def foreign_segment(original: Original, damaged: Damaged, random: Random) -> None:
    file = random.choice(_segments(damaged.path))
    damaged.story += f" {file.name}"
    other = damaged.path.with_name(damaged.path.name + " other")
    with Queue[int](other, chunksize=7, serializer=Serializer, disk=Disk()) as queue:
        queue.put_many([5000, 5001])
        queue.put(5002)
    shutil.copy(other / "q00000", file)


def older_cursor(original: Original, damaged: Damaged, random: Random) -> None:
    older = random.choice(original.older)
    damaged.story += f" {older.name}"
    shutil.copy(older / "cursor", damaged.path / "cursor")
    if not original.closed:
        damaged.forgets |= original.settled


def older_segment(original: Original, damaged: Damaged, random: Random) -> None:
    older = random.choice(original.older)
    file = random.choice([file for file in _segments(older) if (damaged.path / file.name).exists()])
    damaged.story += f" {older.name} {file.name}"
    shutil.copy(file, damaged.path)
    damaged.forgets |= original.marked


def append_garbage(original: Original, damaged: Damaged, random: Random) -> None:
    file = random.choice(_files(damaged.path))
    damaged.story += f" {file.name}"
    with file.open("ab") as stream:
        stream.write(random.randbytes(random.choice([1, 20, 5000])))


def append_frames(original: Original, damaged: Damaged, random: Random) -> None:
    """The frames of one segment once more, behind another one's."""
    one, two = (random.choice(_segments(damaged.path)) for _ in range(2))
    damaged.story += f" {one.name} {two.name}"
    data = one.read_bytes()[1024:]
    with two.open("ab") as stream:
        stream.write(data)


def delete_cursor(original: Original, damaged: Damaged, random: Random) -> None:
    (damaged.path / "cursor").unlink()
    if not original.closed:
        damaged.forgets |= original.settled


def delete_lock(original: Original, damaged: Damaged, random: Random) -> None:
    (damaged.path / "lock").unlink()


def delete_claims(original: Original, damaged: Damaged, random: Random) -> None:
    (damaged.path / "c00").unlink()


MUTATIONS: Final = (
    flip,
    flip_many,
    truncate,
    zero(SECTOR),
    zero(PAGE),
    delete_segment,
    swap_blocks,
    swap_segments,
    foreign_segment,
    older_cursor,
    older_segment,
    append_garbage,
    append_frames,
    delete_cursor,
    delete_lock,
    delete_claims,
)


@pytest.fixture(scope="module", params=[True, False], ids=["closed", "killed"])
def original(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Original:
    return make(tmp_path_factory.mktemp("made"), closed=request.param)


@pytest.fixture(scope="module", params=[True, False], ids=["closed", "killed"])
def tiny(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Original:
    return make(tmp_path_factory.mktemp("tiny"), closed=request.param, small=True)


def test_undamaged(original: Original, tiny: Original, tmp_path: Path) -> None:
    """The queues that the tests damage are sound, and hold what they are said to hold."""
    for number, queue in enumerate([original, tiny]):
        copy = Path(shutil.copytree(queue.path, tmp_path / f"copy {number}"))
        with Queue[int](copy, serializer=Serializer, disk=Disk()) as opened:
            assert opened.verify() == []
            assert list(opened.browse()) == queue.kept
            assert opened.damage == []
        check(queue, Damaged(copy))


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: str(mutate.__name__))
def test_random_mutations(
    mutate: Callable[[Original, Damaged, Random], None], original: Original, tmp_path: Path
) -> None:
    """A clean subset in order with the loss reported, or StorageCorrupt with the file's name."""
    for seed in range(10):
        random = Random(f"{mutate.__name__} {seed}")
        copy = Path(shutil.copytree(original.path, tmp_path / str(seed)))
        damaged = Damaged(copy, f"{mutate.__name__} {seed}")
        mutate(original, damaged, random)
        check(original, damaged)


def _check_flip(tiny: Original, file: Path, at: int, mask: int, path: Path) -> None:
    copy = Path(shutil.copytree(tiny.path, path))
    _rewrite(copy / file.name, lambda data: data.__setitem__(at, data[at] ^ mask))
    check(tiny, Damaged(copy, f"{file.name} {at} ^ {mask}"))
    shutil.rmtree(copy)


def test_every_byte_that_says_something(tiny: Original, tmp_path: Path) -> None:
    """A flip in any byte that is not zero brings nothing wrong and nothing settled."""
    for file in _files(tiny.path):
        for at, byte in enumerate(file.read_bytes()):
            if byte:
                _check_flip(tiny, file, at, 0xFF if at % 2 else 1 << at % 8, tmp_path / "copy")


@pytest.mark.slow
def test_every_byte(tiny: Original, tmp_path: Path) -> None:
    """A flip in any byte at all brings nothing wrong and nothing settled."""
    for file in _files(tiny.path):
        for at in range(file.stat().st_size):
            _check_flip(tiny, file, at, 1 << at % 8, tmp_path / "copy")


def _check_cut(tiny: Original, name: str, length: int, path: Path) -> None:
    copy = Path(shutil.copytree(tiny.path, path))
    damaged = Damaged(copy, f"{name} cut at {length}")
    if name == "cursor" and not tiny.closed:
        damaged.forgets |= tiny.settled
    os.truncate(copy / name, length)
    check(tiny, damaged)
    shutil.rmtree(copy)


def test_every_end_of_a_segment(tiny: Original, tmp_path: Path) -> None:
    """Wherever a segment is cut short, nothing wrong is delivered and the loss is reported."""
    for file in _segments(tiny.path):
        for length in [0, 1, 511, 512, 700, *range(1020, file.stat().st_size)]:
            _check_cut(tiny, file.name, length, tmp_path / "copy")


@pytest.mark.parametrize("length", [0, 1, 8, 511, 512, 600, 1024, 1536, 1700, 4096, 4200, 8191])
def test_a_cursor_cut_short(length: int, tiny: Original, tmp_path: Path) -> None:
    """A cursor that was cut short is made anew from what the segments tell, and it is reported."""
    _check_cut(tiny, "cursor", length, tmp_path / "copy")


@pytest.mark.slow
def test_every_end_of_every_file(tiny: Original, tmp_path: Path) -> None:
    """Wherever any file is cut short, nothing wrong is delivered and the loss is reported."""
    for file in _files(tiny.path):
        for length in range(file.stat().st_size):
            _check_cut(tiny, file.name, length, tmp_path / "copy")


def test_an_item_is_checked_before_it_is_read(tmp_path: Path) -> None:
    """The serializer never sees bytes that the checksum does not vouch for."""
    original = make(tmp_path / "made", closed=True)
    seen = []

    class Spy(Serializer):
        @staticmethod
        def loads(data: bytes) -> int:
            seen.append(data)
            return int(data)

    for file in _segments(original.path):
        data = bytearray(file.read_bytes())
        for item in original.kept[::3]:
            at = data.find(Serializer.dumps(item))
            if at >= 0:
                data[at] = ord("-")
        file.write_bytes(data)
    with Queue[int](original.path, serializer=Spy, disk=Disk()) as queue:
        with suppress(Empty, DecodeError):
            while True:
                queue.get_nowait()
    assert seen
    assert not [data for data in seen if data.startswith(b"-")]
