"""`persistqueue import`: queues of other libraries, whole or not at all."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import pickle
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from persistqueue import Queue, SQLiteQueue, UniqueQ, open_queue
from persistqueue.cli import main
from persistqueue.cli._arguments import parser
from persistqueue.importing import FORMATS
from pq_core.errors import Empty

FIXTURES = Path(__file__).parents[1] / "fixtures" / "legacy"
EXPECTED: dict[str, dict[str, Any]] = json.loads(
    (FIXTURES / "import" / "expected.json").read_text()
)
CHUNKED: dict[str, dict[str, Any]] = json.loads((FIXTURES / "file" / "expected.json").read_text())
#: (fixture, name of the queue in it or None, the reprs of its items).
CASES = [
    *(
        (f"import/{name}", None, about["items"])
        for name, about in EXPECTED.items()
        if "items" in about
    ),
    *(
        (f"import/{name}", queue, items)
        for name, about in EXPECTED.items()
        for queue, items in about.get("queues", {}).items()
        if queue
    ),
    *(
        (f"file/{name}", None, about["items"])
        for name, about in CHUNKED.items()
        if "queuelib" in name
    ),
]
#: What the arguments of a destination are.
DESTINATIONS = {
    "file": ["dest"],
    "sqlite": ["dest", "--kind", "ack", "--name", "old"],
}

Run = Callable[..., "tuple[int, str, str]"]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `persistqueue import` in an empty directory: its status, output and complaints."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["import", *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


def copied(fixture: str, to: Path) -> Path:
    """A copy of a fixture, with the log of a database beside it."""
    source = FIXTURES / fixture
    if source.is_dir():
        shutil.copytree(source, to)
        return to
    shutil.copy(source, to)
    if (log := source.with_name(f"{source.name}-wal")).exists():
        shutil.copy(log, f"{to}-wal")
    return to


def contents(path: Path) -> dict[str, str]:
    """A digest of each file at a path; the index of a log, which SQLite makes, is none."""
    files = path.rglob("*") if path.is_dir() else path.parent.glob(f"{path.name}*")
    return {
        str(file): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
        if file.is_file() and not file.name.endswith("-shm")
    }


def drained(destination: list[str]) -> list[object]:
    """What a fresh object delivers, all of it; it finds nothing damaged."""
    scheme = "sqlite" if "--kind" in destination else "file"
    options = dict(zip(destination[1::2], destination[2::2], strict=True))
    found: list[object] = []
    url = f"{scheme}:{destination[0]}"
    given = {name[2:]: value for name, value in options.items()}
    with open_queue(url, durability="off", **given) as queue:
        assert queue.verify() == []
        while True:
            try:
                found.append(queue.get_nowait())
            except Empty:
                return found


def fill_chunks(path: Path, count: int) -> Path:
    """A queuelib directory with this many items, in its layout."""
    path.mkdir()
    items = [b"%d" % number for number in range(count)]
    data = b"".join(struct.pack(">I", len(item)) + item for item in items)
    (path / "q00000").write_bytes(data)
    info = {"chunksize": 100_000, "size": count, "head": [0, count], "tail": [0, 0, 0]}
    (path / "info.json").write_text(json.dumps(info))
    return path


@pytest.mark.parametrize(
    ("fixture", "name", "items", "destination"),
    [
        *((*case, DESTINATIONS["file"]) for case in CASES),
        *((*case, DESTINATIONS["sqlite"]) for case in CASES[:3]),
    ],
)
def test_everything_comes_along(
    fixture: str,
    name: str | None,
    items: list[str],
    destination: list[str],
    run: Run,
    tmp_path: Path,
) -> None:
    """Each format is told from its files, each item arrives in order, and the source stays."""
    source = copied(fixture, tmp_path / "source")
    before = contents(source)
    named = [] if name is None else ["--source-name", name]
    if fixture.endswith("unclosed"):
        named += ["--from", "queuelib"]
    status, output, errors = run(source, *destination, "--allow-pickle", *named)
    assert (status, errors) == (0, "")
    assert output.startswith(f"imported {len(items)} items of ")
    assert [repr(item) for item in drained(destination)] == items
    assert contents(source) == before


def test_the_formats_that_can_be_asked_for() -> None:
    """`--from` takes the formats that there are readers for."""
    (commands,) = (action for action in parser()._actions if action.dest == "==SUPPRESS==")
    assert isinstance(commands.choices, dict)
    (choice,) = (a for a in commands.choices["import"]._actions if a.dest == "source_format")
    assert choice.choices is not None
    assert set(choice.choices) == set(FORMATS)


def test_a_stack_stays_one(run: Run, tmp_path: Path) -> None:
    """A LIFO queue in a FILO queue gives the newest item first."""
    source = copied("import/queuelib-1.10.0-lifo", tmp_path / "source")
    destination = ["dest", "--kind", "filo"]
    assert run(source, *destination)[0] == 0
    newest_first = [ast.literal_eval(item) for item in EXPECTED[source_name("lifo")]["items"][::-1]]
    assert drained(destination) == newest_first


def source_name(case: str) -> str:
    """The fixture of queuelib with that case."""
    return f"queuelib-1.10.0-{case}"


def test_what_is_left_out_is_told(run: Run, tmp_path: Path) -> None:
    """Failed items of litequeue and other entries of a cache are counted in the output."""
    source = copied("import/litequeue-0.9.db", tmp_path / "lite.db")
    assert "left out: 1 failed" in run(source, "a")[1]
    source = copied("import/diskcache-5.6.3-pushed", tmp_path / "cache")
    assert "4 other or expired entries" in run(source, "b")[1]
    source = copied(f"import/{source_name('unclosed')}", tmp_path / "unclosed")
    assert "info.json is missing" in run(source, "c", "--from", "queuelib")[1]


def test_one_of_several_queues_has_to_be_named(run: Run, tmp_path: Path) -> None:
    """Where a file holds several queues, the error lists their names."""
    source = copied("import/litequeue-0.9-two.db", tmp_path / "two.db")
    status, _, errors = run(source, "dest")
    assert (status, "'Queue', 'my mails'" in errors) == (2, True)
    status, _, errors = run(source, "dest", "--source-name", "mail")
    assert (status, "'mail' is meant" in errors) == (2, True)
    assert not (tmp_path / "dest").exists()


# -- what needs no import, or cannot be imported ---------------------------------------------------


@pytest.mark.parametrize(
    "fixture",
    [
        "file/persist-queue-1.1.0-pickle-half",
        "file/pqueue-0.1.7-pickle-half",
        "sqlite/1.1.0-SQLiteAckQueue.db",
        "sqlite/0.8.1-PDict.db",
    ],
)
def test_what_opens_in_place_is_told(fixture: str, run: Run, tmp_path: Path) -> None:
    """A queue of persist-queue or pqueue needs no import, and the error says so."""
    status, _, errors = run(copied(fixture, tmp_path / "source"), "dest")
    assert (status, "opens as it is" in errors) == (2, True)


def test_our_own_queues_open_in_place(run: Run, tmp_path: Path) -> None:
    """So do queues of this library, and a table of pq."""
    Queue[int](tmp_path / "file").close()
    SQLiteQueue[int](tmp_path / "sqlite").close()
    for source in (tmp_path / "file", tmp_path / "sqlite", "postgresql://user@host/database"):
        status, _, errors = run(source, "dest")
        assert (status, "opens as it is" in errors) == (2, True)


def test_what_is_no_queue(run: Run, tmp_path: Path) -> None:
    """A missing path, an empty directory, a text and a foreign database are told apart."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("no queue at all")
    with closing(sqlite3.connect(tmp_path / "foreign.db")) as database:
        database.execute("CREATE TABLE something (a)")
    for name in ("empty", "text", "foreign.db"):
        assert "no queue that import knows" in run(name, "dest")[2]
    assert "there is nothing here" in run("missing", "dest")[2]
    assert "there is nothing here" in run("missing", "dest", "--from", "queuelib")[2]
    copied(f"import/{source_name('unclosed')}", tmp_path / "chunks")
    assert "--from queuelib" in run("chunks", "dest")[2]
    assert not (tmp_path / "dest").exists()


