"""The rules of the engine for servers, with SQLite as the server and faults where they are due."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import OutcomeUnknown, QueueClosed, StorageBusy, StorageError
from pq_core.protocols import Stats
from pq_core.serializers import codec
from pq_core.server import ServerEngine, Verdict
from pq_core.sql import KINDS, SQLITE, Plan, Statement, queue_layout
from pq_core.sql.plans import PlainPlans
from pq_core.sql.plans.owners import OwnerPlans
from pq_core.sql.rows import opener
from pq_core.sqlite.run import drive as drive_sqlite


class Gone(sqlite3.OperationalError):
    """The connection is lost."""


class Conflict(sqlite3.OperationalError):
    """Another transaction was in the way."""


class Session:
    """A connection that fails where the driver's plan says so."""

    def __init__(self, driver: Driver) -> None:
        self.connection = sqlite3.connect(driver.path, isolation_level=None, timeout=5)
        self.connection.execute("PRAGMA synchronous=OFF")
        self._fail = driver.fail

    def begin(self, reading: bool) -> None:
        self.connection.execute("BEGIN" if reading else "BEGIN IMMEDIATE")

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> Any:
        self._fail("execute")

        def one_step() -> Plan[Any]:
            return (yield statement, parameters)

        reply: Any = drive_sqlite(self.connection.cursor(), one_step())
        self._fail("executed")
        return reply

    def flush(self) -> None:
        pass

    def commit(self) -> None:
        self._fail("commit")
        self.connection.execute("COMMIT")
        self._fail("committed")

    def roll_back(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def is_in_transaction(self) -> bool:
        return self.connection.in_transaction


class Driver:
    """A server in a file; `faults` maps a moment to the errors that it brings, one each time."""

    size = 2
    errors = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key = self.where = f"test://{path.name}"
        self.lost = 0
        self.faults: dict[str, list[Exception]] = {}
        self.leases = 0

    def fail(self, moment: str) -> None:
        if self.faults.get(moment):
            raise self.faults[moment].pop(0)

    def lease(self) -> Session:
        self.leases += 1
        self.fail("lease")
        return Session(self)

    def give_back(self, session: Session, /) -> None:
        assert not session.connection.in_transaction
        session.connection.close()

    def discard(self, session: Session, /) -> None:
        self.lost += 1
        session.connection.close()

    def verdict(self, error: Exception, /) -> Verdict:
        known: dict[type[Exception], Verdict] = {Gone: Verdict.GONE, Conflict: Verdict.CONFLICT}
        return known.get(type(error), Verdict.OTHER)

    def translated(self, error: Exception, where: str, /) -> Exception:
        return StorageError(f"{where}: {error}")

    def listen(self, table: str, heard: Callable[[], None], /) -> None:
        del table, heard

    def close(self) -> None:
        pass

    def abandon(self) -> None:
        pass


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    """The way to an empty database."""
    return Driver(tmp_path / "server")


@pytest.fixture
def engine(driver: Driver) -> Iterator[ServerEngine]:
    """An engine on it."""
    with_engine = opened(driver)
    yield with_engine
    with_engine.close()


def opened(driver: Driver, timeout: float = 0.5) -> ServerEngine:
    """An engine on a FIFO queue."""
    dialect = replace(SQLITE, now="((julianday('now') - 2440587.5) * 86400.0)")
    layout = queue_layout(dialect, KINDS["fifo"], "x")
    return ServerEngine(driver, layout, OwnerPlans(dialect), timeout=timeout, heartbeat=0.05)


def plans_of(engine: ServerEngine) -> PlainPlans:
    """The plans of the queue."""
    return PlainPlans(engine.layout, KINDS["fifo"], opener(codec("json"), "x"), tuple)


def put(engine: ServerEngine, data: bytes) -> int:
    """Stores an item, in a statement that commits by itself."""
    return engine.write(plans_of(engine).put, data, 0, 0)


def rows(driver: Driver) -> list[bytes]:
    """What a fresh connection sees."""
    with closing(sqlite3.connect(driver.path)) as connection:
        return [data for (data,) in connection.execute("SELECT data FROM queue_x ORDER BY _id")]


def test_a_conflict_is_run_again(engine: ServerEngine, driver: Driver) -> None:
    """S2: after a conflict, wherever it shows, the plan has happened exactly once."""
    for moment in ("execute", "executed", "commit"):
        driver.faults = {moment: [Conflict(), Conflict()]}
        engine.write(plans_of(engine).put_many, [(moment.encode(), 0, 0)], 0)
    assert rows(driver) == [b"execute", b"executed", b"commit"]


def test_conflicts_without_end_are_busy(engine: ServerEngine, driver: Driver) -> None:
    """S2: after `timeout` it is StorageBusy, and nothing has happened."""
    driver.faults = {"commit": [Conflict() for _ in range(1000)]}
    with pytest.raises(StorageBusy, match="other transactions were in the way"):
        engine.write(plans_of(engine).put_many, [(b"a", 0, 0)], 0)
    assert rows(driver) == []


def test_lost_before_the_commit(engine: ServerEngine, driver: Driver) -> None:
    """S3: a connection lost before the commit was sent costs nothing but another attempt."""
    driver.faults = {"lease": [Gone()], "execute": [Gone()], "executed": [Gone()]}
    engine.write(plans_of(engine).put_many, [(b"a", 0, 0)], 0)
    assert rows(driver) == [b"a"]
    assert driver.lost == 2


@pytest.mark.parametrize(("moment", "left"), [("commit", []), ("committed", [b"a"])])
def test_lost_during_the_commit(
    engine: ServerEngine, driver: Driver, moment: str, left: list[bytes]
) -> None:
    """S4: a connection lost while the commit was under way is told, and nothing is run again."""
    driver.faults = {moment: [Gone()]}
    with pytest.raises(OutcomeUnknown, match="may have happened or not"):
        engine.write(plans_of(engine).put_many, [(b"a", 0, 0)], 0)
    assert rows(driver) == left


@pytest.mark.parametrize(("moment", "left"), [("execute", []), ("executed", [b"a"])])
def test_lost_during_a_statement_that_commits_itself(
    engine: ServerEngine, driver: Driver, moment: str, left: list[bytes]
) -> None:
    """S4: a single statement is its own commit."""
    driver.faults = {moment: [Gone()]}
    with pytest.raises(OutcomeUnknown):
        put(engine, b"a")
    assert rows(driver) == left


def test_a_lost_read_is_read_again(engine: ServerEngine, driver: Driver) -> None:
    """S4: what changes nothing is run again, wherever it was lost."""
    put(engine, b"a")
    for plan in (plans_of(engine).count, plans_of(engine).stats):
        driver.faults = {moment: [Gone()] for moment in ("execute", "executed")}
        found = engine.read(plan)
        assert (found.ready if isinstance(found, Stats) else found) == 1


def test_opening_is_not_patient(driver: Driver) -> None:
    """S5: a server that cannot be reached when a queue is opened is told at once."""
    driver.faults = {"lease": [Gone("away")]}
    with pytest.raises(StorageError, match="away"):
        opened(driver, timeout=60)
    assert driver.leases == 1


def test_a_refusal_of_the_server(engine: ServerEngine, driver: Driver) -> None:
    """An error that is neither conflict nor loss is translated at once, with its cause."""
    driver.faults = {"execute": [sqlite3.IntegrityError("no")]}
    with pytest.raises(StorageError, match="table queue_x: no") as raised:
        put(engine, b"a")
    assert isinstance(raised.value.__cause__, sqlite3.IntegrityError)
    put(engine, b"b")
    assert rows(driver) == [b"b"]


def test_an_interrupt_leaves_no_half_read_connection(engine: ServerEngine, driver: Driver) -> None:
    """Where an interrupt comes in the middle of an answer, that connection is never used again."""
    driver.faults = {"executed": [KeyboardInterrupt()]}  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        put(engine, b"a")
    assert driver.lost == 1


def test_transactions_nest_plans(engine: ServerEngine, driver: Driver) -> None:
    """In transaction() plans happen together, and what one of them raises undoes only that one."""
    with engine.transaction() as connection:
        put(engine, b"a")
        connection.execute("UPDATE queue_x SET crc = 7")
        driver.faults = {"execute": []}
        assert engine.read(plans_of(engine).count) == 1
        assert rows(driver) == []
    assert rows(driver) == [b"a"]
    with pytest.raises(LookupError), engine.transaction():
        put(engine, b"b")
        raise LookupError
    assert rows(driver) == [b"a"]


def test_a_conflict_ends_the_callers_transaction(engine: ServerEngine, driver: Driver) -> None:
    """A conflict inside of transaction() is the caller's to repeat, as a whole."""
    for moment in ("executed", "commit"):
        with pytest.raises(StorageBusy, match="run it again"), engine.transaction():
            driver.faults = {moment: [Conflict()]}
            put(engine, b"a")
    assert rows(driver) == []
    with pytest.raises(OutcomeUnknown), engine.transaction():
        put(engine, b"a")
        driver.faults = {"commit": [Gone()]}


def test_the_pool_is_kept_to(engine: ServerEngine) -> None:
    """No more plans run at a time than the pool has connections; who waits too long is told."""
    engine._gate.acquire()
    engine._gate.acquire()
    with pytest.raises(StorageBusy, match="all 2 connections of the pool were in use"):
        engine.read(plans_of(engine).count)
    engine._gate.release()
    assert engine.read(plans_of(engine).count) == 0


def test_owners_live_by_their_signs(driver: Driver) -> None:
    """L1, L2: an owner lives while it gives signs; nobody is called dead by who just came."""
    one, two = opened(driver), opened(driver)
    number = one.owner()
    assert one.owner() == number
    assert two.dead([number]) == []
    end = time.monotonic() + 10
    while not two.dead([number + 2]):  # a number that nobody has
        assert time.monotonic() < end
        time.sleep(0.01)
    assert two.dead([number]) == []
    one._life._heart.stop()  # type: ignore[union-attr]
    while not two.dead([number]):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert one.beat()
    assert two.dead([number]) == []
    one.close()
    assert two.dead([number]) == [number]
    driver.lost += 1
    assert two.dead([number]) == []
    two.close()
    with pytest.raises(QueueClosed):
        two.owner()
