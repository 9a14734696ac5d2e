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
from pq_core.log.frame import scan
from pq_core.log.segment import Header
from pq_file import Queue
from tests.fault.quick import quick_directory
from tests.fault.scenes import Serializer

SECTOR, PAGE = 512, 4096
#: Put once a damaged queue is open again.
AFTER: Final = 10**6
#: By how much the items of another queue are larger.
OTHER: Final = 5000


@pytest.fixture(autouse=True)
def _no_hang() -> Iterator[None]:
    """A hang ends the tests with a traceback instead of keeping them."""
    # Every byte of a queue takes minutes on a machine that does something else as well.
    faulthandler.dump_traceback_later(900, exit=True)
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


def make(path: Path, *, closed: bool, small: bool = False, more: int = 0) -> Original:
    """A queue with frames of one and of many, over several segments, used out of order.

    With `more`, the items are larger by this, and lie in the same places.
    """
    working = path / "working"
    chunk = 2 if small else 7
    one, two = (
        Queue[int](working, chunksize=chunk, serializer=Serializer, disk=disk)
        for disk in [Disk()]
        for _ in range(2)
    )
    original = Original(path / "original", closed=closed)

    def remember() -> None:
        original.older.append(Path(shutil.copytree(working, path / f"older {len(original.older)}")))

    top = 6 if small else 45
    for item in range(1, 3 if small else 11):
        one.put(more + item)
    remember()
    one.put_many([more + item for item in (range(3, 6) if small else range(11, 36))])
    if not small:
        assert [one.get_nowait() - more for _ in range(3)] == [1, 2, 3]
    else:
        assert one.get_nowait() == more + 1
    one.task_done()
    remember()
    for item in range(6 if small else 36, top + 1):
        one.put(more + item)
    first = 2 if small else 4
    assert one.get_nowait() == more + first
    # Two objects take turns, so that every second item is settled by a mark.
    for item in range(first + 1, first + 2 if small else first + 14):
        queue = two if item % 2 else one
        assert queue.get_nowait() == more + item
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
        original: what it was.
        path: its directory.
        story: what was done, for messages.
        random: decides what is done.
        forgets: settled items that may come again, since what told so was itself destroyed.
    """

    original: Original
    path: Path
    story: str = ""
    random: Random = field(default_factory=Random)
    forgets: set[int] = field(default_factory=set)

    def tell(self, *words: object) -> None:
        """Adds to the story."""
        self.story += "".join(f" {word}" for word in words)

    def any_file(self) -> Path:
        """One of the files with anything in it."""
        file = self.random.choice([file for file in _files(self.path) if file.stat().st_size])
        self.tell(file.name)
        return file

    def forget(self, file: Path, start: int, stop: int) -> None:
        """These bytes are about to be lost: what they told may come again."""
        self.tell(f"{start}-{stop}")
        if file.name == "cursor":
            both_slots = start <= SECTOR and stop >= 2 * SECTOR + 44
            if both_slots and not self.original.closed:
                # The note in the newest segment is older than they were.
                self.forgets |= self.original.settled
        elif file.name.startswith("q"):
            # The marks of what was settled out of order stand there.
            self.forgets |= self.original.marked


def check(damaged: Damaged) -> None:
    """Opens a damaged queue and checks everything that is promised about it."""
    original, path, story = damaged.original, damaged.path, damaged.story
    names = set(os.listdir(path))
    try:
        queue = Queue[int](path, chunksize=7, serializer=Serializer, disk=Disk())
    except StorageCorrupt as error:
        refused = error
        queue = None
    if queue is None:
        assert refused.path.parent == path, story
        assert refused.path.name in names, story
        assert refused.reason in str(refused), story
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


def _rewrite(file: Path, at: int, new: bytes) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(new)


def flip(case: Damaged) -> None:
    """One bit of one file."""
    file = case.any_file()
    at = case.random.randrange(file.stat().st_size)
    case.tell(at)
    _rewrite(file, at, bytes([file.read_bytes()[at] ^ 1 << case.random.randrange(8)]))


def flip_many(case: Damaged) -> None:
    """Twenty bytes of one file."""
    file = case.any_file()
    case.forget(file, 0, file.stat().st_size)
    for _ in range(20):
        _rewrite(file, case.random.randrange(file.stat().st_size), case.random.randbytes(1))


def truncate(case: Damaged) -> None:
    """One file ends early."""
    file = case.any_file()
    size = file.stat().st_size
    length = case.random.randrange(size)
    # A cursor of the wrong length is not trusted in any part.
    case.forget(file, length if file.name != "cursor" else 0, size)
    os.truncate(file, length)


def _zero(case: Damaged, size: int) -> None:
    file = case.any_file()
    start = case.random.randrange(0, file.stat().st_size, size)
    stop = min(start + size, file.stat().st_size)
    case.forget(file, start, stop)
    _rewrite(file, start, bytes(stop - start))


def zero_sector(case: Damaged) -> None:
    """512 zeros in one file."""
    _zero(case, SECTOR)


def zero_page(case: Damaged) -> None:
    """4096 zeros in one file."""
    _zero(case, PAGE)


def delete_segment(case: Damaged) -> None:
    """One segment is gone."""
    file = case.random.choice(_segments(case.path))
    case.tell(file.name)
    file.unlink()


def swap_blocks(case: Damaged) -> None:
    """Two blocks of two segments have changed places."""
    size = case.random.choice([16, 64, SECTOR])
    files = [case.random.choice(_segments(case.path)) for _ in range(2)]
    places = [case.random.randrange(0, file.stat().st_size, size) for file in files]
    blocks = [file.read_bytes()[at : at + size] for file, at in zip(files, places, strict=True)]
    case.tell([file.name for file in files], places, size)
    case.forgets |= case.original.marked
    for file, at, block in zip(files, places, blocks[::-1], strict=True):
        _rewrite(file, at, block)


def swap_segments(case: Damaged) -> None:
    """Two segments have each other's names."""
    one, two = case.random.sample(_segments(case.path), 2)
    case.tell(one.name, two.name)
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def _another(case: Damaged) -> Path:
    """A queue of other items in the same places."""
    path = case.path.with_name(f"{case.path.name} other")
    return make(path, closed=True, more=OTHER).path


