"""The `persistqueue` command, as a shell runs it: real processes, pipes and signals."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import persistqueue

PROGRAM = [sys.executable, "-m", "persistqueue"]
Run = Callable[..., "subprocess.CompletedProcess[bytes]"]

needs_sh = pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(here: Path) -> Run:
    """Runs the command to its end."""

    def run(*arguments: str, stdin: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [*PROGRAM, *arguments], input=stdin, capture_output=True, cwd=here, check=False
        )

    return run


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Children can be interrupted, even where this process ignores it, as in a background job."""
    if os.name == "nt":
        pytest.skip("needs SIGINT")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def shell(script: str) -> "subprocess.CompletedProcess[bytes]":
    """Runs a script of bash in which `pq` is the command."""
    pq = f'pq() {{ "{sys.executable}" -m persistqueue "$@"; }}; set -o pipefail; '
    return subprocess.run(["bash", "-c", pq + script], capture_output=True, check=False)


def items_of(path: Path) -> list[object]:
    """What a fresh queue object sees there."""
    with persistqueue.Queue[object](path) as queue:
        assert queue.verify() == []
        return list(queue.browse())


def test_lines_go_in_and_come_out_in_order(run: Run) -> None:
    """`put` stores each line and `get --all` prints them as they were, and then no more."""
    lines = b"".join(b"line %d\n" % number for number in range(10_000))
    assert run("put", "q", stdin=lines).returncode == 0
    got = run("get", "q", "--all")
    assert (got.returncode, got.stdout, got.stderr) == (0, lines, b"")
    assert run("get", "q").returncode == 1


@needs_sh
@pytest.mark.usefixtures("here")
def test_commands_compose() -> None:
    """The commands work in a pipeline like any filter."""
    done = shell("seq 10 | pq put q && pq get q --all | wc -l")
    assert (done.returncode, done.stdout.strip()) == (0, b"10")


def test_every_byte_survives(run: Run) -> None:
    """Bytes that are no UTF-8, an empty line and a missing last line end come back as they were."""
    odd = b"caf\xe9\n\n\xff\xfe \x00 \xed\xa0\x80\nb\r\nlast"
    assert run("put", "q", stdin=odd).returncode == 0
    assert run("get", "q", "--all").stdout == odd + b"\n"


def test_put_reads_a_file(run: Run, here: Path) -> None:
    """`put PATH FILE` puts the lines of the file, however long."""
    (here / "text").write_bytes(b"a" * 300_000 + b"\nb\n")
    assert run("put", "q", "text").returncode == 0
    assert items_of(here / "q") == ["a" * 300_000, "b"]


def test_put_of_a_missing_file_makes_no_queue(run: Run, here: Path) -> None:
    """A wrong FILE is told, and nothing is left behind."""
    done = run("put", "q", "missing")
    assert done.returncode == 2
    assert done.stderr.startswith(b"persistqueue: missing: No such file or directory; name a file")
    assert not (here / "q").exists()


def test_put_does_not_wait_for_the_end(here: Path) -> None:
    """A line is in the queue as soon as it was written to `put`, as from `tail -f`."""
    with subprocess.Popen([*PROGRAM, "put", "q"], stdin=subprocess.PIPE, bufsize=0) as put:
        assert put.stdin is not None
        put.stdin.write(b"first\nsec")
        with persistqueue.Queue[object](here / "q") as queue:
            assert queue.get(timeout=30) == "first"
            queue.task_done()
            assert put.poll() is None
            put.stdin.write(b"ond\n")
            assert queue.get(timeout=30) == "second"
            queue.task_done()


def test_get_waits_as_long_as_it_is_told(here: Path, run: Run) -> None:
    """`get --timeout` prints an item that another process puts later."""
    run("put", "q")
    with subprocess.Popen(
        [*PROGRAM, "get", "q", "--timeout", "30"], stdout=subprocess.PIPE
    ) as getting:
        with persistqueue.Queue[object](here / "q") as queue:
            queue.put("late")
        assert getting.communicate()[0] == b"late\n"
    assert getting.returncode == 0


