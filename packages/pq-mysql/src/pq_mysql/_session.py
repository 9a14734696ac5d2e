"""One connection in one transaction: what plans say, said in as few round trips as possible.

A statement that wants no answer is held back and travels with the next one, as MySQL's protocol
allows (CLIENT_MULTI_STATEMENTS, https://dev.mysql.com/doc/dev/mysql-server/latest/, "COM_QUERY"):
the server executes them in their order and stops at the first that fails. So the two statements of
a get, with BEGIN and COMMIT, take two round trips instead of four.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pq_core.errors import StorageError
from pq_core.sql.statement import Statement
from pq_mysql._connection import MySQLConnection
from pq_mysql._literals import literals

__all__ = ["MySQLSession"]

_BEGIN: Final = (b"START TRANSACTION",)
#: The isolation level is for the next transaction only.
_BEGIN_READING: Final = (
    b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
    b"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
)
#: No more than this is held back, in bytes: with a longer packet less of the time is spent on it.
_HELD: Final = 1 << 16
#: More than what begin() adds to that, and than the header of a packet.
_HEADS: Final = 256


class MySQLSession:
    """See `pq_core.server.driver.Session`.

    Args:
        connection: ours.
        pooled: what the pool has given, to be given back.
        several: whether the server takes several statements at once.

    Attributes:
        connection: ours.
        pooled: what the pool has given.
    """

    __slots__ = (
        "_cursor",
        "_held",
        "_in_transaction",
        "_literals",
        "_several",
        "_size",
        "connection",
        "pooled",
    )

    def __init__(self, connection: MySQLConnection, pooled: Any, several: bool) -> None:
        self.connection = connection
        self.pooled = pooled
        self._several = several
        self._literals = literals(connection.charset, connection.encoding)
        self._cursor: Any = connection.cursor()  # its stub does not know of bytes
        self._held: list[bytes] = []
        self._size = 0
        self._in_transaction = False

    def begin(self, reading: bool) -> None:
        """Starts a transaction, with its first statement."""
        self._held.extend(_BEGIN_READING if reading else _BEGIN)
        self._in_transaction = True

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> Any:
        """What the statement wants."""
        wants = statement.wants
        if wants == "many":
            for each in parameters:
                self._hold(self._rendered(statement.sql, each))
            return None
        if wants == "none":
            self._hold(self._rendered(statement.sql, parameters))
            return None
        if wants == "ids":
            return self._insert(statement.sql, parameters)
        self._send(self._rendered(statement.sql, parameters))
        cursor = self._cursor
        if wants == "rows":
            return cursor.fetchall()
        if wants == "one":
            return cursor.fetchone()
        return cursor.lastrowid if wants == "id" else cursor.rowcount

    def flush(self) -> None:
        """Sends what was held back."""
        if self._held:
            self._send(self._held.pop())

    def commit(self) -> None:
        """Ends the transaction, together with what was held back."""
        self._send(b"COMMIT")
        self._in_transaction = False

    def roll_back(self) -> None:
        """Ends the transaction; nothing has happened."""
        self._held.clear()
        self._size = 0
        if self._in_transaction:
            self._send(b"ROLLBACK")
            self._in_transaction = False

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open, as the server told last."""
        return self.connection.is_in_transaction()

    def _insert(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[int]:
        """The ids of rows inserted by one statement.

        They follow each other: the number of rows is known before (MySQL 8.0 reference, 17.6.1.6,
        "simple inserts", in every mode of innodb_autoinc_lock_mode).
        """
        head, values, row = self._encoded(sql).rpartition(b" VALUES ")
        literal = self._literals
        text = b", ".join(
            [row % tuple([literal[type(value)](value) for value in each]) for each in rows]
        )
        self._send(self._checked(head % () + values + text))
        first, step = int(self._cursor.lastrowid or 0), self.connection.step
        return list(range(first, first + len(rows) * step, step))

    def _rendered(self, sql: str, parameters: Sequence[Any]) -> bytes:
        literal = self._literals
        values = tuple([literal[type(value)](value) for value in parameters])
        return self._checked(self._encoded(sql) % values)

    def _encoded(self, sql: str) -> bytes:
        return sql.encode(self.connection.encoding, "surrogateescape")

    def _checked(self, statement: bytes) -> bytes:
        if len(statement) + _HEADS > self.connection.packet:
            raise StorageError(
                f"the item makes a statement of {len(statement)} bytes, and the server takes "
                f"{self.connection.packet} at once; raise its max_allowed_packet"
            )
        return statement

    def _hold(self, sql: bytes) -> None:
        if self._size + len(sql) > _HELD:
            self._send(sql)
            return
        self._held.append(sql)
        self._size += len(sql)

    def _send(self, sql: bytes) -> None:
        """Executes what was held back and this statement; its answer is the cursor's."""
        held, cursor = self._held, self._cursor
        if held:
            if self._several and self._size + len(sql) + _HEADS < self.connection.packet:
                sql = b";".join([*held, sql])
            else:
                for each in held:
                    cursor.execute(each)
            held.clear()
            self._size = 0
        cursor.execute(sql)
        while cursor.nextset():
            pass
