"""Files that somebody else has made or changed: what they can do to a queue, and what not."""

from __future__ import annotations

import os
import pickle
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from pq_core import serializers
from pq_core.errors import DecodeError, Empty, QueueError, StorageError
from pq_file import Queue
from pq_sqlite import PDict, SQLiteAckQueue, SQLiteQueue

CLASSES: Final = (Queue, SQLiteQueue, SQLiteAckQueue)
queues = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: str(cls.__name__))
#: Names that would do harm where they reached SQL as they are.
NAMES: Final = (
    'x"; DROP TABLE pq_meta; --',
    "x'); DELETE FROM queue_default; --",
    "x] y",
    "with space",
    "tab\tnewline\n",
    "ümläut",
    "%s %d {} ?",
    "select",
    "a" * 200,
)
_RUN: Final[list[str]] = []


def _ran(what: str) -> str:
    _RUN.append(what)
    return what


class Hostile:
    """Pickled, it runs code where it is read."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __reduce__(self) -> tuple[Any, ...]:
        return _ran, (self.what,)


@pytest.fixture(autouse=True)
def run() -> Iterator[list[str]]:
    """What hostile pickles have run."""
    _RUN.clear()
    yield _RUN
    _RUN.clear()


# -- permissions ----------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions")
@pytest.mark.parametrize("umask", [0, 0o022, 0o077])
@queues
def test_only_the_owner_may_look(cls: Any, umask: int, tmp_path: Path) -> None:
    """Directories are 0700 and files 0600, whatever the umask lets through."""
    before = os.umask(umask)
    try:
        with closing(cls(tmp_path / "a" / "b")) as queue:
            queue.put_many(range(3))
            queue.get_nowait()
            found = [tmp_path / "a", *(tmp_path / "a").rglob("*")]
            assert len(found) > 3
            for path in found:
                wanted = 0o700 if path.is_dir() else 0o600
                assert stat.S_IMODE(path.stat().st_mode) == wanted, path
    finally:
        os.umask(before)


# -- identifiers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("cls", [SQLiteQueue, SQLiteAckQueue])
def test_a_name_is_only_a_name(cls: Any, name: str, tmp_path: Path) -> None:
    """A queue may be called anything, and its neighbours are untouched."""
    with closing(cls(tmp_path)) as neighbour:
        neighbour.put("neighbour")
        with closing(cls(tmp_path, name=name)) as queue:
            queue.put_many(["a", "b"])
            assert queue.get_nowait() == "a"
            assert queue.verify() == []
        with closing(cls(tmp_path, name=name)) as queue:
            assert queue.total >= 1
        assert list(neighbour.browse()) == ["neighbour"]
        assert neighbour.verify() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_dictionary_may_be_called_anything(name: str, tmp_path: Path) -> None:
    """So may a PDict, and its keys may be anything too."""
    with closing(PDict(tmp_path, name)) as settings:
        settings[name] = 1
        assert dict(settings) == {name: 1}


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    """The one character that SQLite cannot have in a name is a ValueError."""
    with pytest.raises(ValueError, match="NUL"):
        SQLiteQueue(tmp_path, name="a\0b")


# -- symbolic links -------------------------------------------------------------------------------


def _bystander(tmp_path: Path) -> Path:
    file = tmp_path / "bystander"
    file.write_bytes(b"precious")
    return file


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system follows links")
@pytest.mark.parametrize("name", ["cursor", "lock", "q00000", "c00", "cursor.new", "dead"])
def test_a_link_in_place_of_a_file_of_the_file_queue(name: str, tmp_path: Path) -> None:
    """A link planted in place of a file is refused or replaced; where it leads nothing changes."""
    bystander = _bystander(tmp_path)
    path = tmp_path / "queue"
    path.mkdir()
    (path / name).symlink_to(bystander)
    with suppress(QueueError), Queue[str](path) as queue:
        queue.put("a")
        queue.get()
        queue.task_done()
    assert bystander.read_bytes() == b"precious"


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system follows links")
@pytest.mark.parametrize("name", ["cursor", "lock", "q00000", "c00"])
def test_a_link_planted_later(name: str, tmp_path: Path) -> None:
    """The same in a queue that is there already."""
    bystander = _bystander(tmp_path)
    path = tmp_path / "queue"
    with Queue[str](path) as queue:
        queue.put_many(["a", "b"])
        queue.get()
    (path / name).unlink()
    (path / name).symlink_to(bystander)
    with suppress(QueueError), Queue[str](path) as queue:
        queue.put("c")
        with suppress(Empty):
            queue.get_nowait()
            queue.task_done()
    assert bystander.read_bytes() == b"precious"


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="this system follows links")
@pytest.mark.parametrize("leads", ["to a file", "to nothing"])
@pytest.mark.parametrize("name", ["data.db", "data.db-wal", "data.db-reserve", "data.db-owners"])
def test_a_link_in_place_of_a_file_of_a_database(name: str, leads: str, tmp_path: Path) -> None:
    """A link in place of a database file: where it leads nothing is changed, and nothing is made."""
    bystander = _bystander(tmp_path)
    if leads == "to nothing":
        bystander.unlink()
    path = tmp_path / "queue"
    path.mkdir()
    (path / name).symlink_to(bystander)
    with suppress(QueueError), closing(SQLiteAckQueue[str](path)) as queue:
        queue.put("a")
        queue.get(block=False)
    if leads == "to nothing":
        assert not bystander.exists()
    else:
        assert bystander.read_bytes() == b"precious"


@queues
def test_a_link_to_the_directory_is_followed(cls: Any, tmp_path: Path) -> None:
    """A path that is a link to a directory is the caller's own choice, and the same queue."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with closing(cls(tmp_path / "link")) as queue:
        queue.put("a")
    with closing(cls(tmp_path / "real")) as queue:
        assert queue.get_nowait() == "a"


