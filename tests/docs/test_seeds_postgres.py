"""What pq's README shows works as shown.

``print`` is Python 3's; where the README leaves something out (``...``) the test fills it in; and
what runs for ever there runs on a thread here.
"""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pq_core.errors import QueueClosed


@pytest.fixture
def conn(postgres: str) -> Iterator[Any]:
    """A connection of psycopg2 to a database of its own, which is what the README connects to."""
    psycopg2 = pytest.importorskip("psycopg2")
    psycopg = pytest.importorskip("psycopg")
    name = f"example_{os.getpid()}"  # other processes of the test run use the server, too
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        connection = psycopg2.connect(psycopg.conninfo.make_conninfo(postgres, dbname=name))
        yield connection
        connection.close()
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def pq(conn: Any) -> Any:
    """``PQ(conn)``, with its table made."""
    from pq_postgres import PQ

    pq = PQ(conn)
    pq.create()
    return pq


def test_getting_started_and_queues(conn: Any) -> None:
    """PQ takes a connection; create makes the table `queue`; queues are its items."""
    from pq_postgres import PQ

    pq = PQ(conn)
    pq.create()

    queue = pq["apples"]

    with queue as cursor:
        cursor.execute("SELECT count(*) FROM queue")
        assert cursor.fetchone() == (0,)


def test_the_namespace() -> None:
    """PQ is also there as persistqueue.PQ."""
    persistqueue = pytest.importorskip("persistqueue")
    pq_postgres = pytest.importorskip("pq_postgres")
    assert persistqueue.PQ is pq_postgres.PQ


def test_methods(pq: Any) -> None:
    """put, get, the job's repr, and the two loops."""
    queue = pq["apples"]

    queue.put({"kind": "Cox"})
    queue.put({"kind": "Arthur Turner"})
    queue.put({"kind": "Golden Delicious"})

    eaten = []

    def eat(kind: str) -> None:
        eaten.append(f"umm, {kind} apples taste good.")

    job = queue.get()
    eat(**job.data)
    assert eaten == ["umm, Cox apples taste good."]
    assert re.fullmatch(
        r'<pq.Job id=\d+ size=\d+ enqueued_at="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ" schedule_at=None>',
        repr(job),
    )

    for job in queue:
        if job is None:
            break

        eat(**job.data)
    assert len(eaten) == 3

    queue.put({"kind": "Cox"})
    for job in queue:
        if job is not None:
            eat(**job.data)
        else:
            break  # the README's loop is infinite
    assert len(eaten) == 4


def test_scheduling_and_priority(pq: Any, conn: Any) -> None:
    """The three puts with times."""
    queue = pq["apples"]
    queue.put({"kind": "Cox"}, "5m")
    queue.put({"kind": "Cox"}, expected_at="5m")
    queue.put({"kind": "Cox"}, "1h", "2h")
    job = queue.get()
    assert job.schedule_at is None
    assert job.expected_at is not None
    assert queue.get(block=False) is None
    with conn.cursor() as cursor:
        cursor.execute(
            "SELECT round(extract(epoch FROM schedule_at - enqueued_at)),"
            " round(extract(epoch FROM expected_at - enqueued_at)) FROM queue ORDER BY id"
        )
        assert cursor.fetchall() == [(300, None), (None, 300), (3600, 7200)]


def test_encoding_and_decoding(conn: Any) -> None:
    """The arguments encode and decode are arguments of the constructor."""
    from pq_postgres import PQ

    pq = PQ(conn, encode=lambda data: json.dumps([data]), decode=lambda text: json.loads(text)[0])
    pq.create()
    pq["apples"].put("Cox")
    job = pq["apples"].get()
    assert job is not None
    assert job.data == "Cox"


class Apple:
    """The README's class."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


def test_pickles(pq: Any, conn: Any) -> None:
    """A queue with /pickle takes objects; they are stored as a JSON text."""
    queue = pq["apples/pickle"]
    queue.put(Apple("Cox"))
    with conn.cursor() as cursor:
        cursor.execute("SELECT json_typeof(data), q_name FROM queue")
        assert cursor.fetchall() == [("string", "apples")]
    assert queue.get().data.kind == "Cox"


def test_tasks(conn: Any) -> None:
    """Tasks, their retries, and times given at the call; work runs them."""
    from pq_postgres.tasks import PQ

    pq = PQ(conn)
    pq.create()

    queue = pq["default"]
    eaten = threading.Event()

    @queue.task(schedule_at="1h")
    def eat(job_id: int, kind: str) -> None:
        assert job_id > 0
        assert kind == "Cox"
        eaten.set()

    eat("Cox")
    assert len(queue) == 0
    eat("Cox", _expected_at="2m", _schedule_at="1s")

    @queue.task(schedule_at="1h", max_retries=2, retry_in="10s")
    def again(job_id: int, kind: str) -> None:
        raise RuntimeError(job_id, kind)

    again("Cox", _expected_at="2m", _schedule_at="1m")

    def work() -> None:
        with pytest.raises(QueueClosed):
            queue.work()

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert eaten.wait(20)
    finally:
        pq.close()
        worker.join(20)
    assert not worker.is_alive()
