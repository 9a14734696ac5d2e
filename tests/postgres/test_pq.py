"""PQ, with each driver."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, ClassVar

import pytest

from pq_core.errors import DecodeError, EncodeError, QueueClosed, QueueError, StorageError
from pq_core.testing.elsewhere import InThread, is_waiting
from pq_postgres import PQ, JobQueue
from tests.postgres.conftest import WAYS

SQL = Callable[..., list[Any]]


def test_jobs_come_in_their_order(pq: PQ) -> None:
    """What was put first is taken first, once, and then there is None."""
    queue = pq["apples"]
    ids = [queue.put({"kind": kind}) for kind in ("Cox", "Arthur Turner")]
    assert ids == sorted(set(ids))
    assert len(queue) == 2
    jobs = [queue.get(), queue.get()]
    assert [job and job.data for job in jobs] == [{"kind": "Cox"}, {"kind": "Arthur Turner"}]
    assert [job and job.id for job in jobs] == ids
    assert queue.get(block=False) is None
    assert len(queue) == 0


@pytest.mark.parametrize("data", [None, 0, "", [], {}, "ä%s\x7f'\"", {"a": [1, None]}])
def test_any_json_is_data(one: PQ, data: Any) -> None:
    """None, 0 and the empty text are data as any other."""
    queue = one["apples"]
    queue.put(data)
    job = queue.get(block=False)
    assert job is not None
    assert job.data == data


def test_queues_are_apart(pq: PQ) -> None:
    """A job is in the queue it was put into, and in no other of the table."""
    pq["apples"].put(1)
    assert pq["pears"].get(block=False) is None
    assert len(pq["pears"]) == 0
    assert pq["apples"] is pq["apples"]
    assert pq["apples"].clear() == 1
    assert pq["apples"].get(block=False) is None


def test_a_job_tells_about_itself(pq: PQ) -> None:
    """A job has its id, size and times, and shows them as documented."""
    queue = pq["apples"]
    before = datetime.now(timezone.utc).replace(tzinfo=None)
    at = datetime(2014, 2, 21, 16, 22, 6)  # noqa: DTZ001 - means UTC
    id = queue.put({"kind": "Cox"}, at, timedelta(minutes=1))
    job = queue.get()
    assert job is not None
    assert (job.id, job.size) == (id, len('{"kind": "Cox"}'))
    assert abs(job.enqueued_at - before) < timedelta(seconds=30)
    assert job.schedule_at == at
    assert job.expected_at is not None
    assert timedelta(seconds=30) < job.expected_at - before < timedelta(seconds=90)
    queue.put({})
    plain = queue.get()
    assert plain is not None
    text = plain.enqueued_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert repr(plain) == f'<pq.Job id={plain.id} size=2 enqueued_at="{text}" schedule_at=None>'
    assert 'schedule_at="2014-02-21T16:22:06Z"' in repr(job)


def test_data_is_updated_by_assignment(pq: PQ, table: str, sql: SQL) -> None:
    """Assigning to `data` changes the row and the size."""
    queue = pq["apples"]
    queue.put({"kind": "Cox"})
    job = queue.get()
    assert job is not None
    job.data = {"kind": "Cox", "eaten": True}
    assert job.data == {"kind": "Cox", "eaten": True}
    assert job.size == len(json.dumps(job.data))
    assert sql(f"SELECT data FROM {table} WHERE id = %s", job.id) == [(job.data,)]
    with pytest.raises(EncodeError):
        job.data = object()
    assert job.data == {"kind": "Cox", "eaten": True}
    queue.clear()
    with pytest.raises(QueueError, match="not there"):
        job.data = 1


def test_a_job_waits_for_its_schedule(pq: PQ) -> None:
    """A job that is scheduled is neither counted nor taken before, and wakes a get when due."""
    queue = pq["apples"]
    begin = time.monotonic()
    queue.put("soon", timedelta(seconds=1.5))
    queue.put("later", "1h")
    queue.put("at a time", datetime.now(timezone.utc) + timedelta(hours=1))
    assert len(queue) == 0
    assert queue.get(block=False) is None
    job = queue.get(timeout=20)
    assert job is not None
    assert job.data == "soon"
    assert time.monotonic() - begin > 1.4
    assert queue.get(block=False) is None


def test_what_is_expected_first_comes_first(one: PQ) -> None:
    """Jobs without a schedule come by their expectation, and without one last."""
    queue = one["apples"]
    for data, expected in (("never", None), ("2h", "2h"), ("5m", "5m"), ("1s", timedelta(0, 1))):
        queue.put(data, expected_at=expected)
    order = [job.data for job in (queue.get() for _ in range(4)) if job]
    assert order == ["1s", "5m", "2h", "never"]


@pytest.mark.parametrize("bad", ["5", "m", "5x", "5 minutes", "-5m", ""])
def test_a_time_that_cannot_be_understood(one: PQ, bad: str) -> None:
    """A text that is no time is a ValueError that shows how to write one, and stores nothing."""
    with pytest.raises(ValueError, match=r"'schedule_at'.*'5m'"):
        one["apples"].put(1, bad)
    with pytest.raises(TypeError, match="'expected_at'"):
        one["apples"].put(1, expected_at=5)  # type: ignore[arg-type]
    assert len(one["apples"]) == 0


@pytest.mark.slow
def test_get_waits_and_then_gives_none(pq: PQ) -> None:
    """A get waits a second, or its timeout, which holds for that call only (defect 17)."""
    queue = pq["apples"]
    begin = time.monotonic()
    assert queue.get(timeout=0.05) is None
    assert time.monotonic() - begin > 0.04
    begin = time.monotonic()
    assert queue.get() is None
    assert time.monotonic() - begin > 0.9
    assert queue.get(timeout=0) is None
    with pytest.raises(ValueError, match="timeout"):
        queue.get(timeout=-1)


@pytest.mark.parametrize("name", ["apples", 'a "quoted" name%s', "long " * 20, "ä" * 40])
@pytest.mark.parametrize("way", WAYS)
def test_a_put_wakes_a_get(
    connect: Any, table: str, way: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiting get has the job at once, whatever characters the queue's name has (defect 17)."""
    monkeypatch.setattr("pq_postgres._jobqueue.LOOK", 60.0)  # it is not by looking
    producer = PQ(**connect("psycopg"), table=table)
    producer.create()
    queue = PQ(**connect(way), table=table)[name]
    with InThread() as other:
        getting = other.submit(queue.get, timeout=60)
        assert is_waiting(getting, 0.15)
        producer[name].put("here")
        job = getting.result(30)
    assert job is not None
    assert job.data == "here"


