"""Damaged databases: nothing wrong is delivered, what is lost is reported, nothing hangs."""

from __future__ import annotations

import faulthandler
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

pytest.importorskip("pq_file")  # the scenes are those of both

from pq_core.errors import DecodeError, Empty, StorageCorrupt, StorageError
from pq_sqlite import SQLiteAckQueue, SQLiteQueue
from tests.fault.quick import quick_directory
from tests.fault.scenes import Serializer
from tests.figures import record

PAGE: Final = 4096
KINDS: Final = {"plain": SQLiteQueue, "ack": SQLiteAckQueue}
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
        cls: of the queue.
        path: its directory.
        kept: the items to be delivered, in order.
        settled: the items never to be delivered again.
    """

    cls: Any
    path: Path
    kept: list[int] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)


def make(cls: Any, path: Path, *, killed: bool) -> Original:
    """A small queue, some of it settled; killed: with all in the log, as a dead process leaves it."""
    working = path / "working"
    original = Original(cls, path / "original")
    with closing(cls(working, serializer=Serializer)) as queue:
        queue.put_many(list(range(1, 9)))
        for _ in range(2):
            item = queue.get()
            if cls is SQLiteAckQueue:
                queue.ack(item)
            original.settled.add(item)
        queue.put_many(list(range(9, 13)))
        original.kept = list(range(3, 13))
        if killed:
            shutil.copytree(working, original.path)
    if not killed:
        shutil.copytree(working, original.path)
    return original


@pytest.fixture(
    scope="module", params=[f"{kind} {how}" for kind in KINDS for how in ("closed", "killed")]
)
def original(request: pytest.FixtureRequest) -> Iterator[Original]:
    """A queue of ten items, closed in order or killed."""
    kind, how = request.param.split()
    with quick_directory() as path:
        yield make(KINDS[kind], path, killed=how == "killed")


def drained(queue: Any) -> tuple[list[int], int]:
    """What comes, each settled; and how many could not be read."""
    got, unreadable = [], 0
    with suppress(Empty):
        while True:
            try:
                got.append(queue.get_nowait())
            except DecodeError:
                unreadable += 1
                continue
            if isinstance(queue, SQLiteAckQueue):
                queue.ack(got[-1])
    return got, unreadable


def _refused(error: StorageError, path: Path, story: str) -> str:
    assert str(path) in str(error), story
    return "refused"


def check(original: Original, path: Path, story: str, *, is_log: bool = False) -> str:
    """Opens a damaged queue, and checks everything that is promised about it.

    Returns:
        What came of it: "refused", "reported" or "harmless".
    """
    cls = original.cls
    try:
        queue = cls(path, serializer=Serializer)
    except StorageError as error:
        return _refused(error, path, story)
    try:
        found = queue.verify()
        got, unreadable = drained(queue)
    except StorageError:
        return "refused"
    finally:
        with suppress(StorageError):
            queue.close()
    said = story, got, found, unreadable
    # A wrong item would not be one of these: each fails its checksum instead.
    assert set(got) <= {*original.kept, *original.settled}, said
    missing = set(original.kept) - set(got)
    back = set(got) & original.settled
    if is_log:
        # SQLite ends a log where it is damaged: what is left is an earlier state.
        assert not found, said
    elif missing or back or len(got) != len(set(got)):
        assert found or unreadable, (missing, back, said)
    with closing(cls(path, serializer=Serializer)) as queue, suppress(StorageError):
        queue.repair()
        assert queue.verify() == [], said
        queue.put(AFTER)
        # A repaired index brings back what the damaged one did not show.
        again = drained(queue)[0]
        assert set(again) <= {AFTER, *missing}, said
        # Where the definition of a table is damaged, only a copy of the file helps.
        assert AFTER in again or found, said
    return "reported" if found or unreadable else "harmless"


def _flip(file: Path, at: int, mask: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        byte = stream.read(1)[0]
        stream.seek(at)
        stream.write(bytes([byte ^ mask]))


def flips(original: Original, places: dict[str, list[int]], path: Path) -> None:
    """Flips a bit in each of these places, one at a time."""
    for name, offsets in places.items():
        for at in offsets:
            copy = Path(shutil.copytree(original.path, path / "copy"))
            _flip(copy / name, at, 1 << at % 8)
            check(original, copy, f"{name} {at}", is_log=name.endswith("-wal"))
            shutil.rmtree(copy)
            record("flips")


def places(original: Original, step: int, start: int = 0) -> dict[str, list[int]]:
    """Every `step`-th byte that is not zero, of the database and its log."""
    found = {}
    for name in ("data.db", "data.db-wal"):
        file = original.path / name
        if file.exists():
            said = [at for at, byte in enumerate(file.read_bytes()) if byte]
            found[name] = said[start::step]
    return found


def test_undamaged(original: Original, tmp_path: Path) -> None:
    """The queues that the tests damage are sound, and hold what they are said to hold."""
    copy = Path(shutil.copytree(original.path, tmp_path / "copy"))
    with closing(original.cls(copy, serializer=Serializer)) as queue:
        assert queue.verify() == []
        assert list(queue.browse()) == original.kept


def test_flips(original: Original) -> None:
    """A flipped bit brings no wrong item; a loss is reported, or the database is refused."""
    with quick_directory() as path:
        flips(original, places(original, 997), path)


@pytest.mark.slow
def test_many_flips(original: Original) -> None:
    """The same in many more places."""
    with quick_directory() as path:
        flips(original, places(original, 61, 7), path)


# -- mutations ------------------------------------------------------------------------------------


def _file(path: Path, random: Random) -> Path:
    return random.choice(
        [path / name for name in ("data.db", "data.db-wal") if (path / name).exists()]
    )


def truncate(path: Path, random: Random) -> str:
    """One file ends early."""
    file = _file(path, random)
    length = random.randrange(file.stat().st_size or 1)
    os.truncate(file, length)
    return f"{file.name} {length}"


def zero_page(path: Path, random: Random) -> str:
    """A page of one file is zeros."""
    file = _file(path, random)
    at = random.randrange(0, file.stat().st_size or 1, PAGE)
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(bytes(min(PAGE, file.stat().st_size - at)))
    return f"{file.name} {at}"


def garbage(path: Path, random: Random) -> str:
    """A hundred bytes of one file are garbage."""
    file = _file(path, random)
    at = random.randrange(file.stat().st_size or 1)
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(random.randbytes(100))
    return f"{file.name} {at}"


def swap_pages(path: Path, random: Random) -> str:
    """Two pages of one file have changed places."""
    file = _file(path, random)
    data = bytearray(file.read_bytes())
    one, two = (random.randrange(0, len(data) or 1, PAGE) for _ in range(2))
    first, second = data[one : one + PAGE], data[two : two + PAGE]
    data[one : one + PAGE], data[two : two + PAGE] = second, first
    file.write_bytes(data)
    return f"{file.name} {one} {two}"


def append(path: Path, random: Random) -> str:
    """Some bytes behind the end of one file."""
    file = _file(path, random)
    with file.open("ab") as stream:
        stream.write(random.randbytes(random.choice([1, 100, PAGE])))
    return file.name


def foreign_log(path: Path, random: Random) -> str:
    """The log of another database."""
    del random
    other = path.with_name("other")
    made = make(SQLiteQueue, other, killed=True)
    shutil.copy(made.path / "data.db-wal", path / "data.db-wal")
    shutil.rmtree(other)
    return "log"


MUTATIONS: Final[tuple[Callable[[Path, Random], str], ...]] = (
    truncate,
    zero_page,
    garbage,
    swap_pages,
    append,
    foreign_log,
)


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: str(mutate.__name__))
def test_random_mutations(mutate: Callable[[Path, Random], str], original: Original) -> None:
    """No wrong item, the loss is reported, or a typed error with the file's name."""
    with quick_directory() as path:
        for seed in range(4):
            copy = Path(shutil.copytree(original.path, path / "copy"))
            story = f"{mutate.__name__} {seed}: " + mutate(
                copy, Random(f"{mutate.__name__} {seed}")
            )
            is_log = mutate is foreign_log or "data.db-wal" in story
            check(original, copy, story, is_log=is_log)
            shutil.rmtree(copy)
            record("mutations")


