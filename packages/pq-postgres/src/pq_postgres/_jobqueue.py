"""One queue of PQ."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Any, ClassVar, Final, TypeAlias

from pq_core.errors import DecodeError, EncodeError, LeaseLost, QueueError
from pq_core.waiting import Bell, Deadline
from pq_postgres._job import Job
from pq_postgres._jobtable import JobTable
from pq_postgres._names import TableName, channel_of
from pq_postgres._source import Source
from pq_postgres._times import When, due

__all__ = ["JobQueue"]

#: A waiting get looks at least so often, in seconds: behind a pooler no notification comes, and a
#: row may have been added without one.
LOOK: Final = 1.0
#: The same inside of a transaction, where a LISTEN has no effect yet (manual, LISTEN).
LOOK_INSIDE: Final = 0.05


def _pickled(data: Any) -> str:
    # Protocol 0 is nearly ASCII; what is not is Latin-1, and JSON escapes it.
    return pickle.dumps(data, 0).decode("latin-1")


def _unpickled(text: str) -> Any:
    return pickle.loads(text.encode("latin-1"))


def _same(data: Any) -> Any:
    return data


#: From data to what `encode` takes, and back.
Converter: TypeAlias = tuple[Callable[[Any], Any], Callable[[Any], Any]]


class Jobs(Iterator["Job | None"]):
    """Takes the jobs of a queue, for ever.

    Attributes:
        timeout: seconds after which the next one is None, where none has come; None: as the
            queue has it.
    """

    def __init__(self, queue: JobQueue) -> None:
        self.timeout: float | None = None
        self._queue = queue

    def __next__(self) -> Job | None:
        return self._queue.get(timeout=self.timeout)


class JobQueue:
    """A queue in a table of jobs; made by ``pq[name]``.

    Iterating takes job after job, and None whenever none has come for `timeout` seconds. ``with
    queue as cursor`` is one transaction of the calling thread, for jobs and for statements of
    one's own; put and get inside of it join.

    Args:
        name: of the queue; with "/pickle" behind it, its data is pickled. Reading a pickle can
            run any code: use it only where nobody else can write to the table.
        source: of the connections.
        table: the table of jobs.
        encode: makes JSON text of data.
        decode: makes data of JSON text.
        lease: seconds after which a job comes back that was taken and not acked; None: a job is
            done when it is taken.

    Attributes:
        name: of the queue, without "/pickle".
        timeout: seconds that get waits where it is not told otherwise; None: for ever.
        converters: what may stand behind the slash of a name; a subclass may know more.
    """

    timeout: float | None = 1
    converters: ClassVar[Mapping[str, Converter]] = {"pickle": (_pickled, _unpickled)}

    def __init__(
        self,
        name: str,
        source: Source,
        table: JobTable,
        encode: Callable[[Any], Any] = json.dumps,
        decode: Callable[[str], Any] = json.loads,
        lease: float | None = None,
    ) -> None:
        self.name, slash, form = name.rpartition("/") if "/" in name else (name, "", "")
        if not self.name or "\0" in name:
            raise ValueError(
                f"the name of a queue must be a text without NUL characters, not {name!r}"
            )
        if slash and form not in self.converters:
            raise ValueError(
                f"the queue name {name!r} ends in '/{form}', and known are: "
                f"{', '.join('/' + each for each in self.converters)}; leave it out"
            )
        self._dumps, self._loads = self.converters[form] if slash else (_same, _same)
        self._encode = encode
        self._decode = decode
        self._source = source
        self._table = table
        self._lease = _seconds(lease)
        self._where = f"{table.name}[{self.name!r}]"
        self._channel = channel_of(self.name)
        self._open: threading.local = threading.local()

    @property
    def table(self) -> TableName:
        """The table's name, for statements of one's own: ``f"SELECT count(*) FROM {queue.table}"``."""
        return TableName(self._table.sql)

    # -- put ----------------------------------------------------------------------------------

    def put(
        self, data: Any, schedule_at: When | None = None, expected_at: When | None = None
    ) -> int:
        """Stores a job, durably on return (inside of ``with queue``: at its end).

        Args:
            data: what `encode` takes: with the json module dicts, lists, texts and numbers.
            schedule_at: it is not taken before: a datetime (UTC where it has no time zone), a
                timedelta, or a text such as "30s", "5m", "1h", "2d", "1w".
            expected_at: of jobs with the same schedule, the one expected first is taken first,
                and those expected at no time last.

        Returns:
            its id.

        Raises:
            EncodeError: the data cannot be encoded; nothing is stored.
            ValueError: a time cannot be understood.
            StorageError: the server or the connection failed; nothing is stored, unless the
                connection broke in the middle of the commit.
        """
        scheduled = due("schedule_at", schedule_at)
        expected = due("expected_at", expected_at)
        text = self._encoded(data)
        found = self._one(self._table.put, self.name, text, *scheduled, *expected, self._channel)
        return int(found[0])

    def _encoded(self, data: Any) -> str:
        try:
            text = self._encode(self._dumps(data))
            return text.decode() if isinstance(text, bytes) else text
        except Exception as error:
            raise EncodeError(
                f"{self._where}: the data cannot be encoded ({type(error).__name__}); put what "
                "encode= takes, or use a '/pickle' queue"
            ) from error

    # -- get ----------------------------------------------------------------------------------

    def get(
        self, block: bool = True, timeout: float | None = None, *, lease: float | None = None
    ) -> Job | None:
        """Takes the next job; None where none has come in time.

        Without a lease it is done when this returns, and is lost if its worker dies; inside of
        ``with queue`` that is at the end of the transaction. With a lease it comes back unless
        `Job.ack` is called in time.

        Args:
            block: wait for a job.
            timeout: seconds to wait, for this call only; None: the queue's `timeout`.
            lease: seconds, for this call only; None: the queue's.

        Raises:
            DecodeError: its data cannot be decoded; the row stays in the table, taken.
            ValueError: `timeout` or `lease` is out of range.
            StorageError: the server or the connection failed; no job is taken.
        """
        deadline = Deadline(block, self.timeout if timeout is None else timeout)
        span = self._lease if lease is None else _seconds(lease)
        job, _ = self._take(span)
        if job is not None or deadline.remaining() == 0.0:
            return job
        return self._await(deadline, span)

    def _await(self, deadline: Deadline, lease: float | None) -> Job | None:
        source = self._source
        with source.connection() as connection:
            if source.is_inside() or source.driver.is_open(connection):
                bell = Bell(object, shortest=LOOK_INSIDE, longest=LOOK_INSIDE)
                return bell.wait_for(lambda: self._take(lease, connection)[0], deadline)
            channel = '"' + self._channel.replace('"', '""') + '"'
            ear = source.driver.ear(connection, self._channel)
            try:
                self._say(connection, f"LISTEN {channel}")
                # Looked after the LISTEN is committed, and before every wait: what is put after
                # the look rings, and what was put before it is found.
                while True:
                    job, pause = self._take(lease, connection)
                    remaining = deadline.remaining()
                    if job is not None or remaining == 0.0:
                        return job
                    with source.told():
                        ear.wait(max(0.0, min(LOOK if remaining is None else remaining, pause)))
            finally:
                # A pool's next user must not be told, and a list of what nobody reads not grow.
                with suppress(Exception):
                    self._say(connection, f"UNLISTEN {channel}")
                    ear.close()

    def _say(self, connection: Any, sql: str) -> None:
        with self._source.statements(held=connection) as cursor:
            self._source.driver.execute(cursor, sql, None)

    def _take(self, lease: float | None, held: Any = None) -> tuple[Job | None, float]:
        """The next job, or for how many seconds there is none."""
        if lease is not None:
            self._make_leases()
        table, name = self._table, self.name
        pause = LOOK
        with self._source.statements(held=held) as cursor:
            execute = self._source.driver.execute
            if lease is None:
                execute(cursor, table.take, (name,))
            else:
                execute(cursor, table.sweep, (name,))
                execute(cursor, table.lease, (name, name, lease))
            row = cursor.fetchone()
            if row is None or row[0] is None:
                if row is not None and row[6] is not None:
                    pause = min(pause, row[6])
                if lease is not None:
                    execute(cursor, table.next_end, (name,))
                    (ends,) = cursor.fetchone()
                    pause = pause if ends is None else min(pause, ends)
                return None, pause
        return self._job(row), 0.0

    def _job(self, row: tuple[Any, ...]) -> Job:
        id, text, size, enqueued_at, schedule_at, expected_at, _, token, attempts = row
        try:
            data = self._loads(self._decode(text))
        except Exception as error:
            if token is not None:
                self.ack(id, token)  # its lease would only bring it back
            raise DecodeError(
                f"{self._where}: job {id} cannot be decoded ({type(error).__name__}); its row is "
                "kept, marked as taken",
                id=id,
            ) from error
        return Job(id, data, size, enqueued_at, schedule_at, expected_at, self, token, attempts)

    def __iter__(self) -> Jobs:
        """Takes jobs for ever: one after the other, or None after each timeout."""
        return Jobs(self)

    # -- what a job can do --------------------------------------------------------------------

    def update(self, job_id: int, data: Any) -> int:
        """Replaces the data of a job; its new size. `Job.data` does it by assignment.

        Raises:
            EncodeError: the data cannot be encoded; the old data stays.
            QueueError: the row is not there any more.
        """
        row = self._one(self._table.update, self._encoded(data), job_id)
        if row is None:
            raise QueueError(f"{self._where}: job {job_id} is not there any more; put a new one")
        return int(row[0])

    def ack(self, job_id: int, token: int) -> None:
        """See `Job.ack`."""
        self._settled(self._count(self._table.ack, job_id, token), job_id, "acked")

    def nack(self, job_id: int, token: int, delay: When | None) -> None:
        """See `Job.nack`."""
        when, seconds = due("delay", delay)
        if when is not None:
            raise ValueError(f"'delay' must be a timedelta or a text such as '5m', not {delay!r}")
        row = self._one(self._table.nack, job_id, token, seconds, self._channel)
        self._settled(row is not None, job_id, "given back")

    def extend(self, job_id: int, token: int, seconds: float) -> None:
        """See `Job.extend`."""
        span = _seconds(seconds)
        self._settled(self._count(self._table.extend, span, job_id, token), job_id, "extended")

    def _settled(self, is_done: object, job_id: int, what: str) -> None:
        if not is_done:
            raise LeaseLost(
                f"{self._where}: job {job_id} cannot be {what}: its lease has ended; get it "
                "again, and extend() the lease while you work"
            )

    # -- the whole queue ----------------------------------------------------------------------

    def __len__(self) -> int:
        """How many jobs are ready to be taken."""
        return int(self._one(self._table.count, self.name)[0])

    def clear(self) -> int:
        """Deletes all rows of this queue, those of taken jobs included; how many."""
        has_leases = self._one(self._table.exists, self._table.lease_identifier)[0]
        with self._source.statements() as cursor:
            execute = self._source.driver.execute
            execute(cursor, self._table.clear, (self.name,))
            count = int(cursor.rowcount)
            if has_leases:
                execute(cursor, self._table.clear_lease, (self.name,))
        return count

    def close(self) -> None:
        """Closes the connection or the pool that PQ was given."""
        self._source.close()

    # -- transactions -------------------------------------------------------------------------

    def __enter__(self) -> Any:
        """A cursor of the connection, in a transaction of the calling thread."""
        stack: list[tuple[AbstractContextManager[Any], Any]]
        stack = self._open.__dict__.setdefault("stack", [])
        transaction = self._source.transaction()
        connection = transaction.__enter__()
        cursor = connection.cursor()
        stack.append((transaction, cursor))
        return cursor

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Commits on a clean exit, and rolls back on an exception."""
        transaction, cursor = self._open.stack.pop()
        with suppress(Exception):
            cursor.close()
        transaction.__exit__(kind, error, traceback)

    # -- statements ---------------------------------------------------------------------------

    def _one(self, sql: str, *parameters: Any) -> Any:
        with self._source.statements() as cursor:
            self._source.driver.execute(cursor, sql, parameters)
            return cursor.fetchone()

    def _count(self, sql: str, *parameters: Any) -> int:
        with self._source.statements() as cursor:
            self._source.driver.execute(cursor, sql, parameters)
            return int(cursor.rowcount)

    def _make_leases(self) -> None:
        """The table of leases, which pq's own table comes without."""
        if self._source.has_leases:
            return
        if not self._one(self._table.exists, self._table.lease_identifier)[0]:
            self._source.make(self._table.create_lease)
            if self._source.is_inside():
                return  # a rollback takes it away again
        self._source.has_leases = True

    def __repr__(self) -> str:
        return f"<pq.Queue {self._where}>"


def _seconds(lease: float | None) -> float | None:
    if lease is not None and not 0 < lease < float("inf"):
        raise ValueError(f"a lease must be a positive number of seconds, not {lease!r}")
    return None if lease is None else float(lease)
