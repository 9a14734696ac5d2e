"""The fixture with a real PostgreSQL, started once for all the processes of a test run.

``PQ_TEST_POSTGRES`` (a conninfo string or URL of a user who may create databases) names a server
to use instead. Without a server the tests are skipped, or fail where ``PQ_REQUIRE_SERVERS=1``.
"""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from tests.servers.postgres_server import PostgresServer

__all__ = ["postgres", "postgres_environment", "postgres_to_kill"]


def _missing(why: str) -> NoReturn:
    message = f"no PostgreSQL server: {why}; install one, or set PQ_TEST_POSTGRES"
    if os.environ.get("PQ_REQUIRE_SERVERS") == "1":
        pytest.fail(message)
    pytest.skip(message)


def _need_programs() -> None:
    if sys.platform == "win32":
        _missing("none is started on Windows")
    from tests.servers.postgres_server import programs

    if programs() is None:
        _missing("its programs are not installed")


def _shared(directory: Path) -> str:
    """The conninfo of the server of this test run; the first one to ask starts it."""
    _need_programs()
    import fcntl

    from tests.servers.postgres_server import PostgresServer, start_shared

    with (directory / "postgres.mutex").open("ab") as mutex:
        fcntl.flock(mutex, fcntl.LOCK_EX)
        told = directory / "postgres.json"
        if told.exists():
            return PostgresServer(directory, json.loads(told.read_text())).conninfo
        server = start_shared(directory / "postgres.users")
        told.write_text(json.dumps(server.port))
        return server.conninfo


def _conninfo(directory: Path) -> Iterator[str]:
    """The conninfo of a server that is there for as long as this generator is."""
    given = os.environ.get("PQ_TEST_POSTGRES")
    if given:
        yield given
        return
    _need_programs()
    from tests.servers.postgres_server import hold

    with hold(directory / "postgres.users"):
        yield _shared(directory)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The conninfo of an empty database, for this process alone."""
    psycopg = pytest.importorskip("psycopg")
    directory = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        directory = directory.parent
    for server in _conninfo(directory):
        name = f"pq_test_{uuid.uuid4().hex}"
        with psycopg.connect(server, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name}")
        try:
            yield psycopg.conninfo.make_conninfo(server, dbname=name)
        finally:
            with psycopg.connect(server, autocommit=True) as admin:
                admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def postgres_environment(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the variables by which libpq finds the database."""
    psycopg = pytest.importorskip("psycopg")
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    names |= {"password": "PGPASSWORD"}
    for name, value in psycopg.conninfo.conninfo_to_dict(postgres).items():
        if name in names:
            monkeypatch.setenv(names[name], str(value))


@pytest.fixture
def postgres_to_kill(tmp_path: Path) -> Iterator[PostgresServer]:
    """A running server that the test may kill and start again."""
    pytest.importorskip("psycopg")
    _need_programs()
    from tests.servers.postgres_server import PostgresServer, guarded, hold

    with hold(tmp_path / "users"):
        server = guarded(PostgresServer.make(), tmp_path / "users")
        server.start()
        try:
            yield server
        finally:
            server.stop()