def test_payloads_swapped_between_rows(tmp_path: Path) -> None:
    """A payload that another row has, with the checksum that was not made for it, is not delivered."""
    with closing(SQLiteQueue[int](tmp_path, serializer=Serializer)) as queue:
        queue.put_many([1, 2, 3])
    with closing(sqlite3.connect(tmp_path / "data.db")) as database, database:
        database.execute(
            "UPDATE queue_default SET data = (SELECT data FROM queue_default WHERE _id = 2)"
            " WHERE _id = 1"
        )
    with closing(SQLiteQueue[int](tmp_path, serializer=Serializer)) as queue:
        assert len(queue.verify()) == 1
        assert drained(queue) == ([2, 3], 1)
        assert [letter.id for letter in queue.dead_letters()] == [1]


@pytest.mark.parametrize("count", [1, 2], ids=["get", "get_many"])
def test_an_index_that_names_what_is_settled(tmp_path: Path, count: int) -> None:
    """Where an index has an item ready that is settled, that does not come again, not even once."""
    with closing(SQLiteAckQueue[int](tmp_path, serializer=Serializer)) as queue:
        queue.put_many([1, 2, 3, 4])
        queue.ack(queue.get(id=2))
    # The key (ready, priority 0, id 3, never due) of the row 3, as an index has it: file format,
    # section 2.1. Now both are 2.
    key = bytes.fromhex("06 09 08 01 00 01")
    file = tmp_path / "data.db"
    data = file.read_bytes()
    assert data.count(key + b"\3\3") == 1
    file.write_bytes(data.replace(key + b"\3\3", key + b"\2\2"))
    with closing(SQLiteAckQueue[int](tmp_path, serializer=Serializer)) as queue:
        assert queue.get() == 1
        for _ in range(3):
            with pytest.raises(StorageCorrupt, match=r"data\.db.*repair\(\)"):
                queue.get_many(count) if count > 1 else queue.get()
        queue.repair()
        assert queue.verify() == []
        assert drained(queue) == ([3, 4], 0)


