"""A pooler between the queues and PostgreSQL: each transaction may meet another server process."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.servers.mariadb import PLACES, absent
from tests.servers.processes import CHILD, free_port, room

__all__ = ["pgbouncer"]

#: How many server processes it uses.
_SIZE = 4
#: As a pooler of transactions is set up, but that it takes the next server process each time, even
#: where the last one is free (https://www.pgbouncer.org/config.html).
_SETTINGS = """
[databases]
* = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
server_round_robin = 1
"""


def _account() -> str:
    """Under which user it runs, for it refuses to be run by root; empty: the own."""
    return "nobody" if os.geteuid() == 0 else ""


@pytest.fixture(scope="session")
def pgbouncer(postgres: str) -> Iterator[str]:
    """The conninfo of the database behind a pooler."""
    psycopg = pytest.importorskip("psycopg")
    program = shutil.which("pgbouncer", path=PLACES)
    if program is None:
        absent("pgbouncer is not installed")
    parts = psycopg.conninfo.conninfo_to_dict(postgres)
    directory = Path(
        tempfile.mkdtemp(
            prefix=f"pq-tests-pgbouncer-{os.getpid()}-", dir=room("pq-tests-pgbouncer")
        )
    )
    user = _account()
    if user:
        entry = pwd.getpwnam(user)
        os.chown(directory, entry.pw_uid, entry.pw_gid)
    port = free_port()
    known = {name: parts[name] for name in ("host", "port", "user", "password") if name in parts}
    server = " ".join(f"{name}={value}" for name, value in known.items())
    settings = directory / "ini"
    settings.write_text(_SETTINGS.format(server=server, port=port, size=_SIZE))
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(os.getpid()), user, str(program), str(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
    try:
        _await(process, port, directory)
        changes: dict[str, Any] = {"host": "127.0.0.1", "port": port, "password": None}
        pooled = psycopg.conninfo.make_conninfo(postgres, **changes)
        with ExitStack() as stack:
            # It opens the second server process when the first one is in a transaction.
            for _ in range(_SIZE):
                stack.enter_context(psycopg.connect(pooled)).execute("SELECT 1")
        yield pooled
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(directory, ignore_errors=True)


def _await(process: subprocess.Popen[bytes], port: int, directory: Path) -> None:
    end = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"pgbouncer does not start: {(directory / 'log').read_text()[-2000:]}")
