"""Where PQ gets its connections from, and the transactions on them."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from typing import Any, Final

from pq_core.errors import QueueClosed, StorageBusy
from pq_core.waiting import Bell, Deadline
from pq_postgres._drivers import Driver, driver_of
from pq_postgres._translate import is_of_driver, translated

__all__ = ["Source"]

#: Seconds to wait for a connection of a pool in which all are taken.
PATIENCE: Final = 30.0
#: The advisory lock of who makes tables: two CREATE TABLE IF NOT EXISTS at a time may fail. Any
#: number does that nobody else uses: "pqcreate" in ASCII.
_MAKING: Final = 0x7071637265617465


class Source:
    """One connection or a pool of them, as the caller has handed over.

    Args:
        connection: of psycopg or psycopg2; used by one thread at a time.
        pool: with getconn and putconn, as psycopg_pool's and psycopg2's have.
        where: what the queue is called in messages.
    """

    def __init__(self, connection: Any, pool: Any, where: str) -> None:
        if (connection is None) == (pool is None):
            raise TypeError("PQ takes a connection or a pool: PQ(conn) or PQ(pool=pool)")
        self._connection = connection
        self._pool = pool
        self.where = where
        self.closed = False
        #: Whether the table of leases is known to be there.
        self.has_leases = False
        #: Keeps threads apart that share the one connection; they also may enter it twice.
        self._turn = threading.RLock()
        self._local = threading.local()
        self._driver: Driver | None = None if connection is None else driver_of(connection)
        self._returned = Bell()

    # -- connections --------------------------------------------------------------------------

    @contextmanager
    def connection(self) -> Iterator[Any]:
        """A connection for the calling thread: the one whose transaction it is in, or any."""
        if self.closed:
            raise self._closed()
        mine = getattr(self._local, "connection", None)
        if mine is not None:
            yield mine
        elif self._pool is None:
            yield self._connection
        else:
            connection = self._borrow()
            try:
                yield connection
            finally:
                self._pool.putconn(connection)
                self._returned.ring()

    def _borrow(self) -> Any:
        with self.told():
            connection = self._returned.wait_for(self._try_to_borrow, Deadline(True, PATIENCE))
        if connection is None:
            raise StorageBusy(
                f"{self.where}: no connection of the pool was free for {PATIENCE:g} seconds; "
                "make the pool larger"
            )
        if self._driver is None:
            self._driver = driver_of(connection)
        return connection

    def _try_to_borrow(self) -> Any:
        try:
            connection = self._pool.getconn()
        except Exception as error:
            # psycopg2's pool does not wait. It says the same where it is closed.
            if type(error).__name__ == "PoolError" and not self._pool.closed:
                return None
            raise
        return connection

    @property
    def driver(self) -> Driver:
        """Of the connections; known once there was one."""
        assert self._driver is not None
        return self._driver

    # -- transactions -------------------------------------------------------------------------

    @contextmanager
    def statements(self, *, held: Any = None) -> Iterator[Any]:
        """A cursor for statements of PQ's own, in a transaction; see `transaction`.

        Raises:
            StorageError: the server or the connection failed; nothing has happened.
        """
        with (
            self.told(),
            self.transaction(held=held) as connection,
            self.driver.cursor(connection) as cursor,
        ):
            yield cursor

    @contextmanager
    def told(self) -> Iterator[None]:
        """Errors of the driver become those of a queue."""
        try:
            yield
        except Exception as error:
            if self.closed:
                raise self._closed() from error
            if is_of_driver(error):
                raise translated(error, self.where) from error
            raise

    def _closed(self) -> QueueClosed:
        return QueueClosed(f"{self.where}: PQ was closed; make a new one")

    @contextmanager
    def transaction(self, *, held: Any = None) -> Iterator[Any]:
        """A connection in a transaction, which is committed on a clean exit.

        Inside of one of the calling thread's it is a savepoint of that.

        Args:
            held: a connection of `connection()` to use.
        """
        mine = getattr(self._local, "connection", None)
        if mine is not None:
            with self._savepoint(mine):
                yield mine
        elif held is not None:
            yield from self._begun(held)
        else:
            with self.connection() as connection:
                yield from self._begun(connection)

    def _begun(self, connection: Any) -> Iterator[Any]:
        with self._turn if self._pool is None else nullcontext():
            self._local.connection = connection
            try:
                with self.driver.transaction(connection):
                    yield connection
            finally:
                self._local.connection = None

    @contextmanager
    def _savepoint(self, connection: Any) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT pq_put")
            try:
                yield
            except BaseException:
                with suppress(Exception):  # the connection may be gone, and its transaction too
                    cursor.execute("ROLLBACK TO SAVEPOINT pq_put")
                raise
            cursor.execute("RELEASE SAVEPOINT pq_put")

    def make(self, steps: Iterable[str]) -> None:
        """Carries out statements that make tables; no two programs do at a time."""
        with self.statements() as cursor:
            self.driver.execute(cursor, f"SELECT pg_advisory_xact_lock({_MAKING})", None)
            for step in steps:
                self.driver.execute(cursor, step, None)

    def is_inside(self) -> bool:
        """Whether the calling thread is in a transaction of this PQ."""
        return getattr(self._local, "connection", None) is not None

    def close(self) -> None:
        """Closes the connection or the pool; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        if self._pool is None:
            with self._turn:  # not in the middle of another thread's statement
                self._connection.close()
        else:
            # psycopg2's pools say closeall.
            close = getattr(self._pool, "closeall", None) or self._pool.close
            close()