# -- pickles and hostile sources -------------------------------------------------------------------


def test_a_pickle_is_only_loaded_when_allowed(run: Run, tmp_path: Path) -> None:
    """Without --allow-pickle nothing of a pickle is run, and nothing is imported."""
    source = copied("import/diskcache-5.6.3-deque", tmp_path / "source")
    hostile = pickle.dumps(Hostile(), protocol=4)
    with closing(sqlite3.connect(source / "cache.db")) as database:
        database.execute("UPDATE Cache SET value = ? WHERE mode = 4", (hostile,))
        database.commit()
    status, _, errors = run(source, "dest")
    assert (status, "--allow-pickle" in errors) == (2, True)
    assert not (tmp_path / "dest").exists()
    assert not (tmp_path / "ran").exists()
    assert run(source, "dest", "--allow-pickle", "--salvage")[0] == 0
    assert (tmp_path / "ran").exists()  # so the test above could have failed


class Hostile:
    """An item whose pickle makes a directory when it is loaded."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


@pytest.mark.parametrize("outside", ["../secret", "/etc/hostname"])
def test_a_file_outside_of_the_cache_is_not_read(outside: str, run: Run, tmp_path: Path) -> None:
    """A value that names a file elsewhere is damage, and not a way to read that file."""
    (tmp_path / "secret").write_text("secret")
    source = copied("import/diskcache-5.6.3-deque", tmp_path / "source")
    with closing(sqlite3.connect(source / "cache.db")) as database:
        changed = database.execute("UPDATE Cache SET filename = ? WHERE mode = 2", (outside,))
        assert changed.rowcount == 1
        database.commit()
    status, _, errors = run(source, "dest", "--allow-pickle")
    assert (status, "outside of the cache" in errors) == (2, True)
    status, output, _ = run(source, "dest", "--allow-pickle", "--salvage")
    assert (status, "left out" in output) == (0, True)
    assert len(drained(["dest"])) == len(EXPECTED["diskcache-5.6.3-deque"]["items"]) - 1


# -- damage ----------------------------------------------------------------------------------------


def test_damage_is_told_and_stepped_over_when_asked(run: Run, tmp_path: Path) -> None:
    """A chunk cut short stops the import with its name and offset; --salvage keeps the rest."""
    source = copied("file/queuelib-1.10.0-bytes-fresh", tmp_path / "source")
    chunk = source / "q00001"
    chunk.write_bytes(chunk.read_bytes()[:-2])
    status, _, errors = run(source, "dest")
    assert (status, "q00001 at byte " in errors, "--salvage" in errors) == (2, True, True)
    assert not (tmp_path / "dest").exists()
    status, output, _ = run(source, "dest", "--salvage")
    assert (status, "q00001: " in output) == (0, True)
    whole = CHUNKED["queuelib-1.10.0-bytes-fresh"]["items"]
    assert [repr(item) for item in drained(["dest"])] == whole[:5] + whole[6:]


@pytest.mark.parametrize("damage", ["info", "missing"])
def test_a_damaged_directory(damage: str, run: Run, tmp_path: Path) -> None:
    """A broken info.json and a missing chunk stop the import unless --salvage is given."""
    source = copied("file/queuelib-1.10.0-bytes-fresh", tmp_path / "source")
    if damage == "info":
        (source / "info.json").write_text("{")
    else:
        (source / "q00001").unlink()
    assert run(source, "dest")[0] == 2
    assert run(source, "dest", "--salvage")[0] == 0
    items = CHUNKED["queuelib-1.10.0-bytes-fresh"]["items"]
    wanted = items if damage == "info" else items[:3] + items[6:]
    assert [repr(item) for item in drained(["dest"])] == wanted


def test_a_stack_cut_short(run: Run, tmp_path: Path) -> None:
    """A LIFO file whose end is missing has no item that could be found."""
    source = copied(f"import/{source_name('lifo')}", tmp_path / "source")
    source.write_bytes(source.read_bytes()[:-1])
    status, _, errors = run(source, "dest", "--from", "queuelib-lifo")
    assert (status, "do not lead to its beginning" in errors) == (2, True)


# -- all or nothing --------------------------------------------------------------------------------


@pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))
def test_the_same_command_twice_is_refused(
    destination: list[str], run: Run, tmp_path: Path
) -> None:
    """A queue that holds items is not imported into, so nothing comes twice."""
    source = fill_chunks(tmp_path / "source", 3)
    assert run(source, *destination)[0] == 0
    status, _, errors = run(source, *destination)
    assert (status, "already" in errors) == (2, True)
    assert drained(destination) == [b"0", b"1", b"2"]


@pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))
def test_an_item_that_cannot_be_put(destination: list[str], run: Run, tmp_path: Path) -> None:
    """An error in the middle leaves nothing behind."""
    source = fill_chunks(tmp_path / "source", 1000)
    status, _, errors = run(source, *destination, "--serializer", "json")
    assert (status, "cannot be serialized" in errors) == (2, True)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("dest.")] == []
    assert run(source, *destination)[0] == 0
    assert len(drained(destination)) == 1000


def test_equal_items_in_a_unique_queue(run: Run, tmp_path: Path) -> None:
    """What a unique queue holds of equal items is told."""
    source = copied("file/queuelib-1.10.0-bytes-fresh", tmp_path / "source")
    with closing(sqlite3.connect(tmp_path / "twice.db")) as database:
        database.execute("CREATE TABLE queue (id INTEGER PRIMARY KEY, item BLOB)")
        database.execute("INSERT INTO queue (item) VALUES (x'61'), (x'61'), (x'62')")
        database.commit()
    status, output, _ = run("twice.db", "dest", "--kind", "unique")
    assert (status, "the queue holds 2 items" in output) == (0, True)
    with UniqueQ[bytes]("dest") as queue:
        assert list(queue.browse()) == [b"a", b"b"]
    assert source.exists()


KILLED = """
    import dataclasses, os, signal, sys
    from persistqueue.cli import _import, main
    from persistqueue.importing import _target

    moment, number = sys.argv[1], int(sys.argv[2])
    calls = 0

    def deadly(function, before):
        def call(*args):
            global calls
            calls += 1
            if before and calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*args)
            if calls == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return result
        return call

    if moment == "batch":
        # Before the slice that is put next.
        _target.islice = deadly(_target.islice, True)
    elif moment == "all":
        _target._put_all = deadly(_target._put_all, False)
    elif moment == "rename":
        rename = deadly(_target.DISK.rename, False)
        _target.DISK = dataclasses.replace(_target.DISK, rename=rename)
    else:
        _import.write = deadly(_import.write, True)
    main(["import", *sys.argv[3:]])
