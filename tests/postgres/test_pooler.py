"""The queues behind a pooler that gives each transaction another server process."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

import pq_postgres
from pq_core.errors import Empty, LeaseLost
from pq_core.testing.elsewhere import InProcess, InThread, is_waiting

pytestmark = pytest.mark.slow

_NUMBERS = itertools.count()
# Items of any type, in one place.
PostgresAckQueue: Any = pq_postgres.PostgresAckQueue
PostgresQueue: Any = pq_postgres.PostgresQueue
PLAIN = ("PostgresQueue", "FILOPostgresQueue", "PostgresUniqueQ", "PostgresPriorityQueue")
ACKED = ("PostgresAckQueue", "FILOPostgresAckQueue", "PostgresUniqueAckQ")


@pytest.fixture
def name() -> str:
    """A name that no queue has yet."""
    return f"pooled{next(_NUMBERS)}"


def test_it_is_such_a_pooler(pgbouncer: str, name: str) -> None:
    """Two transactions of one connection are carried out by two processes of the server."""
    with PostgresQueue(pgbouncer, name, max_connections=1) as queue:
        seen = set()
        for _ in range(3):
            with queue.transaction() as connection:
                seen.add(connection.execute("SELECT pg_backend_pid()").fetchone())
        assert len(seen) > 1


@pytest.mark.parametrize("kind", PLAIN + ACKED)
def test_the_basics(pgbouncer: str, name: str, kind: str) -> None:
    """What is put comes once, in its order, and the counts are those of the storage."""
    with getattr(pq_postgres, kind)(pgbouncer, name) as queue:
        first = queue.put({"n": 0})
        ids = [first, *queue.put_many([{"n": n} for n in range(1, 6)])]
        assert ids == sorted(ids)
        assert queue.stats().ready == queue.qsize() == len(list(queue.browse())) == 6
        expected = [{"n": n} for n in range(6)]
        if "FILO" in kind:
            expected.reverse()
        assert queue.peek() == expected[0]
        taken = [queue.get(), queue.get(), *queue.get_many(10)]
        assert taken == expected
        if kind in ACKED:
            assert queue.unack_count() == 6
            assert queue.ack_many(ids[1:]) == 5
            assert queue.ack(id=first) == first
        with pytest.raises(Empty):
            queue.get_nowait()
        assert queue.stats().ready == 0


def test_what_is_held(pgbouncer: str, name: str) -> None:
    """Without auto_commit an item that was not settled comes again after the close."""
    with PostgresQueue(pgbouncer, name, auto_commit=False) as queue:
        queue.put_many(["done", "not done"])
        assert queue.get() == "done"
        queue.task_done()
        assert queue.get() == "not done"
    with PostgresQueue(pgbouncer, name) as queue:
        assert queue.get_nowait() == "not done"
        assert queue.empty()


def test_leases(pgbouncer: str, name: str) -> None:
    """A lease ends, is extended and is given back; who comes too late is told."""
    now = [1000.0]
    options: Any = {"lease": 10.0, "clock": lambda: now[0]}
    with (
        PostgresAckQueue(pgbouncer, name, **options) as queue,
        PostgresAckQueue(pgbouncer, name, **options) as other,
    ):
        queue.put("a")
        late = queue.receive()
        now[0] += 11.0
        again = other.receive(block=False)
        assert (again.item, again.attempts) == ("a", 2)
        with pytest.raises(LeaseLost):
            late.ack()
        again.extend(100.0)
        now[0] += 50.0
        with pytest.raises(Empty):
            queue.get_nowait()
        again.nack(delay=5.0)
        with pytest.raises(Empty):
            queue.get_nowait()
        now[0] += 6.0
        with queue.receive(block=False) as message:
            assert message.attempts == 3
        assert queue.stats().ready == 0


@pytest.mark.parametrize("cls", [PostgresQueue, PostgresAckQueue])
def test_a_put_of_another_process_wakes(pgbouncer: str, name: str, cls: Any) -> None:
    """A get that waits comes back with what another process puts."""
    with (
        cls(pgbouncer, name) as queue,
        InProcess(queue) as putting,
        InThread() as waiting,
    ):
        call = waiting.submit(queue.get)
        assert is_waiting(call)
        putting.submit("put", "item").result(20)
        assert call.result(20) == "item"


def test_two_processes_share(pgbouncer: str, name: str) -> None:
    """Of consumers in two processes none gets what the other one has."""
    with PostgresAckQueue(pgbouncer, name) as queue, InProcess(queue) as other:
        queue.put_many(list(range(100)))
        theirs: list[Any] = [other.submit("get_nowait") for _ in range(50)]
        ours = [queue.get_nowait() for _ in range(50)]
        assert sorted(ours + [each.result(20) for each in theirs]) == list(range(100))


def test_a_consumer_that_died(pgbouncer: str, name: str) -> None:
    """What a process had out that was killed comes again."""
    with PostgresAckQueue(pgbouncer, name, heartbeat=0.2) as queue:
        queue.put("item")
        with InProcess(queue) as other:
            assert other.submit("get").result(20) == "item"
            other.kill()
            assert queue.get(timeout=20) == "item"


def test_a_transaction_with_tables_of_ones_own(pgbouncer: str, name: str) -> None:
    """All of it happens or nothing, though each transaction has another server process."""
    with PostgresQueue(pgbouncer, name) as queue:
        with pytest.raises(ZeroDivisionError), queue.transaction():
            queue.put("lost")
            raise ZeroDivisionError
        with queue.transaction() as connection:
            connection.execute("SELECT 1")
            queue.put("kept")
        assert queue.get_many(10) == ["kept"]