# -- pickles --------------------------------------------------------------------------------------


@queues
@pytest.mark.parametrize("name", ["json", "msgpack", "cbor2"])
def test_other_serializers_never_run_code(
    cls: Any, name: Any, run: list[str], tmp_path: Path
) -> None:
    """A pickle that somebody put among the items of json, msgpack or cbor2 is an error at most."""
    with closing(cls(tmp_path)) as queue:
        queue.put(Hostile("item"))
    with closing(cls(tmp_path, serializer=name)) as queue:
        with suppress(DecodeError, Empty):
            queue.get_nowait()
        queue.verify()
        queue.repair()
        queue.dead_letters()
    assert run == []


@queues
def test_a_tampered_pickle_is_refused_before_it_is_read(
    cls: Any, run: list[str], tmp_path: Path
) -> None:
    """With a signed serializer what others have written is never unpickled."""
    signed = serializers.signed(serializers.pickle, key=b"k" * 32)
    with closing(cls(tmp_path)) as queue:
        queue.put(Hostile("unsigned"))
    with closing(
        cls(tmp_path, serializer=serializers.signed(serializers.pickle, key=b"x" * 32))
    ) as queue:
        queue.put(Hostile("signed by another"))
    with closing(cls(tmp_path, serializer=signed)) as queue:
        queue.put("mine")
        for _ in range(2):
            with pytest.raises(DecodeError):
                queue.get_nowait()
        assert queue.get_nowait() == "mine"
        assert queue.verify() == []
    assert run == []


def test_every_byte_of_a_signed_item(run: list[str]) -> None:
    """Whatever byte of a signed item is changed, it is refused."""
    signed = serializers.signed(serializers.pickle, key=b"k" * 32)
    data = signed.dumps(Hostile("tampered"))
    for at in range(len(data)):
        for mask in (1, 0x80):
            changed = bytearray(data)
            changed[at] ^= mask
            with pytest.raises(ValueError, match="sign"):
                signed.loads(bytes(changed))
    for length in range(len(data)):
        with pytest.raises(ValueError, match="sign"):
            signed.loads(data[:length])
    assert run == []


