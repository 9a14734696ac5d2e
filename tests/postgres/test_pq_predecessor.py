"""A table that pq 1.9 has made is used as it is, and pq finds there what it expects.

The fixture is what ``pg_dump --inserts`` tells of a table that pq 1.9.0 (from PyPI, over psycopg2)
made and filled.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pq_core.testing.elsewhere import InThread, is_waiting
from pq_postgres import PQ, Job, tasks

DUMP = Path(__file__).parents[1] / "fixtures" / "legacy" / "postgres" / "pq-1.9.0.sql"
SQL = Callable[..., list[Any]]


@pytest.fixture
def old(sql: SQL) -> Any:
    """The schema in which the table of pq is; gone afterwards."""
    sql("DROP SCHEMA IF EXISTS old CASCADE")
    sql("CREATE SCHEMA old")
    sql(DUMP.read_text().replace("public.", "old."))
    yield "old"
    sql("DROP SCHEMA old CASCADE")


def drained(queue: Any) -> list[Any]:
    """The data of all jobs that are ready."""
    found = []
    while (job := queue.get(block=False)) is not None:
        found.append(job.data)
    return found


@pytest.mark.parametrize("with_create", [False, True])
@pytest.mark.parametrize("way", ["psycopg", "psycopg2"])
def test_its_jobs_are_taken(connect: Any, old: str, way: str, with_create: bool) -> None:
    """All that pq had ready comes, in pq's order, and nothing that it had taken."""
    pq = PQ(**connect(way), schema=old)
    if with_create:
        pq.create()
    kinds = [data["kind"] for data in drained(pq["apples"])]
    assert kinds == ["expected", "Boskop", "Gala", "long due"]
    assert drained(pq["pears/pickle"]) == [{1: (2, b"\xff")}]
    assert drained(pq["x" * 70]) == [1]


def test_its_tasks_are_run(connect: Any, old: str) -> None:
    """A worker of ours runs a task that a program with pq has called."""
    queue = tasks.PQ(**connect("psycopg"), schema=old)["tasks"]
    queue.timeout = 0.05
    eaten: list[Any] = []

    def eat(job_id: int, kind: str) -> None:
        eaten.append((job_id, kind))

    eat.__module__, eat.__qualname__ = "shared", "eat"
    queue.task()(eat)
    queue.work(burst=True)
    assert eaten == [(9, "Cox")]


def test_the_table_stays_as_it_is(connect: Any, old: str, sql: SQL) -> None:
    """No column, index or row of the table changes, whatever is done with it here."""
    about = (
        "SELECT column_name, data_type, column_default FROM information_schema.columns"
        " WHERE table_schema = 'old' AND table_name = 'queue' ORDER BY ordinal_position"
    )
    indexes = "SELECT indexdef FROM pg_indexes WHERE schemaname = 'old' AND tablename = 'queue'"
    before = sql(about), sql(indexes), sql("SELECT id FROM old.queue ORDER BY id")
    pq = PQ(**connect("psycopg"), schema=old)
    pq.create()
    job = pq.queue("apples", lease=30).get()
    assert isinstance(job, Job)
    job.ack()
    assert (sql(about), sql(indexes), sql("SELECT id FROM old.queue ORDER BY id")) == before


def test_what_pq_finds(connect: Any, old: str, sql: SQL) -> None:
    """Our rows hold JSON, times and queue names as pq writes them; its `take` marks them for us."""
    queue = PQ(**connect("psycopg"), schema=old)["plums"]
    id = queue.put({"kind": "Mirabelle"}, expected_at="1h")
    ((data, taken, expected, scheduled),) = sql(
        "SELECT data::text, dequeued_at, expected_at > now(), schedule_at FROM old.queue"
        " WHERE id = %s",
        id,
    )
    assert (data, taken, expected, scheduled) == ('{"kind": "Mirabelle"}', None, True, None)
    sql("UPDATE old.queue SET dequeued_at = current_timestamp WHERE id = %s", id)
    assert len(queue) == 0
    assert queue.get(block=False) is None


@pytest.mark.parametrize("name", ["plums", "p" * 63, "p" * 64])
def test_both_wake_each_other(connect: Any, old: str, sql: SQL, name: str) -> None:
    """The channel is that of pq's trigger: its rows wake us, and ours wake it."""
    import psycopg

    queue = PQ(**connect("psycopg"), schema=old)[name]
    with InThread() as other:
        getting = other.submit(queue.get, timeout=20)
        assert is_waiting(getting, 0.15)
        sql("INSERT INTO old.queue (q_name, data) VALUES (%s, '1')", name)
        assert getting.result(0.7) is not None
    hashed = "SELECT CASE WHEN length(%s) > 63 THEN 'pq_' || md5(%s) ELSE %s END"
    ((channel,),) = sql(hashed, name, name, name)
    listener = connect("psycopg", autocommit=True)["conn"]
    listener.execute(psycopg.sql.SQL("LISTEN {}").format(psycopg.sql.Identifier(channel)))
    sql("DROP TRIGGER pq_insert ON old.queue")
    queue.put(2)
    assert [each.channel for each in listener.notifies(timeout=5, stop_after=1)] == [channel]


def test_its_trigger_taken_away(connect: Any, old: str, sql: SQL) -> None:
    """When pq has made a second table and so lost the trigger of the first, create mends it."""
    pq = PQ(**connect("psycopg"), schema=old)
    sql("DROP FUNCTION old.pq_notify() CASCADE")
    pq.create()
    with InThread() as other:
        getting = other.submit(pq["plums"].get, timeout=20)
        assert is_waiting(getting, 0.15)
        sql("INSERT INTO old.queue (q_name, data) VALUES ('plums', '1')")
        assert getting.result(0.7) is not None