def foreign_segment(case: Damaged) -> None:
    """One segment is another queue's of the same number."""
    file = case.random.choice(_segments(case.path))
    case.tell(file.name)
    shutil.copy(_another(case) / file.name, file)


def foreign_frames(case: Damaged) -> None:
    """The frames of one segment are those that another queue has in their place."""
    file = case.random.choice(_segments(case.path))
    case.tell(file.name)
    case.forgets |= case.original.marked
    _rewrite(file, 1024, (_another(case) / file.name).read_bytes()[1024:])


def older_cursor(case: Damaged) -> None:
    """The cursor is one of an earlier moment."""
    older = case.random.choice(case.original.older)
    case.tell(older.name)
    shutil.copy(older / "cursor", case.path / "cursor")
    if not case.original.closed:
        case.forgets |= case.original.settled


def older_segment(case: Damaged) -> None:
    """A segment is one of an earlier moment."""
    older = case.random.choice(case.original.older)
    names = {file.name for file in _segments(case.path)}
    file = case.random.choice([file for file in _segments(older) if file.name in names])
    case.tell(older.name, file.name)
    shutil.copy(file, case.path)
    case.forgets |= case.original.marked


def append_garbage(case: Damaged) -> None:
    """Some bytes behind the end of one file."""
    file = case.random.choice(_files(case.path))
    case.tell(file.name)
    with file.open("ab") as stream:
        stream.write(case.random.randbytes(case.random.choice([1, 20, 5000])))


def append_frames(case: Damaged) -> None:
    """The frames of one segment once more, behind another one's."""
    one, two = (case.random.choice(_segments(case.path)) for _ in range(2))
    case.tell(one.name, two.name)
    data = one.read_bytes()[1024:]
    with two.open("ab") as stream:
        stream.write(data)


def delete_cursor(case: Damaged) -> None:
    """The cursor is gone."""
    (case.path / "cursor").unlink()
    if not case.original.closed:
        case.forgets |= case.original.settled


def delete_lock(case: Damaged) -> None:
    """The lock file is gone."""
    (case.path / "lock").unlink()


def delete_claims(case: Damaged) -> None:
    """The list of what a consumer had out is gone."""
    (case.path / "c00").unlink()


