"""What a queue object knows of PostgreSQL beyond what all servers have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, TypeVar

from pq_core.server.queues import InServer
from pq_postgres._notifying import Notifying
from pq_postgres._session import PostgresSession
from pq_postgres._translate import is_of_driver

__all__ = ["InPostgres"]

T = TypeVar("T")


class InPostgres(InServer[T]):
    """Notifications, and transactions on a connection of the caller's."""

    @property
    def yields(self) -> int:
        """How many calls at a time may be under way on one event loop; see `pq_core.yielding`."""
        return self._server.driver.size

    def _see_to_notifications(self, notify: bool) -> None:
        """Makes the trigger that rings, if it is wanted."""
        if notify:
            engine = self._server
            try:
                plans = Notifying(engine.layout, self.kind)
                if not engine.read(plans.is_there):
                    engine.write(plans.prepare)
            except BaseException:
                self.close()
                raise

    @contextmanager
    def transaction(self, connection: Any = None) -> Iterator[Any]:
        """Several puts, acks and statements of one's own, all or nothing.

        Nothing inside may wait for others: get and put there with ``block=False``. ::

            with queue.transaction() as connection:
                connection.execute("UPDATE account SET ...")
                queue.put("tell the customer")

        It commits on a clean exit and rolls back on an exception. With a connection of one's own
        the calls of this thread join the transaction that is open there, or opened there by the
        block; what the caller has open the caller ends::

            with psycopg.connect(...) as connection:
                connection.execute("INSERT INTO orders ...")
                with queue.transaction(connection):
                    queue.put("order 1")        # committed with the order, or not at all

        Args:
            connection: of psycopg, to the same database; None: one of the queue's pool.

        Yields:
            the connection.

        Raises:
            TypeError: `connection` is none of psycopg's.
            StorageBusy: a conflict ended the transaction, and nothing of it has happened: run the
                block again. Or no connection was free for the whole timeout.
            OutcomeUnknown: the connection was lost while the server committed.
            StorageError: the server refused.
        """
        with self._transaction(connection) as yielded:
            try:
                yield yielded
            finally:
                self._undo()
        self._ring()

    def _transaction(self, connection: Any) -> AbstractContextManager[Any]:
        engine = self._server
        if connection is None:
            return engine.transaction()
        if not hasattr(connection, "pgconn") or not hasattr(connection, "transaction"):
            raise TypeError(
                f"'connection' must be a connection of psycopg (3), not {type(connection).__name__}"
            )
        return self._joined(connection)

    @contextmanager
    def _joined(self, connection: Any) -> Iterator[Any]:
        session = PostgresSession(connection)
        try:
            # A savepoint inside of the caller's transaction, a transaction where there is none.
            with connection.transaction(), self._server.joined(session):
                yield connection
        except Exception as error:
            if is_of_driver(error):
                raise self._server.driver.translated(error, self._server.where) from error
            raise
