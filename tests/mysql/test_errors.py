"""What goes wrong with a server is told as an error of the queue that names fact and remedy."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import OutcomeUnknown, QueueClosed, SchemaMismatch, StorageBusy, StorageError
from pq_mysql import MySQLAckQueue, MySQLQueue, MySQLUniqueQ
from pq_mysql._errors import told, verdict_of
from tests.servers.mariadb import FAST, MariaDB, absent, missing, started
from tests.servers.processes import free_port

from .conftest import Open


def test_a_wrong_password(mariadb: MariaDB) -> None:
    """A password that the server refuses is told at once, without the password."""
    with pytest.raises(StorageError, match="refuses the user or the password") as raised:
        MySQLQueue(**{**mariadb.place, "passwd": "wrong-secret"})
    assert "wrong-secret" not in str(raised.value)
    assert "127.0.0.1" in str(raised.value)


def test_a_missing_database(mariadb: MariaDB) -> None:
    """A database that is not there is named, with what to do."""
    mariadb.execute("GRANT ALL ON nowhere.* TO 'pq'@'%'")
    with pytest.raises(StorageError, match=r"nowhere.*no such database; CREATE DATABASE"):
        MySQLQueue(**{**mariadb.place, "db_name": "nowhere"})


def test_no_rights_on_the_database(mariadb: MariaDB) -> None:
    """A user without rights on the database is told to get them."""
    with pytest.raises(StorageError, match="may not use this database; GRANT"):
        MySQLQueue(**{**mariadb.place, "db_name": "mysql"})


def test_no_right_to_make_tables(mariadb: MariaDB, name: str) -> None:
    """A user who may not make the tables is told which rights are needed; who has made them is not."""
    mariadb.execute("CREATE OR REPLACE USER reader IDENTIFIED BY 'r'")
    mariadb.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON pq.* TO reader")
    place = {**mariadb.place, "name": name, "durability": "normal"}
    as_reader = {**place, "user": "reader", "passwd": "r"}
    with pytest.raises(StorageError, match="may not do that; GRANT SELECT, INSERT"):
        MySQLQueue(**as_reader)
    MySQLQueue(**place).close()
    with MySQLQueue[Any](**as_reader) as queue:
        queue.put("a")
        assert queue.get() == "a"


def test_no_server_at_all() -> None:
    """A server that does not answer when a queue is opened is told at once, whatever the timeout."""
    with pytest.raises(StorageError, match="cannot be reached; check that it runs"):
        MySQLQueue("127.0.0.1", "u", "p", "d", port=free_port(), timeout=60)


def test_a_host_that_does_not_exist() -> None:
    """A host name that leads nowhere is as a server that does not answer."""
    with pytest.raises(StorageError, match="cannot be reached"):
        MySQLQueue("no-such-host.invalid", "u", "p", "d")


def test_no_tls_where_it_is_asked_for(mariadb: MariaDB) -> None:
    """TLS options reach the connection: a server without TLS is refused, in clear words."""
    with pytest.raises(StorageError, match="TLS failed; check ssl= and the certificates"):
        MySQLQueue(**mariadb.place, ssl={"ca": None, "check_hostname": False})
    with pytest.raises(StorageError, match="TLS failed"):
        MySQLQueue(**mariadb.place, connect_options={"ssl_verify_cert": True})


def test_no_authorities_where_nothing_is_checked(
    mariadb: MariaDB, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without TLS options a connection does not load the machine's certificates, which takes 50 ms."""

    def load(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("ssl.SSLContext.load_default_certs", load)
    with MySQLQueue[str](name=name, **mariadb.place) as queue:
        queue.put("a")
        assert queue.get_nowait() == "a"


def test_an_item_that_is_too_large(opened: Open, mariadb: MariaDB) -> None:
    """An item beyond max_allowed_packet is refused before it is sent, and the queue goes on."""
    queue = opened(MySQLQueue)
    ((limit,),) = mariadb.execute("SELECT @@max_allowed_packet")
    with pytest.raises(StorageError, match="raise its max_allowed_packet"):
        queue.put(b"x" * limit)
    with pytest.raises(StorageError, match="raise its max_allowed_packet"):
        queue.put_many(["a", b"x" * limit])
    assert queue.empty()
    queue.put("a")
    assert queue.get() == "a"


def test_a_table_that_is_no_queue(opened: Open, mariadb: MariaDB, name: str) -> None:
    """A table that lacks a queue's columns is left alone."""
    mariadb.execute(f"CREATE TABLE pq.`queue_{name}` (id INT PRIMARY KEY, number INT)")
    with pytest.raises(SchemaMismatch, match="no column"):
        opened(MySQLQueue)
    assert mariadb.execute(f"SELECT * FROM pq.`queue_{name}`") == ()


def test_a_queue_of_another_kind(opened: Open) -> None:
    """A table of one kind is not opened as one of another."""
    opened(MySQLAckQueue, table_name="mixed", name=None).put("a")
    with pytest.raises(SchemaMismatch, match="another kind"):
        opened(MySQLQueue, table_name="mixed", name=None)


def test_a_table_that_was_dropped(opened: Open, mariadb: MariaDB, name: str) -> None:
    """A table that somebody drops under an open queue is told as that."""
    queue = opened(MySQLQueue)
    mariadb.execute(f"DROP TABLE pq.`queue_{name}`")
    with pytest.raises(StorageError, match="not there any more; open the queue again"):
        queue.put("a")


def test_an_update_to_an_item_that_is_there(opened: Open) -> None:
    """In a unique queue an update to an equal item is refused, and nothing is lost."""
    queue = opened(MySQLUniqueQ)
    first = queue.put("a")
    id = queue.put("b")
    with pytest.raises(StorageError, match=f"item {id} cannot become equal to item {first}:"):
        queue.update("a", id)
    assert list(queue) == ["a", "b"]


def test_a_pool_that_is_used_up(opened: Open) -> None:
    """Who finds no free connection for the whole timeout is told what to raise."""
    queue = opened(MySQLQueue, max_connections=1, timeout=0.2)
    failures: list[Exception] = []

    def put() -> None:
        try:
            queue.put("a")
        except StorageBusy as error:
            failures.append(error)

    with queue.transaction():
        thread = threading.Thread(target=put)
        thread.start()
        thread.join()
    assert "raise max_connections" in str(failures[0])
    queue.put("b")
    assert queue.get() == "b"


def test_a_lock_that_is_held_for_too_long(opened: Open, name: str) -> None:
    """Who waits for a lock of somebody else for the whole timeout gets StorageBusy."""
    queue = opened(MySQLQueue, timeout=1)
    id = queue.put("a")
    other = opened(MySQLQueue)
    with other.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM `queue_{name}` WHERE _id = %s FOR UPDATE", (id,))
        with pytest.raises(StorageBusy, match="other transactions were in the way"):
            queue.update("b", id)
    assert queue.update("b", id) == id


@pytest.fixture(scope="module")
def certificate() -> Iterator[tuple[str, str]]:
    """A certificate for 127.0.0.1, signed by itself, and its key, readable by the server."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    with tempfile.TemporaryDirectory(prefix="pq-tls-") as directory:
        Path(directory).chmod(0o755)
        key, cert = (str(Path(directory) / name) for name in ("key.pem", "cert.pem"))
        subprocess.run(
            [
                *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"),
                *("-keyout", key, "-out", cert),
            ],
            check=True,
            capture_output=True,
        )
        Path(key).chmod(0o644)
        yield cert, key


@pytest.fixture(scope="module")
def own_server(certificate: tuple[str, str]) -> Iterator[MariaDB]:
    """A server that a test may stop, with TLS."""
    if reason := missing():
        absent(reason)
    cert, key = certificate
    yield from started((*FAST, f"--ssl-cert={cert}", f"--ssl-key={key}"))


@pytest.fixture
def own(own_server: MariaDB, name: str) -> Iterator[Any]:
    """A queue on it."""
    with MySQLAckQueue[Any](
        **own_server.place, name=name, timeout=20, durability="normal", heartbeat=0.25
    ) as queue:
        yield queue


def test_tls(own_server: MariaDB, certificate: tuple[str, str], name: str) -> None:
    """With ssl= the connection is encrypted and the server known by its certificate."""
    place = {**own_server.place, "name": name, "durability": "normal"}
    with MySQLQueue[Any](**place, ssl={"ca": certificate[0], "check_hostname": True}) as queue:
        queue.put("a")
        with queue.transaction() as connection, connection.cursor() as cursor:
            cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
            assert cursor.fetchone()[1]
        assert queue.get() == "a"
    context = ssl.create_default_context()  # which does not know this certificate
    with pytest.raises(StorageError, match="TLS failed"):
        MySQLQueue(**place, ssl=context)


def test_a_server_that_comes_back(own: Any, own_server: MariaDB) -> None:
    """A call made while the server is away waits for it, and then has happened once."""
    id = own.put("a")
    own_server.kill()
    ids: list[int] = []
    thread = threading.Thread(target=lambda: ids.append(own.put("b")))
    thread.start()
    thread.join(0.2)
    assert thread.is_alive()
    own_server.start()
    thread.join(20)
    assert ids == [id + 1]
    assert [own.get(), own.get()] == ["a", "b"]
    assert own.empty()


def test_a_server_that_stays_away(own_server: MariaDB, name: str) -> None:
    """A server that is away for the whole timeout is a StorageError, and close still works."""
    queue = MySQLQueue[Any](**own_server.place, name=name, timeout=0.3, durability="normal")
    queue.put("a")
    own_server.kill()
    try:
        for call in (queue.qsize, queue.get, lambda: queue.put("b")):
            with pytest.raises(StorageError, match="cannot be reached"):
                call()
        queue.close()
        with pytest.raises(QueueClosed):
            queue.put("c")
    finally:
        own_server.start()
    with MySQLQueue[Any](**own_server.place, name=name, durability="normal") as again:
        assert again.get_many(5) == ["a"]


def test_idle_connections_that_the_server_has_closed(own: Any, own_server: MariaDB) -> None:
    """Connections that ended while nobody used them are replaced, and no call fails for it."""
    own.put("a")
    for id, user, *_ in own_server.execute("SHOW PROCESSLIST"):
        if user == "pq":
            own_server.execute(f"KILL {id}")
    own.put("b")
    assert [own.get(), own.get()] == ["a", "b"]


def test_a_connection_lost_during_the_commit(own: Any, own_server: MariaDB) -> None:
    """Where the commit was under way when the server was lost, the caller is told that nobody knows."""
    own_server.pause(True)
    failures: list[Exception] = []

    def put() -> None:
        try:
            own.put("a")
        except StorageError as error:
            failures.append(error)

    thread = threading.Thread(target=put)
    thread.start()
    # The statement is on its way once the thread waits for the answer.
    thread.join(0.3)
    assert thread.is_alive(), failures
    own_server.kill()
    own_server.start()
    thread.join(20)
    (error,) = failures
    assert isinstance(error, OutcomeUnknown)
    assert "may have happened or not" in str(error)
    assert own.qsize() in (0, 1)
    own.put("b")


def test_every_error_is_told_without_its_statement() -> None:
    """An error whose number nobody knows is told by class and number, and shows no item."""
    import pymysql.err

    error = pymysql.err.ProgrammingError(1064, "You have an error near 'top secret'")
    message = str(told(error, "mysql://h/d"))
    assert "1064" in message
    assert "top secret" not in message
    assert verdict_of(error).name == "OTHER"
    assert verdict_of(ConnectionResetError()).name == "GONE"
    assert verdict_of(pymysql.err.OperationalError(1213, "Deadlock")).name == "CONFLICT"
