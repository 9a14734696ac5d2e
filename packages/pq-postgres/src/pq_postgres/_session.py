"""One connection in one transaction: what plans say, said in as few round trips as possible.

A statement that wants no answer is held back and travels with the next one: a simple query may
hold several, executed in their order until one fails (PostgreSQL manual, 55.2.2, "Simple Query").
So a get with its BEGIN and COMMIT takes two round trips, and nothing is prepared on the server
unasked, as poolers like it that give each transaction another server process.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pq_core.sql.statement import Statement
from pq_postgres._library import psycopg
from pq_postgres._literals import Literals
from pq_postgres._prepared import Prepared

__all__ = ["PostgresSession"]

#: As the plans need it, whatever the server's default is.
_BEGIN: Final = "BEGIN ISOLATION LEVEL READ COMMITTED"
_BEGIN_READING: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#: The states of an answer that is none of an error: nothing was said, done, and rows (libpq's
#: PGRES_EMPTY_QUERY, PGRES_COMMAND_OK and PGRES_TUPLES_OK).
_DONE: Final = (0, 1, 2)
#: No more than this is held back, in characters: the server answers each statement, and who sends
#: without reading the answers may be blocked by a server that waits for the same.
_HELD: Final = 1 << 16


class PostgresSession:
    """See `pq_core.server.driver.Session`.

    Args:
        connection: of psycopg, in autocommit mode.
        prepare_threshold: how often a statement is said before it is prepared; None: it never is.

    Attributes:
        connection: the same.
    """

    __slots__ = (
        "_execute",
        "_held",
        "_literals",
        "_pgconn",
        "_prepared",
        "_result",
        "_size",
        "_transformer",
        "connection",
    )

    def __init__(self, connection: Any, prepare_threshold: int | None = None) -> None:
        self.connection = connection
        library = psycopg()
        # What a cursor does besides takes a third of the time of a short statement.
        self._pgconn = connection.pgconn
        self._execute = library.generators.execute
        self._transformer = library.adapt.Transformer(connection)
        self._result: Any = None
        self._literals = Literals(library.pq.Escaping(connection.pgconn))
        self._held: list[str] = []
        self._size = 0
        self._prepared = None if prepare_threshold is None else Prepared(prepare_threshold)

    def begin(self, reading: bool) -> None:
        """Starts a transaction, with its first statement."""
        self._held.append(_BEGIN_READING if reading else _BEGIN)

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> Any:
        """What the statement wants."""
        wants, sql = statement.wants, statement.sql
        if wants == "many":
            for each in parameters:
                self._hold(self._rendered(sql, each))
            return None
        if wants == "none":
            self._hold(self._rendered(sql, parameters))
            return None
        if wants == "ids":
            return self._insert(sql, parameters)
        self._send(self._rendered(sql, parameters))
        if wants == "count":
            return self._result.command_tuples
        rows = self._rows()
        if wants == "rows":
            return rows
        if wants == "one":
            return rows[0] if rows else None
        return rows[0][0]

    def flush(self) -> None:
        """Sends what was held back."""
        if self._held:
            self._send(self._held.pop())

    def commit(self) -> None:
        """Ends the transaction, together with what was held back."""
        self._send("COMMIT")
        if self._result.command_status != b"COMMIT":
            # The server answers so, without an error, where a statement has failed before.
            raise psycopg().errors.InFailedSqlTransaction("the transaction was rolled back")

    def roll_back(self) -> None:
        """Ends the transaction; nothing has happened."""
        self._held.clear()
        self._size = 0
        if self.is_in_transaction():
            self._send("ROLLBACK")

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open, as the server told last."""
        return bool(self.connection.pgconn.transaction_status) or bool(self._held)

    def _insert(self, sql: str, rows: Sequence[Sequence[Any]]) -> list[int]:
        """The ids of rows inserted by one statement, which numbers them as they come."""
        head, values, row = sql.rpartition(" VALUES ")
        row, returning, tail = row.partition(" RETURNING ")
        literal = self._literals
        text = ", ".join(
            [row % tuple([literal[type(value)](value) for value in each]) for each in rows]
        )
        self._send(head % () + values + text + returning + tail % ())
        return sorted(row[0] for row in self._rows())

    def _rows(self) -> list[Any]:
        """Those of the last answer, as tuples."""
        result, transformer = self._result, self._transformer
        transformer.set_pgresult(result)
        rows: list[Any] = transformer.load_rows(0, result.ntuples, tuple)
        return rows

    def _rendered(self, sql: str, parameters: Sequence[Any]) -> str:
        literal = self._literals
        values = tuple([literal[type(value)](value) for value in parameters])
        if self._prepared is not None:
            name = self._prepared.known(sql) or self._prepare(self._prepared, sql, len(values))
            if name:
                return f"EXECUTE {name} ({', '.join(values)})" if values else f"EXECUTE {name}"
        return sql % values

    def _prepare(self, prepared: Prepared, sql: str, count: int) -> str | None:
        """Has a statement prepared that was said often enough: its name."""
        if not prepared.is_due(sql):
            return None
        name = prepared.new_name()
        self._send(f"PREPARE {name} AS {sql % tuple(f'${at}' for at in range(1, count + 1))}")
        prepared.keep(sql, name)
        return name

    def _hold(self, sql: str) -> None:
        if self._size + len(sql) > _HELD:
            self._send(sql)
            return
        self._held.append(sql)
        self._size += len(sql)

    def _send(self, sql: str) -> None:
        """Executes what was held back and this statement, and keeps its answer."""
        if self._held:
            sql = ";".join([*self._held, sql])
            self._held.clear()
            self._size = 0
        self._pgconn.send_query(sql.encode())
        results = self.connection.wait(self._execute(self._pgconn))
        self._result = result = results[-1]
        if result.status not in _DONE:
            raise psycopg().errors.error_from_result(result)
