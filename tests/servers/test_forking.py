"""Forks while another thread connects to a server."""

from __future__ import annotations

import os
import socket
import threading
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
