"""Forks while another thread connects to a server, or makes the first call on a queue."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from pq_core import forking
from pq_core.errors import StorageError
from pq_core.testing.elsewhere import PATIENCE, InThread, is_waiting
from pq_core.testing.errands import in_fork
from pq_mysql import MySQLQueue
from pq_postgres import PostgresQueue

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork"),
    # From 3.12 on; it is what these tests are about.
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]


@contextmanager
def silent_server() -> Iterator[tuple[int, Callable[[], None]]]:
    """A port where connections are taken and nothing is said; and what ends that."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        taken: list[socket.socket] = []

        def hang_up() -> None:
            taken[0].close()
            server.close()

        with InThread() as host:
            host.submit(lambda: taken.append(server.accept()[0]))
            yield server.getsockname()[1], hang_up


def connect_to_mysql(port: int) -> None:
    """Opens a queue; no server is there."""
    with suppress(StorageError):
        MySQLQueue("127.0.0.1", "user", "word", "database", "queue", port)


def connect_to_postgres(port: int) -> None:
    """Opens a queue; no server is there."""
    with suppress(StorageError):
        PostgresQueue(f"postgresql://user@127.0.0.1:{port}/database", name="queue")


@pytest.mark.parametrize("connect", [connect_to_mysql, connect_to_postgres])
def test_a_fork_waits_for_a_connection_in_the_making(
    monkeypatch: pytest.MonkeyPatch, connect: Callable[[int], None]
) -> None:
    """OpenSSL's locks, taken there, cannot be freed in the child: it would hang in its own."""
    monkeypatch.setattr(forking, "PATIENCE", PATIENCE)
    entered = threading.Event()
    enter = forking._Gate.enter

    def seen(gate: forking._Gate) -> None:
        enter(gate)
        entered.set()

    monkeypatch.setattr(forking._Gate, "enter", seen)
    with silent_server() as (port, hang_up), InThread() as one, InThread() as forker:
        connecting = one.submit(connect, port)
        assert entered.wait(PATIENCE)
        child = forker.submit(in_fork, "abc", str.upper)
        assert is_waiting(child)
        hang_up()
        assert child.result(PATIENCE) == "ABC"
        connecting.result(PATIENCE)


#: A queue that no other test has left anything in.
NAME = f"imports nothing {uuid.uuid4().hex}"
#: Prints what the first calls on a queue import.
CALLS = """
import asyncio
import sys
import threading
from pq_async import AsyncAdapter
from pq_core.testing.errands import settle
from {wheel} import {kind}

def call(queue):
    threads = [threading.Thread(target=queue.put, args=(item,)) for item in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle(queue, queue.get())

async def call_awaited(queue):
    await asyncio.gather(*map(queue.put, "abc"))
    item = await queue.get()
    await (queue.ack(item) if hasattr(queue, "ack") else queue.task_done())

async def main():
    queue = {kind}({arguments})
    if {is_awaited}:
        queue = AsyncAdapter(queue)
    before = set(sys.modules)
    if {is_awaited}:
        await call_awaited(queue)
    else:
        call(queue)
    print(*set(sys.modules) - before)

asyncio.run(main())
"""


def in_mysql(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """The wheel, the kind, and the arguments of a queue."""
    place = request.getfixturevalue("mysql_place")
    return "pq_mysql", "MySQLAckQueue", f"**{place!r}, name={NAME!r}"


def in_postgres(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """The wheel, the kind, and the arguments of a queue."""
    return "pq_postgres", "PostgresAckQueue", f"{request.getfixturevalue('postgres')!r}, {NAME!r}"


def in_sqlite(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """The wheel, the kind, and the arguments of a queue."""
    return "pq_sqlite", "SQLiteAckQueue", repr(str(request.getfixturevalue("tmp_path")))


def in_files(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """The wheel, the kind, and the arguments of a queue."""
    return "pq_file", "Queue", repr(str(request.getfixturevalue("tmp_path")))


@pytest.mark.parametrize("is_awaited", [False, True], ids=["blocking", "awaited"])
@pytest.mark.parametrize("place", [in_mysql, in_postgres, in_sqlite, in_files])
def test_calls_import_nothing(
    request: pytest.FixtureRequest,
    place: Callable[[pytest.FixtureRequest], tuple[str, str, str]],
    is_awaited: bool,
) -> None:
    """A child forked in the middle of an import would wait for ever for the end of it."""
    wheel, kind, arguments = place(request)
    code = CALLS.format(wheel=wheel, kind=kind, arguments=arguments, is_awaited=is_awaited)

    def imported() -> set[str]:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return set(done.stdout.split())

    # What is imported now and then, to tell of something rare, is not meant.
    found = imported()
    assert not found or not found & imported(), found