# -- a predecessor's info -------------------------------------------------------------------------


def _predecessor(path: Path, info: bytes, chunk: bytes = b"") -> Path:
    path.mkdir()
    (path / "info").write_bytes(info)
    (path / "q00000").write_bytes(chunk)
    return path


def _names(error: StorageError, path: Path) -> None:
    assert str(path) in str(error)


_INFO: Final = {"chunksize": 100, "size": 1, "head": [0, 1, 16], "tail": [0, 0, 0]}


@pytest.mark.parametrize("name", ["json", "msgpack", "cbor2"])
def test_a_hostile_info_is_not_unpickled_by_others(
    name: Any, run: list[str], tmp_path: Path
) -> None:
    """With another serializer than pickle an `info` that is a pickle runs nothing."""
    path = _predecessor(tmp_path / "old", pickle.dumps(Hostile("info")))
    with suppress(StorageError), Queue[Any](path, serializer=name) as queue:
        queue.verify()
    assert run == []


def test_a_hostile_info_runs_nothing_with_pickle(run: list[str], tmp_path: Path) -> None:
    """With pickle too: an `info` holds numbers, and nothing else in it is ever called."""
    path = _predecessor(tmp_path / "old", pickle.dumps(Hostile("info")))
    with suppress(StorageError), Queue[Any](path) as queue:
        queue.verify()
    assert run == []


def test_an_info_with_a_surprise_inside(run: list[str], tmp_path: Path) -> None:
    """A value inside of an otherwise sound `info` that would run code does not."""
    item = pickle.dumps("item")
    info = {**_INFO, "head": [0, 1, len(item)], "size": Hostile("size")}
    path = _predecessor(tmp_path / "old", pickle.dumps(info), item)
    with suppress(StorageError), Queue[Any](path) as queue:
        queue.verify()
    assert run == []


@pytest.mark.parametrize(
    "info",
    [
        b"",
        b"\0" * 100,
        pickle.dumps({**_INFO, "head": [10**9, 1, 16]}),
        pickle.dumps({**_INFO, "tail": [-5, 0, 0]}),
        pickle.dumps({**_INFO, "head": [0, 1, 10**18]}),
        pickle.dumps({**_INFO, "size": 10**30, "chunksize": -1}),
        pickle.dumps({**_INFO, "head": ["../../etc", 1, 1]}),
    ],
    ids=["empty", "zeros", "far chunk", "negative chunk", "far offset", "huge", "path"],
)
def test_an_info_that_lies(info: bytes, tmp_path: Path) -> None:
    """An `info` whose numbers make no sense costs neither memory nor the items that are there."""
    item = pickle.dumps("item")
    path = _predecessor(tmp_path / "old", info, item)
    try:
        with Queue[Any](path) as queue:
            assert list(queue.browse()) in ([], ["item"])
    except StorageError as error:
        _names(error, path)


def test_a_database_of_somebody_else(tmp_path: Path) -> None:
    """Views and triggers in place of the tables of a queue are refused or harmless."""
    (tmp_path / "q").mkdir()
    with closing(sqlite3.connect(tmp_path / "q" / "data.db")) as database, database:
        database.execute("CREATE TABLE secret (x)")
        database.execute("INSERT INTO secret VALUES ('kept')")
        database.execute(
            "CREATE VIEW queue_default AS SELECT 1 AS _id, x AS data, 0 AS timestamp FROM secret"
        )
    with suppress(QueueError), closing(SQLiteQueue[Any](tmp_path / "q")) as queue:
        queue.clear()
    with closing(sqlite3.connect(tmp_path / "q" / "data.db")) as database:
        assert database.execute("SELECT x FROM secret").fetchall() == [("kept",)]
