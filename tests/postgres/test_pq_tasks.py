"""Tasks of PQ."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from pq_core.errors import QueueClosed
from pq_core.testing.elsewhere import InThread, is_waiting
from pq_postgres import tasks
from pq_postgres.tasks import TaskQueue


@pytest.fixture
def queue(connect: Any, table: str) -> Iterator[TaskQueue]:
    """A queue for tasks."""
    pq = tasks.PQ(**connect("psycopg pool"), table=table)
    pq.create()
    queue = pq["default"]
    queue.timeout = 0.05
    yield queue
    queue.close()


def test_a_task_runs_in_a_worker(queue: TaskQueue) -> None:
    """Calling a task stores a job; the worker gives the function the job's id first."""
    eaten = []

    @queue.task()
    def eat(job_id: int, kind: str, *, peeled: bool = False) -> None:
        """Eats."""
        eaten.append((job_id, kind, peeled))

    id = eat("Cox", peeled=True)
    assert eat.__name__ == "eat"
    assert queue.handler_registry[eat._path].__name__ == "eat"  # type: ignore[attr-defined]
    assert eaten == []
    queue.work(burst=True)
    assert eaten == [(id, "Cox", True)]


def test_times_of_a_task(queue: TaskQueue, sql: Any, table: str) -> None:
    """A task has times, and a call may replace them."""

    @queue.task(schedule_at="1h", expected_at="2h")
    def eat(job_id: int, kind: str) -> None:
        raise AssertionError(job_id, kind)

    eat("Cox")
    eat("Cox", _schedule_at="1m", _expected_at=timedelta(minutes=2))
    queue.work(burst=True)
    minutes = sql(
        f"SELECT round(extract(epoch FROM schedule_at - enqueued_at) / 60)::int,"
        f" round(extract(epoch FROM expected_at - enqueued_at) / 60)::int FROM {table} ORDER BY id"
    )
    assert minutes == [(60, 120), (1, 2)]


def test_a_task_that_fails_is_tried_again(
    queue: TaskQueue, caplog: pytest.LogCaptureFixture
) -> None:
    """It is tried as often as it says, as new jobs; then the log tells, without its data."""
    seen: list[int] = []

    @queue.task(max_retries=2, retry_in=timedelta(0))
    def eat(job_id: int, kind: str) -> None:
        seen.append(job_id)
        raise RuntimeError(f"{len(kind)} characters")

    with caplog.at_level(logging.INFO, "persistqueue"):
        eat("secret apple")
        queue.work(burst=True)
    assert len(seen) == len(set(seen)) == 3
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO", "ERROR"]
    assert "secret apple" not in "".join(record.getMessage() for record in caplog.records)


def test_a_retry_waits(queue: TaskQueue, sql: Any, table: str) -> None:
    """The next try is so much later."""

    @queue.task(max_retries=1, retry_in="10s")
    def eat(job_id: int) -> None:
        raise RuntimeError(job_id)

    eat()
    queue.work(burst=True)
    ((seconds, retried),) = sql(
        "SELECT round(extract(epoch FROM schedule_at - enqueued_at))::int, data->>'retried'"
        f" FROM {table} WHERE dequeued_at IS NULL"
    )
    assert (seconds, retried) == (10, "1")
    with pytest.raises(ValueError, match="'retry_in'"):
        queue.task(retry_in="soon")


def test_only_tasks_are_run(queue: TaskQueue, caplog: pytest.LogCaptureFixture) -> None:
    """A job that names a function that is no task is not run, whatever it is."""
    for path in ("os.getpid", "no.such.thing", "", "tests.postgres.test_pq_tasks.plain"):
        queue.put({"function": path, "args": [], "kwargs": {}})
    queue.work(burst=True)
    assert len(caplog.records) == 4
    assert all("there is no task" in str(each.exc_info) for each in caplog.records)
    assert not called


called: list[int] = []


def plain(job_id: int) -> None:
    """Must never be called."""
    called.append(job_id)


def test_a_leased_task(connect: Any, table: str) -> None:
    """With a lease a task is acked when it has run, and its retry is stored with that ack."""
    pq = tasks.PQ(**connect("psycopg2 pool"), table=table, lease=30)
    pq.create()
    queue = pq["default"]
    queue.timeout = 0.05
    tries = []

    @queue.task(max_retries=1, retry_in="0s")
    def eat(job_id: int) -> None:
        tries.append(job_id)
        if len(tries) == 1:
            raise RuntimeError

    eat()
    queue.work(burst=True)
    assert len(tries) == 2
    assert len(queue) == 0


def test_a_task_that_outlives_its_lease(
    connect: Any, table: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The worker goes on, and the log says that the lease was too short."""
    pq = tasks.PQ(**connect("psycopg pool"), table=table, lease=30)
    pq.create()
    queue = pq["default"]
    queue.timeout = 0.05

    @queue.task()
    def eat(job_id: int) -> None:
        assert queue.clear() == 1, job_id

    eat()
    queue.work(burst=True)
    assert ["longer than its lease" in each.getMessage() for each in caplog.records] == [True]


def test_a_worker_ends_when_pq_is_closed(queue: TaskQueue) -> None:
    """A worker runs for ever, until PQ is closed."""
    with InThread() as other:
        working = other.submit(queue.work)
        assert is_waiting(working, 0.2)
        queue.close()
        with pytest.raises(QueueClosed):
            working.result(10)
