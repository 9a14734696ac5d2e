"""PQ: many queues of jobs in one table, over connections of the caller's."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary

from pq_postgres._jobqueue import JobQueue
from pq_postgres._jobtable import JobTable
from pq_postgres._source import Source

__all__ = ["PQ", "BasePQ"]

Q = TypeVar("Q", bound=JobQueue)


class BasePQ(Generic[Q]):
    """What `PQ` is made of.

    Attributes:
        queue_class: what its queues are; a subclass or an argument says it.
    """

    queue_class: Any = JobQueue

    def __init__(
        self,
        conn: Any = None,
        pool: Any = None,
        table: str = "queue",
        schema: str | None = None,
        *,
        encode: Callable[[Any], Any] = json.dumps,
        decode: Callable[[str], Any] = json.loads,
        lease: float | None = None,
        queue_class: Any = None,
    ) -> None:
        if queue_class is not None:
            self.queue_class = queue_class
        self._table = JobTable(table, schema)
        self._source = Source(conn, pool, self._table.name)
        self._encode = encode
        self._decode = decode
        self._lease = lease
        # Protects the dictionary: two threads that ask for a queue get the same one.
        self._mutex = threading.Lock()
        self._queues: WeakValueDictionary[str, Q] = WeakValueDictionary()

    def __getitem__(self, name: str) -> Q:
        """The queue called `name`; with "/pickle" behind it, its data is pickled."""
        with self._mutex:
            queue = self._queues.get(name)
            if queue is None:
                queue = self._queues[name] = self.queue(name)
            return queue

    def queue(self, name: str, *, lease: float | None = None) -> Q:
        """A queue whose jobs are leased.

        Args:
            name: as in ``pq[name]``.
            lease: seconds after which a job comes back that was taken and not acked; None: as
                PQ was told.
        """
        queue: Q = self.queue_class(
            name,
            self._source,
            self._table,
            self._encode,
            self._decode,
            self._lease if lease is None else lease,
        )
        return queue

    def create(self) -> None:
        """Makes the table, its index and its trigger where they are not there.

        A table of pq is left as it is; it gets a trigger of its own, which no second table takes
        away, and the table of leases beside it.

        Raises:
            StorageError: the user may not, or the schema is not there.
        """
        table = self._table
        with self._source.statements() as cursor:
            self._source.driver.execute(cursor, table.exists, (table.identifier,))
            is_there = cursor.fetchone()[0]
        steps = () if is_there else table.create
        self._source.make((*steps, *table.create_lease, *table.create_notify))

    def close(self) -> None:
        """Closes the connection or the pool; a second call does nothing."""
        self._source.close()


class PQ(BasePQ[JobQueue]):
    """Queues of jobs in one table of PostgreSQL; works side by side with pq 1.9 on its table.

    ::

        pq = PQ(psycopg.connect("dbname=example"))
        pq.create()
        queue = pq["apples"]
        queue.put({"kind": "Cox"})
        job = queue.get()

    A connection may be used by one thread at a time; threads that share one take turns. With a
    pool every thread has its own.

    Args:
        conn: a connection of psycopg (3) or psycopg2; it is committed by every call here.
        pool: a pool of connections instead: psycopg_pool.ConnectionPool or
            psycopg2.pool.ThreadedConnectionPool.
        table: the name of the table.
        schema: where it is; None: where the connection looks first.
        encode: makes JSON text of the data of a job.
        decode: makes data of JSON text.
        lease: seconds after which a job comes back that was taken and not acked; None: a job is
            done when it is taken, as in pq.
        queue_class: a subclass of `JobQueue`, for queues of your own kind.

    Raises:
        TypeError: neither a connection nor a pool is given, or both, or of no known driver.
        ValueError: a name is no identifier, or `lease` is out of range.
    """