@pytest.mark.slow
def test_n_items(run: Run) -> None:
    """`-n` is how many; fewer are there is no failure, none is."""
    run("put", "q", stdin=b"a\nb\nc\n")
    assert run("peek", "q", "-n", "2").stdout == b"a\nb\n"
    assert run("get", "q", "-n", "2").stdout == b"a\nb\n"
    assert run("peek", "q").stdout == b"c\n"
    last = run("get", "q", "-n", "2")
    assert (last.returncode, last.stdout) == (0, b"c\n")
    assert run("peek", "q").returncode == 1


def test_items_that_are_no_text(run: Run, here: Path) -> None:
    """Bytes are printed as they are, what JSON knows as JSON, anything else as its repr."""
    with persistqueue.Queue[object](here / "q") as queue:
        queue.put_many([None, {"ä": [1, 2.5]}, b"\xff", 1j, "\ud800"])
    assert run("get", "q", "--all").stdout == (
        'null\n{"ä": [1, 2.5]}\n'.encode() + b"\xff\n1j\n\\ud800\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("serializer", ["pickle", "json", "msgpack", "cbor2"])
def test_serializer(run: Run, here: Path, serializer: str) -> None:
    """`--serializer` is the queue's own."""
    assert run("put", "q", "--serializer", serializer, stdin="ä\n".encode()).returncode == 0
    module = getattr(persistqueue.serializers, serializer)
    with persistqueue.Queue[object](here / "q", serializer=module) as queue:
        assert list(queue.browse()) == ["ä"]
    assert run("get", "q", "--serializer", serializer).stdout == "ä\n".encode()


def test_path_may_be_a_url(run: Run, here: Path) -> None:
    """A URL names the queue, with its options."""
    url = (here / "my queue").as_uri() + "?durability=full"
    assert run("put", url, stdin=b"a\n").returncode == 0
    assert run("get", "my queue", "--durability", "off").stdout == b"a\n"


@pytest.mark.slow
def test_stats(run: Run) -> None:
    """`stats` tells the figures of the queue, to people and as JSON."""
    run("put", "q", stdin=b"a\nb\n")
    told = json.loads(run("stats", "q", "--json").stdout)
    assert (told["ready"], told["leased"], told["dead"]) == (2, 0, 0)
    assert run("stats", "q").stdout.split()[:2] == [b"ready", b"2"]


@pytest.mark.slow
def test_verify_finds_and_repair_sets_aside(run: Run, here: Path) -> None:
    """`verify` tells damage and exits with 1; after `repair` it finds none."""
    with persistqueue.Queue[object](here / "q") as queue:
        for number in range(100):  # one by one: what is put together is damaged together
            queue.put(f"line {number}")
    assert run("verify", "q").returncode == 0
    segment = here / "q" / "q00000"
    data = bytearray(segment.read_bytes())
    data[len(data) // 2] ^= 1
    segment.write_bytes(data)
    found = run("verify", "q")
    assert found.returncode == 1
    assert b"q00000" in found.stdout
    assert run("repair", "q").returncode == 0
    assert run("verify", "q").returncode == 0
    left = run("get", "q", "--all").stdout.splitlines()
    assert 0 < len(left) < 100
    assert left == [b"line %d" % number for number in range(100) if b"line %d" % number in left]


@pytest.mark.parametrize("command", ["get", "peek", "stats", "verify", "repair"])
@pytest.mark.parametrize("path", ["text", "sqlite:text"])
def test_a_path_that_is_a_file(run: Run, here: Path, command: str, path: str) -> None:
    """It is told as what it is, and left alone."""
    (here / "text").write_text("mine")
    done = run(command, path)
    assert done.returncode == 2
    assert b"text: a file; name the directory of a queue" in done.stderr
    assert (here / "text").read_text() == "mine"


@pytest.mark.parametrize("command", ["get", "peek", "stats", "verify", "repair"])
@pytest.mark.parametrize("path", ["missing", "empty"])
def test_only_put_makes_a_queue(run: Run, here: Path, command: str, path: str) -> None:
    """A path without a queue is told, and stays without."""
    (here / "empty").mkdir()
    done = run(command, path)
    assert done.returncode == 2
    assert done.stdout == b""
    assert b"there is no queue here" in done.stderr
    assert not (here / "missing").exists()
    assert list((here / "empty").iterdir()) == []


KINDS = ["fifo", "filo", "unique", "priority", "ack", "filo-ack", "unique-ack"]
#: The others differ from these in their class only.
QUICK = ("fifo", "ack")


@pytest.mark.slow
@pytest.mark.parametrize(
    "kind",
    [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in KINDS],
)
def test_sqlite_queues(run: Run, here: Path, kind: str) -> None:
    """With --kind a directory is that of a database, and a URL names the same queue."""
    assert run("put", "q", "--kind", kind, stdin=b"a\nb\nc\n").returncode == 0
    expected = b"c\nb\na\n" if kind.startswith("filo") else b"a\nb\nc\n"
    url = (here / "q").as_uri().replace("file:", "sqlite:") + f"?kind={kind}"
    assert run("peek", url).stdout == expected[:2]
    assert run("get", "q", "--kind", kind).stdout == expected[:2]
    assert run("get", url, "--all").stdout == expected[2:]
    assert run("get", url).returncode == 1
    assert run("verify", f"sqlite:q?kind={kind}").returncode == 0
    told = json.loads(run("stats", url, "--json").stdout)
    assert (told["ready"], told["leased"], told["dead"]) == (0, 0, 0)
    assert told["reclaimable"] >= 0


@pytest.mark.slow
def test_sqlite_queues_share_a_directory(run: Run) -> None:
    """--name tells queues of one database apart."""
    assert run("put", "q", "--name", "one", stdin=b"1\n").returncode == 0
    assert run("put", "q", "--name", "two", "--kind", "ack", stdin=b"2\n").returncode == 0
    assert run("get", "q", "--name", "two", "--kind", "ack").stdout == b"2\n"
    assert run("get", "sqlite:q?name=one").stdout == b"1\n"


@pytest.mark.parametrize("command", ["get", "peek", "stats", "verify", "repair"])
@pytest.mark.parametrize("path", ["missing", "empty"])
def test_only_put_makes_a_database(run: Run, here: Path, command: str, path: str) -> None:
    """A path without a database is told, and stays without."""
    (here / "empty").mkdir()
    done = run(command, f"sqlite:{path}", "--kind", "ack")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"there is no queue here" in done.stderr
    assert not (here / "missing").exists()
    assert list((here / "empty").iterdir()) == []


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("kind", ["fifo", "ack"])
def test_item_that_could_not_be_written_stays_in_sqlite(run: Run, kind: str) -> None:
    """An item leaves an SQLite queue only after it was written out."""
    run("put", "q", "--kind", kind, stdin=b"a\nb\n")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, "get", "q", "--kind", kind], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert run("get", "q", "--kind", kind, "--all").stdout == b"a\nb\n"


@pytest.mark.slow
def test_damage_in_sqlite_is_set_aside(run: Run, here: Path) -> None:
    """`verify` finds a changed payload, and after `repair` the others come."""
    run("put", "q", "--kind", "ack", stdin=b"a\nb\nc\n")
    with closing(sqlite3.connect(here / "q" / "data.db")) as database, database:
        database.execute("UPDATE ack_queue_default SET data = x'00' WHERE _id = 2")
    found = run("verify", "q", "--kind", "ack")
    assert (found.returncode, b"item 2" in found.stdout) == (1, True)
    assert run("repair", "q", "--kind", "ack").returncode == 0
    assert run("verify", "q", "--kind", "ack").returncode == 0
    assert run("get", "q", "--kind", "ack", "--all").stdout == b"a\nc\n"


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("get", "q", "--kind", "stack"),
        ("put", "file:q", "--kind", "fifo"),
        ("put", "sqlite:q?nosuch=option"),
        ("put", "sqlite:q", "--name", ""),
        ("pop", "q"),
        ("get", "q", "-n", "-1"),
        ("get", "q", "-n", "1", "--all"),
        ("get", "q", "--timeout", "-1"),
        ("get", "q", "--timeout", "nan"),
        ("get", "nosuch://scheme"),
        ("put", "file:///tmp?nosuch=option"),
    ],
)
def test_wrong_call(run: Run, arguments: tuple[str, ...]) -> None:
    """A wrong call exits with 2 and a message, not a traceback."""
    done = run(*arguments)
    assert done.returncode == 2
    assert b"persistqueue" in done.stderr
    assert b"Traceback" not in done.stderr


