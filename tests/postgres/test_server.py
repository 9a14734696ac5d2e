"""What is PostgreSQL's own about the queues in it."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest

import pq_postgres
from pq_core.errors import (
    Empty,
    OutcomeUnknown,
    SchemaMismatch,
    StorageError,
)
from pq_core.protocols import Durability
from pq_core.registry import open_queue
from pq_core.testing.elsewhere import InProcess, InThread, is_waiting

_NUMBERS = itertools.count()
# Items of any type, in one place.
PostgresAckQueue: Any = pq_postgres.PostgresAckQueue
PostgresPriorityQueue: Any = pq_postgres.PostgresPriorityQueue
PostgresQueue: Any = pq_postgres.PostgresQueue
PostgresUniqueAckQ: Any = pq_postgres.PostgresUniqueAckQ
PostgresUniqueQ: Any = pq_postgres.PostgresUniqueQ
SQL = Callable[..., list[Any]]


@pytest.fixture
def name() -> str:
    """A name that no queue has yet."""
    return f"s{next(_NUMBERS)}"


@pytest.fixture
def limited(postgres: str, sql: SQL) -> Iterator[str]:
    """The conninfo of a user with a password and no rights."""
    import psycopg

    role = f"limited_{os.getpid()}"
    sql(f"CREATE ROLE {role} LOGIN PASSWORD 'right'")
    sql("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    yield psycopg.conninfo.make_conninfo(postgres, user=role, password="right")
    sql(f"DROP OWNED BY {role}")
    sql(f"DROP ROLE {role}")


def conninfo(base: str, **changes: Any) -> str:
    """Another conninfo."""
    import psycopg

    return psycopg.conninfo.make_conninfo(base, **changes)


# -- errors -------------------------------------------------------------------------------


def test_a_wrong_password(limited: str) -> None:
    """It is told at once, with the user, and without any password."""
    with pytest.raises(StorageError, match="password authentication failed for user") as told:
        PostgresQueue(limited, password="s3cret")
    assert "s3cret" not in str(told.value)
    assert "check host, port, user, password" in str(told.value)


def test_a_missing_database(postgres: str) -> None:
    """It is named."""
    with pytest.raises(StorageError, match=r'"nowhere" does not exist'):
        PostgresQueue(postgres, dbname="nowhere")


def test_no_rights(limited: str, postgres: str, name: str) -> None:
    """Who may not make tables, or not read them, is told to ask for that right."""
    with pytest.raises(StorageError, match="no right to do that; GRANT"):
        PostgresQueue(limited, name)
    with PostgresQueue(postgres, name), pytest.raises(StorageError, match="GRANT"):
        PostgresQueue(limited, name)


def test_no_server(postgres: str) -> None:
    """A server that is not there is told at once on opening, with its address."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(StorageError, match=rf"127\.0\.0\.1:{port}.*Connection refused"):
            PostgresQueue(conninfo(postgres, host="127.0.0.1", port=port))


def test_connections_that_the_server_has_ended(postgres: str, name: str, sql: SQL) -> None:
    """After the server has ended its connections, the next call makes new ones."""
    application = f"pq test {name}"
    with PostgresQueue(conninfo(postgres, application_name=application), name) as queue:
        queue.put("a")
        ended = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
        assert sql(ended, application)
        assert queue.get_nowait() == "a"
        sql(ended, application)
        assert queue.put("b") == 2


def test_a_server_that_goes_away(postgres_to_kill: Any) -> None:
    """A call on a queue whose server is away fails after its timeout, and works again later."""
    with PostgresQueue(postgres_to_kill.conninfo, timeout=0.3) as queue:
        queue.put("a")
        postgres_to_kill.kill()
        with pytest.raises(StorageError, match="there is no connection"):
            while True:  # the server's processes outlive it for a moment
                with suppress(OutcomeUnknown):
                    queue.put("b")
        postgres_to_kill.start()
        assert queue.get(timeout=5) == "a"