def test_a_second_table_takes_no_notifications_away(
    connect: Any, table: str, sql: SQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row added by plain SQL rings for its table after another one was made (defect 17)."""
    monkeypatch.setattr("pq_postgres._jobqueue.LOOK", 60.0)  # it is not by looking
    first = PQ(**connect("psycopg"), table=table)
    first.create()
    PQ(**connect("psycopg"), table=f"{table}_b").create()
    first.create()
    with InThread() as other:
        getting = other.submit(first["apples"].get, timeout=60)
        assert is_waiting(getting, 0.15)
        sql(f"INSERT INTO {table} (q_name, data) VALUES ('apples', '1')")
        assert getting.result(30)


def test_a_pool_gets_its_connections_back_as_they_were(connect: Any, table: str) -> None:
    """A connection that has waited for a queue listens to nothing when it is back in its pool."""
    arguments = connect("psycopg pool")
    pq = PQ(**arguments, table=table)
    pq.create()
    assert pq["apples"].get(timeout=0.05) is None
    with arguments["pool"].connection() as connection:
        assert connection.execute("SELECT pg_listening_channels()").fetchall() == []


def test_iterating_takes_jobs(pq: PQ) -> None:
    """A loop over a queue has job after job, and None when none has come for a while."""
    queue = pq["apples"]
    queue.timeout = 0.05
    for kind in ("Cox", "Boskop"):
        queue.put(kind)
    seen = []
    for job in queue:
        if job is None:
            break
        seen.append(job.data)
    assert seen == ["Cox", "Boskop"]


def test_an_iterator_has_a_timeout_of_its_own(pq: PQ) -> None:
    """A loop may wait for another time than the queue does."""
    queue = pq["apples"]
    queue.timeout = None
    jobs = iter(queue)
    jobs.timeout = 0.05
    queue.put("Cox")
    assert [job and job.data for job in (next(jobs), next(jobs))] == ["Cox", None]


@pytest.mark.parametrize("way", ["psycopg2", "psycopg2 pool"])
def test_a_table_is_a_parameter_of_psycopg2(connect: Any, way: str) -> None:
    """As with pq, whose users give `table` to a cursor beside their values."""
    pq = PQ(**connect(way), table='od"d', schema="public")
    pq.create()
    id = pq["apples"].put("Cox")
    with pq["apples"] as cursor:
        cursor.execute("SELECT data FROM %s WHERE id = %s", (pq["apples"].table, id))
        assert cursor.fetchone() == ("Cox",)
    assert repr(pq["apples"].table) == '<TableName "public"."od""d">'


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_transaction(connect: Any, table: str, sql: SQL, way: str, autocommit: bool) -> None:
    """`with queue as cursor` is one transaction: get, put and statements, all or nothing."""
    pq = PQ(**connect(way, autocommit), table=table)
    pq.create()
    queue = pq["apples"]
    queue.put("Cox")
    with pytest.raises(ZeroDivisionError), queue as cursor:
        job = queue.get()
        assert job is not None
        cursor.execute(f"INSERT INTO {table} (q_name, data) VALUES ('eaten', '1')")
        pq["pears"].put("another queue of the same table")
        raise ZeroDivisionError
    assert sql(f"SELECT q_name FROM {table} WHERE dequeued_at IS NULL") == [("apples",)]
    with queue as cursor:
        job = queue.get()
        assert job is not None
        assert job.data == "Cox"
        job.data = "eaten"
        with pytest.raises(EncodeError):
            queue.put(object())
        queue.put("stem")
        cursor.execute("SELECT 1")
        assert cursor.fetchone()[0] == 1
        # Nobody else sees anything of it yet.
        assert sql(f"SELECT q_name FROM {table} WHERE dequeued_at IS NULL") == [("apples",)]
    found = sql(f"SELECT data, dequeued_at IS NULL FROM {table} ORDER BY id")
    assert found == [("eaten", False), ("stem", True)]


def test_a_get_inside_of_a_transaction_waits(pq: PQ, connect: Any, table: str) -> None:
    """Inside of a transaction a get waits for what others commit, too."""
    other = PQ(**connect("psycopg"), table=table)
    begin = threading.Event()

    def put() -> None:
        begin.wait(10)
        other["apples"].put("late")

    with InThread() as helper, pq["apples"]:
        putting = helper.submit(put)
        begin.set()
        job = pq["apples"].get(timeout=10)
        assert job is not None
        putting.result(10)


def test_a_block_of_the_callers_own(connect: Any, table: str, sql: SQL) -> None:
    """Inside of psycopg's own transaction block a put is committed with the block."""
    arguments = connect("psycopg")
    pq = PQ(**arguments, table=table)
    pq.create()
    with pytest.raises(ZeroDivisionError), arguments["conn"].transaction():
        pq["apples"].put(1)
        raise ZeroDivisionError
    assert len(pq["apples"]) == 0
    with arguments["conn"].transaction():
        pq["apples"].put(2)
        assert sql(f"SELECT count(*) FROM {table}") == [(0,)]
        assert pq["apples"].get(timeout=0.1) is not None
        assert pq["apples"].get(timeout=0.1) is None
    assert sql(f"SELECT count(*) FROM {table}") == [(1,)]


def test_pickles(pq: PQ, table: str, sql: SQL) -> None:
    """A queue with /pickle takes any object, and stores it as a JSON text of protocol 0."""
    queue = pq["apples/pickle"]
    data = {1: (2, b"\xff\x00"), "when": timedelta(1), "ä": "\udc80"}
    queue.put(data)
    ((name, kind, text),) = sql(
        f"SELECT q_name, json_typeof(data), left(data::text, 2) FROM {table}"
    )
    assert (name, kind, text) == ("apples", "string", '"(')
    job = queue.get()
    assert job is not None
    assert job.data == data
    with pytest.raises(EncodeError):
        queue.put(lambda: 1)
    with pytest.raises(ValueError, match="'/yaml'"):
        pq["apples/yaml"]


class Upper(JobQueue):
    """A queue of a kind of its own: it knows another form, and how many jobs were ever put."""

    converters: ClassVar[Any] = {
        **JobQueue.converters,
        "upper": (str.upper, str.lower),
    }

    def ever(self) -> int:
        """Counts those that were taken, too."""
        with self as cursor:
            cursor.execute(f"SELECT count(*) FROM {self.table} WHERE q_name = %s", (self.name,))
            return int(cursor.fetchone()[0])


class UpperPQ(PQ):
    """Says what its queues are by itself."""

    queue_class = Upper


@pytest.mark.parametrize("make", [UpperPQ, partial(PQ, queue_class=Upper)])
def test_queues_of_ones_own_kind(make: Any, connect: Any, table: str, sql: SQL) -> None:
    """A class of queues is told to PQ, or stands in a subclass of it."""
    pq = make(**connect("psycopg"), table=table)
    pq.create()
    queue = pq["apples/upper"]
    queue.put("Cox")
    queue.put("Topaz")
    assert sql(f"SELECT data::text FROM {table} ORDER BY id") == [('"COX"',), ('"TOPAZ"',)]
    job = queue.get()
    assert job is not None
    assert job.data == "cox"
    assert (len(queue), queue.ever()) == (1, 2)
    with pytest.raises(ValueError, match="'/lower', and known are: /pickle, /upper"):
        pq["apples/lower"]


def test_another_encoding(connect: Any, table: str) -> None:
    """`encode` and `decode` replace the json module; bytes will do."""
    pq = PQ(
        **connect("psycopg"),
        table=table,
        encode=lambda data: json.dumps(["v1", data]).encode(),
        decode=lambda text: json.loads(text)[1],
    )
    pq.create()
    pq["apples"].put("Cox")
    job = pq["apples"].get()
    assert job is not None
    assert job.data == "Cox"


def test_data_that_cannot_be_decoded(connect: Any, table: str, sql: SQL) -> None:
    """It is told with its id, stays in the table, and the next get goes on."""
    pq = PQ(**connect("psycopg"), table=table, decode=lambda text: {"1": 1}[text])
    pq.create()
    queue = pq["apples"]
    id = queue.put(2)
    queue.put(1)
    with pytest.raises(DecodeError, match=f"job {id}") as told:
        queue.get()
    assert told.value.id == id
    job = queue.get()
    assert job is not None
    assert job.data == 1
    assert sql(f"SELECT data FROM {table} WHERE id = %s", id) == [(2,)]


@pytest.mark.parametrize("way", ["psycopg", "psycopg2"])
def test_a_cursor_factory_of_the_callers(connect: Any, table: str, way: str) -> None:
    """What rows the caller's cursors give makes no difference to PQ."""
    connection = connect(way)["conn"]
    if way == "psycopg":
        from psycopg.rows import dict_row

        connection.row_factory = dict_row
    else:
        from psycopg2.extras import RealDictCursor

        connection.cursor_factory = RealDictCursor
    pq = PQ(connection, table=table)
    pq.create()
    pq["apples"].put(1)
    with pq["apples"] as cursor:
        assert pq["apples"].get() is not None
        cursor.execute("SELECT 1 AS one")
        assert cursor.fetchone() == {"one": 1}


def test_threads_with_a_pool(connect: Any, table: str) -> None:
    """Threads share PQ over a pool, even more of them than it has connections."""
    for way in ("psycopg pool", "psycopg2 pool"):
        pq = PQ(**connect(way), table=table)
        pq.create()
        for number in range(40):
            pq["apples"].put(number)
        got: list[Any] = []

        def take() -> None:
            while job := pq["apples"].get(timeout=0.05):  # noqa: B023 - joined in the loop
                got.append(job.data)  # noqa: B023

        threads = [threading.Thread(target=take) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert sorted(got) == list(range(40))


def test_schemas_and_odd_tables(connect: Any, sql: SQL) -> None:
    """A schema and a table with any characters in their names are taken as they are."""
    schema, table = 'a "schema" %s', "t'; DROP TABLE x; --"
    quoted = '"a ""schema"" %%s"'
    sql(f"CREATE SCHEMA {quoted}".replace("%%", "%"))
    pq = PQ(**connect("psycopg2"), table=table, schema=schema)
    pq.create()
    pq.create()
    pq["x"].put(1)
    with pq.queue("x", lease=5).get() as job:  # type: ignore[union-attr]
        assert job.data == 1
    found = sql("SELECT table_name FROM information_schema.tables WHERE table_schema = %s", schema)
    assert (table,) in found
    with pytest.raises(ValueError, match="63 bytes"):
        PQ(**connect("psycopg"), table="x" * 64)
    with pytest.raises(ValueError, match="NUL"):
        PQ(**connect("psycopg"), table="a\0b")
    with pytest.raises(ValueError, match="name of a queue"):
        pq[""]


def test_a_name_means_what_postgresql_takes_it_for(connect: Any, table: str, sql: SQL) -> None:
    """The predecessor never quoted its table: upper case is lower case, and a dot ends the schema."""
    PQ(**connect("psycopg"), table=table.upper()).create()
    PQ(**connect("psycopg"), table=f"public.{table}")["x"].put(1)
    assert sql(f"SELECT count(*) FROM {table}") == [(1,)]


def test_close(pq: PQ) -> None:
    """A closed PQ says so; closing it twice is nothing."""
    queue = pq["apples"]
    pq.close()
    pq.close()
    with pytest.raises(QueueClosed):
        queue.put(1)


def test_no_table(connect: Any) -> None:
    """Without create the error names the table and the remedy."""
    with pytest.raises(StorageError, match=r"nowhere.*create\(\)"):
        PQ(**connect("psycopg"), table="nowhere")["apples"].put(1)


def test_what_is_no_connection() -> None:
    """Neither, both, or something else is a TypeError that says what is taken."""
    with pytest.raises(TypeError, match="a connection or a pool"):
        PQ()
    with pytest.raises(TypeError, match="psycopg"):
        PQ(object())
