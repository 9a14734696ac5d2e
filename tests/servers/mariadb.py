"""A MariaDB of the tests' own: private, unprivileged, on loopback, and gone when they end.

``PQ_TEST_MYSQL`` (a ``mysql://`` URL of a user who may create databases) points at a server to
use instead. Where there is neither, tests are skipped; with ``PQ_REQUIRE_SERVERS=1`` they fail.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pq_core.registry import QueueURL
from tests.servers.processes import CHILD, free_port, room

#: Where Debian and others put the server, beside the PATH.
PLACES = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
#: As fast as it gets, while what was committed survives SIGKILL of the server.
FAST = (
    "--innodb-flush-log-at-trx-commit=2",
    "--innodb-doublewrite=0",
    "--innodb-buffer-pool-size=64M",
    "--innodb-log-file-size=32M",
    "--innodb-flush-method=fsync",
    "--performance-schema=OFF",
    "--key-buffer-size=64K",
    "--max-connections=400",
)
USER, PASSWORD, DATABASE = "pq", 'it\'s "secret" %s', "pq"


@dataclass
class MariaDB:
    """A server that was started here.

    Attributes:
        directory: of its data.
        port: on 127.0.0.1.
        options: more of them, for the server.
    """

    directory: Path
    port: int
    options: tuple[str, ...] = FAST
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def place(self) -> dict[str, Any]:
        """How a queue gets there."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "user": USER,
            "passwd": PASSWORD,
            "db_name": DATABASE,
        }

    @property
    def socket(self) -> str:
        """The path of its socket."""
        return str(self.directory / "s")

    def start(self) -> None:
        """Starts it and waits until it answers; from the main thread, for it ends with its thread."""
        server = shutil.which("mariadbd", path=PLACES) or "mysqld"
        command = [
            server,
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            # A server that starts deletes the temporary tables of all that share this directory.
            f"--tmpdir={self.directory}",
            f"--socket={self.socket}",
            f"--pid-file={self.directory / 'pid'}",
            f"--log-error={self.directory / 'log'}",
            "--bind-address=127.0.0.1",
            f"--port={self.port}",
            "--skip-log-bin",
            "--skip-name-resolve",
            *self.options,
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(os.getpid()), account(), *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self._process.poll() is not None:
                break
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1) as sock:
                if sock.recv(1):
                    return
            time.sleep(0.02)
        raise RuntimeError(
            f"mariadbd does not start: {(self.directory / 'log').read_text()[-2000:]}"
        )

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self, is_paused: bool) -> None:
        """Stops it, or lets it go on."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP if is_paused else signal.SIGCONT)
        if is_paused:  # all its threads
            os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WNOWAIT)

    def execute(self, sql: str, *parameters: Any) -> Any:
        """The rows of a statement, said by root."""
        import pymysql

        connection = pymysql.connect(
            unix_socket=self.socket, user="root", autocommit=True, ssl_disabled=True
        )
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql, parameters or None)
                return cursor.fetchall()
        finally:
            connection.close()


def account() -> str:
    """Under which user a server runs; empty: the own."""
    if os.geteuid():
        return ""
    for name in ("mysql", "nobody"):
        with suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    return ""


def missing() -> str:
    """Why no server can be started here; empty: it can."""
    if sys.platform == "win32":
        return "servers are started on POSIX systems only"
    for program in ("mariadbd", "mariadb-install-db"):
        if shutil.which(program, path=PLACES) is None:
            return f"{program} is not installed; install mariadb-server, or set PQ_TEST_MYSQL"
    return ""


def started(options: tuple[str, ...] = FAST) -> Iterator[MariaDB]:
    """A new server with a database and a user."""
    directory = Path(
        tempfile.mkdtemp(prefix=f"pq-tests-mariadb-{os.getpid()}-", dir=room("pq-tests-mariadb"))
    )
    user = account()
    try:
        if user:
            entry = pwd.getpwnam(user)
            os.chown(directory, entry.pw_uid, entry.pw_gid)
        install = shutil.which("mariadb-install-db", path=PLACES)
        subprocess.run(
            [
                sys.executable,
                *("-c", CHILD, str(os.getpid()), user),
                *(
                    str(install),
                    "--no-defaults",
                    f"--datadir={directory / 'data'}",
                    f"--tmpdir={directory}",
                ),
                *("--auth-root-authentication-method=normal", "--skip-test-db"),
                "--innodb-log-file-size=32M",
            ],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PATH": PLACES},
        )
        server = MariaDB(directory, free_port(), options)
        try:
            server.start()
            server.execute(f"CREATE DATABASE {DATABASE}")
            server.execute("CREATE USER %s@'%%' IDENTIFIED BY %s", USER, PASSWORD)
            server.execute("GRANT ALL ON pq.* TO %s@'%%'", USER)
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def absent(reason: str) -> None:
    """Skips the test, or fails it where servers are required."""
    if os.environ.get("PQ_REQUIRE_SERVERS") == "1":
        pytest.fail(f"PQ_REQUIRE_SERVERS=1, and {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A server of the tests' own, which a test may look into, but not stop."""
    if reason := missing():
        absent(reason)
    yield from started()


@pytest.fixture(scope="session")
def mysql_place(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The way to a database, as arguments of a queue: of PQ_TEST_MYSQL, or of a new server."""
    given = os.environ.get("PQ_TEST_MYSQL")
    if not given:
        server: MariaDB = request.getfixturevalue("mariadb")
        return server.place
    url = QueueURL.parse(given)
    return {
        "host": url.host,
        "port": url.port or 3306,
        "user": url.username,
        "passwd": url.password or "",
        "db_name": url.path.strip("/"),
    }