def test_a_bad_conninfo() -> None:
    """Nothing of a conninfo that cannot be understood is repeated: it may hold a password."""
    with pytest.raises(ValueError, match="'dsn' cannot be understood") as told:
        PostgresQueue("password=s3cret nonsense")
    assert "s3cret" not in repr(told.value)
    with pytest.raises(TypeError, match="'dsn'"):
        PostgresQueue(5)
    with pytest.raises(ValueError, match="'max_connections'"):
        PostgresQueue("", max_connections=0)


def test_a_table_of_somebody_else(postgres: str, name: str, sql: SQL) -> None:
    """A table that has the name and is no queue is left alone."""
    sql(f"CREATE TABLE queue_{name} (x int)")
    with pytest.raises(SchemaMismatch, match="no column"):
        PostgresQueue(postgres, name)


# -- names --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd", ['a"b', "a'b", "a; DROP TABLE x; --", "50%s %(x)s", "ä {x} \\", "$1", "A b"]
)
def test_names_that_try_to_be_sql(postgres: str, name: str, odd: str) -> None:
    """Whatever a name holds, it is the name of a table and nothing else."""
    for cls in (PostgresQueue, PostgresAckQueue, PostgresUniqueQ, PostgresPriorityQueue):
        with cls(postgres, f"{odd}{name}", notify=True) as queue:
            queue.put_many(["a", "b"])
            assert queue.get_nowait() == "a"
            assert queue.qsize() == 1
            assert queue.stats().bytes > 0


def test_a_name_as_long_as_a_table_may_have(postgres: str, name: str) -> None:
    """What belongs to a table has a name of its own, however long that of the queue is."""
    for cls, prefix in ((PostgresQueue, "queue_"), (PostgresAckQueue, "ack_queue_")):
        names = [(name + each).ljust(63 - len(prefix), "x") for each in "ab"]
        one, two = (cls(postgres, each, notify=True) for each in names)
        with one, two:
            one.put("a")
            assert two.qsize() == 0
            assert one.get_nowait() == "a"


def test_a_name_that_is_too_long(postgres: str) -> None:
    """PostgreSQL would cut it, and two queues might become one; it counts bytes."""
    for long in ("x" * 60, "ä" * 30):
        with pytest.raises(ValueError, match="shorten it"):
            PostgresQueue(postgres, long)


@pytest.mark.parametrize("cls", [PostgresQueue, PostgresAckQueue])
def test_shrinking(postgres: str, name: str, cls: Any) -> None:
    """The room of what was removed is given back, and what is left stays."""
    with cls(postgres, name) as queue:
        queue.put_many(range(5_000))
        before = queue.stats().bytes
        queue.clear()  # the server may tidy up by itself at any moment from now on
        queue.put("left")
        for _ in range(20):
            queue.shrink_disk_usage()
            if queue.stats().bytes < before / 4:
                break
            # What some session may still see stays: also one to another database that is just
            # being started, as other tests do.
        assert queue.stats().bytes < before / 4
        assert queue.get_nowait() == "left"


def test_a_queue_that_should_be_there(postgres: str, name: str) -> None:
    """With create=False a name that no queue has is told, and no queue is left there."""
    for cls in (PostgresQueue, PostgresAckQueue):
        for _ in range(2):
            with pytest.raises(
                StorageError, match=f"{name}: there is no such queue; check its name"
            ):
                cls(postgres, name, create=False)
        cls(postgres, name).close()
        cls(postgres, name, create=False).close()


# -- unique -------------------------------------------------------------------------------


@pytest.mark.parametrize("cls", [PostgresUniqueQ, PostgresUniqueAckQ])
def test_large_items_in_a_unique_queue(postgres: str, name: str, cls: Any) -> None:
    """Items longer than what an index takes are unique, too."""
    with cls(postgres, name) as queue:
        large = os.urandom(100_000)
        assert queue.put(large) == queue.put(large)
        assert queue.put_many([large[::-1], large]) == [queue.put(large[::-1]), 1]
        assert queue.qsize() == 2