"""


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
@pytest.mark.parametrize("destination", DESTINATIONS.values(), ids=list(DESTINATIONS))
@pytest.mark.parametrize(
    ("moment", "number", "done"),
    [
        ("batch", 3, False),
        pytest.param("all", 1, False, marks=pytest.mark.slow),
        ("end", 1, True),
    ],
)
def test_kill_9(
    moment: str, number: int, done: bool, destination: list[str], run: Run, tmp_path: Path
) -> None:
    """Whenever it is killed, the same command again leaves every item once, in order."""
    source = fill_chunks(tmp_path / "source", 1000)
    killed(moment, number, source, destination)
    status, _, errors = run(source, *destination)
    assert (status, errors == "") == ((2, False) if done else (0, True))
    assert drained(destination) == [b"%d" % number for number in range(1000)]
    assert [path.name for path in tmp_path.iterdir() if "importing" in path.name] == []


@pytest.mark.skipif(os.name == "nt", reason="needs SIGKILL")
def test_kill_9_after_the_rename(run: Run, tmp_path: Path) -> None:
    """A file queue that has got its name is complete; what is beside it is gone the next time."""
    source = fill_chunks(tmp_path / "source", 1000)
    killed("rename", 1, source, ["dest"])
    assert run(source, "dest")[0] == 2
    assert drained(["dest"]) == [b"%d" % number for number in range(1000)]
    shutil.rmtree(tmp_path / "dest")
    assert run(source, "dest")[0] == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dest", "source"]


def killed(moment: str, number: int, source: Path, destination: list[str]) -> None:
    """Runs an import that kills itself at that moment."""
    script = textwrap.dedent(KILLED)
    command = [sys.executable, "-c", script, moment, str(number), str(source), *destination]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL


def test_two_imports_at_once(run: Run, tmp_path: Path) -> None:
    """A second import into the file queue that is being made is refused, and harms nothing."""
    from persistqueue.importing._target import _workshop

    source = fill_chunks(tmp_path / "source", 3)
    with _workshop(tmp_path / "dest") as workshop:
        (workshop / "dest").mkdir()
        status, _, errors = run(source, "dest")
        assert (status, "another import" in errors) == (2, True)
        assert (workshop / "dest").exists()
    assert run(source, "dest")[0] == 0


@pytest.mark.skipif(os.name == "nt", reason="needs a terminal of POSIX")
def test_somebody_who_looks_on_sees_a_bar(tmp_path: Path) -> None:
    """On a terminal a bar counts the items; the output stays as it is."""
    source = fill_chunks(tmp_path / "source", 300)
    seen, terminal = os.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "persistqueue", "import", source, tmp_path / "dest"],
            stdout=subprocess.PIPE,
            stderr=terminal,
            check=True,
        )
        assert b"300/300" in os.read(seen, 1 << 16)
    finally:
        os.close(seen)
        os.close(terminal)
    assert done.stdout == b"imported 300 items of queuelib\n"


def mysql_url(place: dict[str, Any]) -> str:
    """The arguments of a queue as a URL."""
    user, password = quote(place["user"], ""), quote(place["passwd"], "")
    return f"mysql://{user}:{password}@{place['host']}:{place['port']}/{place['db_name']}"


def postgres_url(conninfo: str) -> str:
    """A connection string of libpq as a URL."""
    given = pytest.importorskip("psycopg.conninfo").conninfo_to_dict(conninfo)
    user, database = quote(given.pop("user"), ""), quote(given.pop("dbname"), "")
    return f"postgresql://{user}@{given['host']}:{given['port']}/{database}"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wheel", "fixture", "url_of"),
    [("pq_mysql", "mysql_place", mysql_url), ("pq_postgres", "postgres", postgres_url)],
)
def test_into_a_server(
    wheel: str,
    fixture: str,
    url_of: Callable[[Any], str],
    run: Run,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """A killed import into a queue in a server leaves nothing there, and starts again."""
    pytest.importorskip(wheel)
    url = f"{url_of(request.getfixturevalue(fixture))}?name=imported&kind=ack"
    source = fill_chunks(tmp_path / "source", 600)
    killed("batch", 3, source, [url])
    assert run(source, url)[0] == 0
    with open_queue(url) as queue:
        assert list(queue.browse()) == [b"%d" % number for number in range(600)]
    assert run(source, url)[0] == 2