def test_repair_sets_aside_and_keeps_the_rest(tmp_path: Path) -> None:
    """What fails its checksum becomes a dead letter with its bytes; all else is delivered."""
    with closing(SQLiteAckQueue[int](tmp_path, serializer=Serializer)) as queue:
        queue.put_many([1, 2, 3, 4])
    with closing(sqlite3.connect(tmp_path / "data.db")) as database, database:
        database.execute("UPDATE ack_queue_default SET data = x'00ff' WHERE _id IN (2, 3)")
    with closing(SQLiteAckQueue[int](tmp_path, serializer=Serializer)) as queue:
        assert [damage.path for damage in queue.repair()] == [tmp_path / "data.db"] * 2
        assert queue.verify() == []
        assert [letter.data for letter in queue.dead_letters()] == [b"\x00\xff"] * 2
        assert drained(queue) == ([1, 4], 0)


def test_a_message_that_quotes_what_is_damaged(tmp_path: Path) -> None:
    """Where SQLite's own message is no text any more, because it quotes damage, it is damage too."""
    with closing(SQLiteQueue[int](tmp_path)) as queue:
        queue.put(1)
    file = tmp_path / "data.db"
    data = file.read_bytes()
    at = data.index(b"CREATE TABLE") + len("CREATE TAB")
    file.write_bytes(data[:at] + b"\xe1" + data[at + 1 :])
    with pytest.raises(StorageCorrupt, match=r"data\.db"):
        SQLiteQueue(tmp_path)
