"""Connections and pools of the callers of PQ: psycopg 3, psycopg2, and what looks like psycopg2.

Nothing of a driver is imported here: the connection that was handed over tells which it is. What
is said of transactions is from the manuals of psycopg 3 ("Transactions management") and psycopg2
("The connection class").
"""

from __future__ import annotations

import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Protocol

__all__ = ["Driver", "Ear", "driver_of"]

#: libpq's PQTRANS_IDLE: no transaction is open.
_IDLE: Final = 0


class Ear(Protocol):
    """Hears notifications of one channel on one connection."""

    def wait(self, seconds: float) -> None:
        """Blocks until one has come since the last call, or so many seconds."""
        ...

    def close(self) -> None:
        """Leaves the connection as it was."""
        ...


class Driver(Protocol):
    """What differs between the drivers."""

    def cursor(self, connection: Any) -> Any:
        """A cursor whose rows are tuples, whatever the caller has set up."""
        ...

    def execute(self, cursor: Any, sql: str, parameters: Sequence[Any] | None) -> None:
        """Executes a statement, never as a server-side prepared one."""
        ...

    def transaction(self, connection: Any) -> Any:
        """A context manager: a transaction, or a savepoint inside of the caller's own."""
        ...

    def is_open(self, connection: Any) -> bool:
        """Whether the caller has a transaction open that ours does not end."""
        ...

    def ear(self, connection: Any, channel: str) -> Ear:
        """What hears the notifications of a channel."""
        ...


class _Psycopg3:
    """psycopg 3."""

    def cursor(self, connection: Any) -> Any:
        from psycopg.rows import tuple_row

        return connection.cursor(row_factory=tuple_row)

    def execute(self, cursor: Any, sql: str, parameters: Sequence[Any] | None) -> None:
        # Behind a pooler another server process may get the next statement.
        cursor.execute(sql, parameters, prepare=False)

    @contextmanager
    def transaction(self, connection: Any) -> Iterator[None]:
        with connection.transaction():
            yield
        if connection.pgconn.transaction_status != _IDLE:
            # Opened by a statement of the caller's, and then ended here, as with pq; inside of
            # a `with connection.transaction()` commit refuses, and the block ends it.
            with suppress(sys.modules["psycopg"].ProgrammingError):
                connection.commit()

    def is_open(self, connection: Any) -> bool:
        return bool(connection.pgconn.transaction_status != _IDLE)

    def ear(self, connection: Any, channel: str) -> Ear:
        return _Ear3(connection, channel)


class _Ear3:
    """Hears by a handler, because any statement on the connection may meet a notification."""

    def __init__(self, connection: Any, channel: str) -> None:
        self._connection = connection
        self._channel = channel
        self._heard = False
        connection.add_notify_handler(self._hear)

    def _hear(self, notify: Any) -> None:
        self._heard = self._heard or notify.channel == self._channel

    def wait(self, seconds: float) -> None:
        self._drain()
        if not self._heard:
            select.select([self._connection.fileno()], [], [], seconds)
            self._drain()
        self._heard = False

    def _drain(self) -> None:
        """Has the handlers see what has come, also what libpq has read together with a result."""
        connection = self._connection
        pgconn = connection.pgconn
        with connection.lock:
            pgconn.consume_input()
            while (notify := pgconn.notifies()) is not None:
                if pgconn.notify_handler:
                    pgconn.notify_handler(notify)

    def close(self) -> None:
        self._connection.remove_notify_handler(self._hear)


class _Psycopg2:
    """psycopg2 and psycopg2cffi.

    Args:
        extensions: the driver's module of that name.
    """

    def __init__(self, extensions: Any) -> None:
        self._extensions = extensions

    def cursor(self, connection: Any) -> Any:
        return connection.cursor(cursor_factory=self._extensions.cursor)

    def execute(self, cursor: Any, sql: str, parameters: Sequence[Any] | None) -> None:
        cursor.execute(sql, parameters)

    @contextmanager
    def transaction(self, connection: Any) -> Iterator[None]:
        by_hand = bool(connection.autocommit)
        with connection.cursor() as cursor:
            joins = by_hand and self.is_open(connection)
            if joins:
                begin, commit, undo = (
                    "SAVEPOINT pq",
                    "RELEASE SAVEPOINT pq",
                    "ROLLBACK TO SAVEPOINT pq",
                )
            else:
                begin, commit, undo = "BEGIN", "COMMIT", "ROLLBACK"
            if by_hand:
                cursor.execute(begin)
            try:
                yield
                if by_hand:
                    cursor.execute(commit)
                else:
                    connection.commit()
            except BaseException:
                # A connection that is gone has rolled back.
                with suppress(connection.Error):
                    if by_hand:
                        cursor.execute(undo)
                    else:
                        connection.rollback()
                raise

    def is_open(self, connection: Any) -> bool:
        return bool(connection.get_transaction_status() != _IDLE)

    def ear(self, connection: Any, channel: str) -> Ear:
        return _Ear2(connection, channel)


class _Ear2:
    """psycopg2 collects notifications in a list."""

    def __init__(self, connection: Any, channel: str) -> None:
        self._connection = connection
        self._channel = channel

    def wait(self, seconds: float) -> None:
        if not self._drain():
            select.select([self._connection.fileno()], [], [], seconds)
            self._drain()

    def _drain(self) -> bool:
        """Whether there was one; those of other channels stay for the caller."""
        connection = self._connection
        connection.poll()
        others = [each for each in connection.notifies if each.channel != self._channel]
        heard = len(others) < len(connection.notifies)
        connection.notifies[:] = others
        return heard

    def close(self) -> None:
        self._drain()


def driver_of(connection: Any) -> Driver:
    """The driver that a connection is of.

    Raises:
        TypeError: of none that is known.
    """
    if hasattr(connection, "pgconn"):
        return _Psycopg3()
    for cls in type(connection).__mro__:
        package = cls.__module__.partition(".")[0]
        if package in ("psycopg2", "psycopg2cffi"):
            extensions: Any = sys.modules.get(f"{package}.extensions")
            return _Psycopg2(extensions or sys.modules[package])
    raise TypeError(
        f"'conn' must be a connection of psycopg or psycopg2, not {type(connection).__name__}"
    )
