"""Leases of PQ: a job of a worker that has died comes back."""

from __future__ import annotations

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from pq_core.errors import LeaseLost
from pq_postgres import PQ, Job


def taken(queue: Any, **options: Any) -> Job:
    """The next job, which has to be there."""
    job: Job | None = queue.get(**options)
    assert job is not None
    return job


def test_an_acked_job_stays_away(pq: PQ) -> None:
    """A job that is acked in time does not come back, and its row stays as pq leaves it."""
    queue = pq.queue("apples", lease=0.2)
    queue.put("Cox")
    job = taken(queue)
    assert job.is_leased
    assert job.attempts == 1
    job.ack()
    assert queue.get(timeout=0.5) is None
    with pytest.raises(LeaseLost, match="has no lease"):
        job.ack()


@pytest.mark.slow
def test_a_lease_that_ends_brings_the_job_back(pq: PQ) -> None:
    """A job that is not settled in time comes again, and a get that waits for it has it."""
    queue = pq.queue("apples", lease=0.3)
    queue.put("Cox")
    first = taken(queue)
    again = taken(queue, timeout=5)
    assert (again.id, again.data, again.attempts) == (first.id, "Cox", 2)
    with pytest.raises(LeaseLost, match="its lease has ended"):
        first.ack()
    with pytest.raises(LeaseLost, match="its lease has ended"):
        first.extend(5)
    again.extend(30)
    assert queue.get(timeout=0.6) is None
    again.nack()
    assert taken(queue, block=False).attempts == 3


@pytest.mark.slow
def test_a_job_of_a_worker_that_died(pq: PQ, postgres: str, table: str) -> None:
    """What a killed worker had leased comes back (defect 17); what it had not leased is gone."""
    queue = pq.queue("apples", lease=1)
    queue.put("leased")
    queue.put("lost")
    worker = (
        "import os, psycopg, sys; from pq_postgres import PQ;"
        "queue = PQ(psycopg.connect(sys.argv[1]), table=sys.argv[2])['apples'];"
        "queue.get(lease=1); queue.get(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", worker, postgres, table], check=False)
    assert taken(queue, timeout=10).data == "leased"
    assert queue.get(block=False) is None


def test_a_job_as_a_block(one: PQ) -> None:
    """A block that ends well acks its job, and one that fails gives it back."""
    queue = one.queue("apples", lease=30)
    queue.put("Cox")
    with pytest.raises(ZeroDivisionError), taken(queue):
        raise ZeroDivisionError
    with taken(queue, block=False) as job:
        assert job.attempts == 2
    assert queue.get(block=False) is None


def test_giving_back_for_later(one: PQ) -> None:
    """A job that is given back with a delay is not ready before."""
    queue = one.queue("apples", lease=30)
    queue.put("Cox")
    taken(queue).nack("1h")
    assert queue.get(block=False) is None
    queue.put("Boskop")
    taken(queue).nack(timedelta(seconds=0.2))
    assert taken(queue, timeout=5).data == "Boskop"


def test_a_lease_of_one_call(one: PQ) -> None:
    """A lease may be given to a get, or to all queues of PQ."""
    queue = one["apples"]
    queue.put("Cox")
    assert taken(queue, lease=30).is_leased
    queue.put("Boskop")
    assert not taken(queue).is_leased
    with pytest.raises(ValueError, match="lease"):
        queue.get(lease=0)


def test_a_lease_inside_of_a_transaction(one: PQ, sql: Any, table: str) -> None:
    """A lease that is rolled back was never there, its table included."""
    sql(f"DROP TABLE pq_lease_{table}")
    queue = one.queue("apples", lease=30)
    queue.put("Cox")
    with pytest.raises(ZeroDivisionError), queue:
        taken(queue)
        raise ZeroDivisionError
    assert taken(queue, block=False).attempts == 1


def test_clearing(one: PQ, sql: Any, table: str) -> None:
    """Clearing removes jobs that are out, and their leases."""
    queue = one.queue("apples", lease=30)
    queue.put("Cox")
    job = taken(queue)
    assert queue.clear() == 1
    assert sql(f"SELECT count(*) FROM pq_lease_{table}") == [(0,)]
    with pytest.raises(LeaseLost):
        job.ack()