def test_path_that_is_a_file(run: Run, here: Path) -> None:
    """A file where the queue should be exits with 2 and is untouched."""
    (here / "q").write_bytes(b"mine")
    done = run("put", "q", stdin=b"a\n")
    assert (done.returncode, done.stderr[:14]) == (2, b"persistqueue: ")
    assert b"Traceback" not in done.stderr
    assert (here / "q").read_bytes() == b"mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_item_that_could_not_be_written_stays(run: Run, here: Path) -> None:
    """An item leaves the queue only after it was written out."""
    run("put", "q", stdin=b"a\nb\n")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, "get", "q"], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 2
    assert b"No space left" in done.stderr
    assert b"Exception ignored" not in done.stderr
    assert items_of(here / "q") == ["a", "b"]


LINES = [f"{number:06} {'x' * 93}" for number in range(20_000)]


@pytest.fixture
def long(here: Path) -> Path:
    """A queue whose items do not fit into a pipe by far."""
    with persistqueue.Queue[object](here / "q") as queue:
        queue.put_many(LINES)
    return here / "q"


@pytest.mark.slow
@needs_sh
def test_reader_that_goes_away(long: Path) -> None:
    """`get --all | head -1` ends quietly, as cat does, and what was not written stays in order."""
    done = shell("pq get q --all | head -n 1")
    assert (done.returncode, done.stderr) == (141, b"")
    assert done.stdout == LINES[0].encode() + b"\n"
    left = items_of(long)
    assert left
    assert left == LINES[-len(left) :]