def test_updating_to_an_equal_item(postgres: str, name: str) -> None:
    """An update that would make two items equal is refused at once."""
    with PostgresUniqueQ(postgres, name) as queue:
        queue.put("a")
        second = queue.put("b")
        with pytest.raises(StorageError, match="item 2 cannot become equal to item 1"):
            queue.update("a", second)


def test_two_processes_put_the_same(postgres: str, name: str) -> None:
    """Of equal items put at the same time by two, one is stored, and both are told its id."""
    with PostgresUniqueQ(postgres, name) as queue, InProcess(queue) as other:
        items = list(range(100))
        theirs: list[Any] = [other.submit("put", item) for item in items]
        ours = [queue.put(item) for item in items]
        assert [each.result(20) for each in theirs] == ours
        assert queue.qsize() == 100


# -- transactions -------------------------------------------------------------------------


def test_a_transaction_of_the_queues(postgres: str, name: str, sql: SQL) -> None:
    """Statements on the connection and calls of the queue are committed together."""
    sql(f"CREATE TABLE account_{name} (balance int)")
    with PostgresAckQueue(postgres, name) as queue:
        with pytest.raises(ZeroDivisionError), queue.transaction() as connection:
            connection.execute(f"INSERT INTO account_{name} VALUES (1)")
            queue.put("lost")
            raise ZeroDivisionError
        with queue.transaction() as connection:
            connection.execute(f"INSERT INTO account_{name} VALUES (2)")
            queue.put("kept")
            assert sql(f"SELECT * FROM account_{name}") == []
        assert sql(f"SELECT * FROM account_{name}") == [(2,)]
        assert queue.get_nowait() == "kept"
        with pytest.raises(Empty):
            queue.get_nowait()


def test_a_transaction_on_the_callers_connection(postgres: str, name: str, sql: SQL) -> None:
    """What is put there is committed with the caller's data, or goes with it."""
    import psycopg

    sql(f"CREATE TABLE orders_{name} (id int)")
    with PostgresQueue(postgres, name) as queue, psycopg.connect(postgres) as connection:
        connection.execute(f"INSERT INTO orders_{name} VALUES (1)")
        with queue.transaction(connection) as same:
            assert same is connection
            queue.put("order 1")
        assert queue.empty()
        connection.rollback()
        assert queue.empty()
        connection.execute(f"INSERT INTO orders_{name} VALUES (2)")
        with queue.transaction(connection):
            queue.put_many(["order 2", "order 3"])
        with pytest.raises(ZeroDivisionError), queue.transaction(connection):
            queue.put("not this one")
            raise ZeroDivisionError
        connection.commit()
        assert queue.get_many(9) == ["order 2", "order 3"]
        assert sql(f"SELECT id FROM orders_{name}") == [(2,)]
        with queue.transaction(connection):
            queue.put("by itself")
        assert queue.get_nowait() == "by itself"
        with pytest.raises(TypeError, match="psycopg"), queue.transaction(object()):
            pass


def test_a_transaction_in_which_a_statement_has_failed(postgres: str, name: str) -> None:
    """Who catches the error of a statement inside is told that nothing of it has happened."""
    import psycopg

    with PostgresQueue(postgres, name) as queue:
        with (
            pytest.raises(StorageError, match="nothing of it has happened"),
            queue.transaction() as connection,
        ):
            queue.put("a")
            with pytest.raises(psycopg.errors.UndefinedTable):
                connection.execute("SELECT * FROM nowhere")
        assert queue.empty()
        queue.put("b")
        assert queue.get_nowait() == "b"


# -- sessions -----------------------------------------------------------------------------


def test_nothing_is_left_in_a_session(postgres: str, name: str) -> None:
    """Nothing is prepared, listened to or set in a session, as poolers require it."""
    with PostgresAckQueue(postgres, name, max_connections=1) as queue:
        for number in range(10):
            queue.put(number)
            queue.ack(queue.get())
        with queue.transaction() as connection:
            assert connection.execute("SELECT * FROM pg_prepared_statements").fetchall() == []
            assert connection.execute("SELECT pg_listening_channels()").fetchall() == []
            locks = "SELECT 1 FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory'"
            assert connection.execute(locks).fetchall() == []