MUTATIONS: Final = (
    flip,
    flip_many,
    truncate,
    zero_sector,
    zero_page,
    delete_segment,
    swap_blocks,
    swap_segments,
    foreign_segment,
    foreign_frames,
    older_cursor,
    older_segment,
    append_garbage,
    append_frames,
    delete_cursor,
    delete_lock,
    delete_claims,
)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """An empty directory."""
    with quick_directory() as path:
        yield path


@pytest.fixture(scope="module", params=[True, False], ids=["closed", "killed"])
def original(request: pytest.FixtureRequest) -> Iterator[Original]:
    """A queue of 45 items, closed in order or killed."""
    with quick_directory() as path:
        yield make(path, closed=request.param)


@pytest.fixture(scope="module", params=[True, False], ids=["closed", "killed"])
def tiny(request: pytest.FixtureRequest) -> Iterator[Original]:
    """A queue of six items, closed in order or killed."""
    with quick_directory() as path:
        yield make(path, closed=request.param, small=True)


def test_undamaged(original: Original, tiny: Original, tmp_path: Path) -> None:
    """The queues that the tests damage are sound, and hold what they are said to hold."""
    for number, queue in enumerate([original, tiny]):
        copy = Path(shutil.copytree(queue.path, tmp_path / f"copy {number}"))
        with Queue[int](copy, serializer=Serializer, disk=Disk()) as opened:
            assert opened.verify() == []
            assert list(opened.browse()) == queue.kept
            assert opened.damage == []
        check(Damaged(queue, copy))


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: str(mutate.__name__))
def test_random_mutations(
    mutate: Callable[[Damaged], None], original: Original, tmp_path: Path
) -> None:
    """A clean subset in order with the loss reported, or StorageCorrupt with the file's name."""
    for seed in range(10):
        copy = Path(shutil.copytree(original.path, tmp_path / str(seed)))
        story = f"{mutate.__name__} {seed}:"
        case = Damaged(original, copy, story, Random(story))
        mutate(case)
        check(case)


#: Most bytes are zeros that say the same; by hand each of them: ``PQ_TEST_STEP=1``.
STEP = int(os.environ.get("PQ_TEST_STEP", "8"))


def _check_flip(tiny: Original, file: Path, at: int, mask: int, path: Path) -> None:
    copy = Path(shutil.copytree(tiny.path, path))
    _rewrite(copy / file.name, at, bytes([file.read_bytes()[at] ^ mask]))
    check(Damaged(tiny, copy, f"{file.name} {at} ^ {mask}"))
    shutil.rmtree(copy)


@pytest.mark.slow
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
        for at in range(0, file.stat().st_size, STEP):
            _check_flip(tiny, file, at, 1 << at % 8, tmp_path / "copy")


def _check_cut(tiny: Original, name: str, length: int, path: Path) -> None:
    copy = Path(shutil.copytree(tiny.path, path))
    case = Damaged(tiny, copy, name)
    case.forget(copy / name, length if name != "cursor" else 0, (copy / name).stat().st_size)
    os.truncate(copy / name, length)
    check(case)
    shutil.rmtree(copy)


@pytest.mark.slow
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
        for length in range(0, file.stat().st_size, STEP):
            _check_cut(tiny, file.name, length, tmp_path / "copy")


def test_repair_keeps_the_damaged_bytes(tmp_path: Path) -> None:
    """What repair takes out of a segment stands beside it, byte by byte, and the rest goes on."""
    path = tmp_path / "queue"
    with Queue[str](path, disk=Disk()) as queue:
        for item in ("before", "damaged", "behind"):
            queue.put(item)
    segment = path / "q00000"
    data = bytearray(segment.read_bytes())
    seed = Header.decode(bytes(data)).seed
    frames = list(scan(lambda at, size: bytes(data[at : at + size]), 1024, seed))
    start, stop = frames[0].end, frames[1].end
    data[data.find(b"damaged")] ^= 0xFF
    segment.write_bytes(data)
    with Queue[str](path, disk=Disk()) as queue:
        assert [damage.path for damage in queue.repair()] == [segment]
        assert (path / "q00000.bad").read_bytes() == data[start:stop]
        assert queue.get_many(3) == ["before", "behind"]
        assert queue.verify() == []


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
    with (
        Queue[int](original.path, serializer=Spy, disk=Disk()) as queue,
        suppress(Empty, DecodeError),
    ):
        while True:
            queue.get_nowait()
    assert seen
    assert not [data for data in seen if data.startswith(b"-")]