@pytest.mark.slow
@pytest.mark.usefixtures("interruptible")
def test_interrupted_get_loses_nothing(long: Path) -> None:
    """After Ctrl-C in the middle of `get --all` each item was printed or is still there."""
    with subprocess.Popen(
        [*PROGRAM, "get", "q", "--all"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as getting:
        assert getting.stdout is not None
        first = getting.stdout.readline()
        getting.send_signal(signal.SIGINT)
        rest, errors = getting.communicate()
    assert (getting.returncode, errors) == (130, b"")
    # Behind the last line end is a line that was cut short: not printed, so still there.
    printed = (first + rest).decode().split("\n")[:-1]
    left = items_of(long)
    assert set(printed) | set(left) == set(LINES)
    assert left == LINES[-len(left) :]


@pytest.mark.usefixtures("interruptible")
def test_interrupted_put_keeps_what_it_has_put(here: Path) -> None:
    """After Ctrl-C in `put` the lines that were read are in the queue."""
    with subprocess.Popen(
        [*PROGRAM, "put", "q"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
    ) as put:
        assert put.stdin is not None
        put.stdin.write(b"a\nb\n")
        with persistqueue.Queue[object](here / "q") as queue:
            assert queue.get(timeout=30) == "a"
        put.send_signal(signal.SIGINT)
        _, errors = put.communicate()
    assert (put.returncode, errors) == (130, b"")
    assert items_of(here / "q") == ["a", "b"]


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_progress_is_for_terminals(run: Run, here: Path) -> None:
    """`put` shows a bar on a terminal's standard error, and nothing anywhere else."""
    (here / "text").write_bytes(b"a\n" * 1000)
    plain = run("put", "q", "text")
    assert (plain.stdout, plain.stderr) == (b"", b"")
    seen, terminal = os.openpty()
    try:
        subprocess.run([*PROGRAM, "put", "q", "text"], stderr=terminal, check=True)
        assert b"put" in os.read(seen, 1 << 16)
    finally:
        os.close(terminal)
        os.close(seen)