def test_durability(postgres: str, name: str) -> None:
    """The level normal does not wait for the server's disk, full leaves that to the server."""
    levels: dict[Durability, str] = {"full": "on", "normal": "off", "off": "off"}
    for durability, wanted in levels.items():
        queue = PostgresQueue(postgres, name, durability=durability)
        with queue, queue.transaction() as connection:
            assert connection.execute("SHOW synchronous_commit").fetchone() == (wanted,)


def test_a_session_is_read_committed_whatever_the_default(postgres: str, name: str) -> None:
    """A server whose default is SERIALIZABLE makes no difference for what a queue does."""
    strict = conninfo(postgres, options="-c default_transaction_isolation=serializable")
    with PostgresQueue(strict, name) as queue, InProcess(queue) as other:
        putting: list[Any] = [other.submit("put", number) for number in range(50)]
        mine = [queue.get(timeout=20) for _ in range(50)]
        assert all(each.result(20) for each in putting)
        assert sorted(mine) == list(range(50))


@pytest.mark.parametrize("cls", [PostgresQueue, PostgresAckQueue])
def test_notifications_wake(postgres: str, name: str, cls: Any) -> None:
    """With notify a get that waits has an item at once, also one that comes back."""
    with cls(postgres, name, notify=True) as queue, InProcess(queue) as other, InThread() as thread:
        getting = thread.submit(queue.get, timeout=20)
        assert is_waiting(getting, 0.3)
        assert queue._server._listener.is_alive
        other.call("put", "a")
        assert getting.result(0.6) == "a"
        if cls is PostgresAckQueue:
            back: Any = other.submit("get", timeout=20)
            assert is_waiting(back, 0.3)
            queue.nack("a")
            assert back.result(0.6) == "a"


def test_a_listener_that_was_cut_off(postgres: str, name: str, sql: SQL) -> None:
    """When the connection that listens is lost, a get that waits has its item all the same."""
    application = f"pq test {name}"
    place = conninfo(postgres, application_name=application)
    with PostgresQueue(place, name, notify=True) as queue, InThread() as thread:
        getting = thread.submit(queue.get, timeout=20)
        assert is_waiting(getting, 0.2)
        sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s",
            application,
        )
        assert is_waiting(getting, 0.1)
        with PostgresQueue(postgres, name) as other:
            other.put("a")
        assert getting.result(5) == "a"


# -- URLs ---------------------------------------------------------------------------------


def test_urls(postgres: str, name: str) -> None:
    """A URL names server, database, user, queue, kind and options; those of libpq, too."""
    import psycopg

    parts = psycopg.conninfo.conninfo_to_dict(postgres)
    place = f"{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    for scheme in ("postgresql", "postgres"):
        url = f"{scheme}://{place}?name={name}&kind=unique-ack&sslmode=disable&lease=5&notify=no"
        with open_queue(url) as queue:
            assert type(queue) is PostgresUniqueAckQ
            queue.put("a")
            with queue.receive() as message:
                assert message.item == "a"
    with open_queue(f"postgresql://{place}", name=name, serializer="json") as queue:
        assert type(queue) is PostgresQueue
        queue.put({"a": 1})
        assert queue.get_nowait() == {"a": 1}
    with pytest.raises(ValueError, match="'knid'"):
        open_queue(f"postgresql://{place}?knid=ack")


def test_the_command(postgres: str, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """The persistqueue command takes a URL of a server."""
    main = pytest.importorskip("persistqueue.cli").main
    import psycopg

    parts = psycopg.conninfo.conninfo_to_dict(postgres)
    url = f"postgresql://{parts['user']}@{parts['host']}:{parts['port']}/{parts['dbname']}"
    url += f"?name={name}"
    with open_queue(url) as queue:
        queue.put_many(["one", "two"])
    assert main(["get", url, "--all"]) == 0
    assert capfd.readouterr().out == "one\ntwo\n"
    assert main(["verify", url]) == 2
    assert "its server looks after the storage" in capfd.readouterr().err
