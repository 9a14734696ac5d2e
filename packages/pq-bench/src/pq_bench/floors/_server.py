"""The floor of a queue in a database server: the bare driver, a statement a round trip."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from typing import Any, Final

from pq_core.registry import QueueURL

__all__ = ["MYSQL", "POSTGRESQL", "Dialect", "ServerFloor", "sweep"]


@dataclass(frozen=True)
class Dialect:
    """What differs between servers.

    Attributes:
        connect: a connection in autocommit mode, at a durability.
        create: the table.
        row: the values of a row that is inserted.
        can_return: whether a statement returns the rows that it changed.
        tables: the names of tables that hold a text.
    """

    connect: Callable[[QueueURL, str], Any]
    create: str
    row: str
    can_return: bool
    tables: str


def _mysql(url: QueueURL, _durability: str) -> Any:
    """The durability is the server's: it cannot be chosen for a session."""
    connection = import_module("pymysql").connect(
        host=url.host or "localhost",
        port=url.port or 3306,
        user=url.username or "",
        password=url.password or "",
        database=url.path.strip("/"),
        unix_socket=url.query.get("unix_socket"),
        binary_prefix=True,
        autocommit=True,
    )
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
    return connection


def _postgresql(url: QueueURL, durability: str) -> Any:
    """It prepares statements where the queue beside it does, so where it is asked to."""
    asked = url.query.get("prepare_threshold")
    parts = {
        "host": url.query.get("host", url.host),  # of a socket
        "port": url.port,
        "user": url.username,
        "password": url.password,
        "dbname": url.path.strip("/") or None,
    }
    known: dict[str, Any] = {name: value for name, value in parts.items() if value is not None}
    connection = import_module("psycopg").connect(
        autocommit=True, prepare_threshold=None if asked is None else int(asked), **known
    )
    if durability != "full":
        connection.execute("SET synchronous_commit = off")
    return connection


MYSQL: Final = Dialect(
    _mysql,
    "CREATE TABLE {0} (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB, timestamp DOUBLE,"
    " status BIGINT NOT NULL DEFAULT 1, KEY (status, _id))",
    "(%s, UNIX_TIMESTAMP(NOW(6)))",
    False,
    "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()"
    " AND INSTR(table_name, %s) > 0",
)
POSTGRESQL: Final = Dialect(
    _postgresql,
    "CREATE TABLE {0} (_id BIGSERIAL PRIMARY KEY, data BYTEA, timestamp DOUBLE PRECISION,"
    " status BIGINT NOT NULL DEFAULT 1)",
    "(%s, extract(epoch FROM clock_timestamp()))",
    True,
    "SELECT table_name FROM information_schema.tables WHERE table_schema = current_schema()"
    " AND position(%s IN table_name) > 0",
)


class ServerFloor:
    """One table, one connection, one cursor: what somebody would write with the driver alone.

    Where a statement returns what it changed, a take is one round trip; elsewhere it is a
    transaction that selects, locks and changes.

    Args:
        dialect: of the server.
        url: of the server.
        table: its name; letters, digits and underscores.
        durability: of the session, where that can be chosen.
        acked: whether an item is claimed at first and removed by a second commit.
        dumps: makes bytes of an item.
        loads: makes an item of bytes.
    """

    def __init__(
        self,
        dialect: Dialect,
        url: QueueURL,
        table: str,
        durability: str,
        acked: bool,
        dumps: Callable[[Any], bytes],
        loads: Callable[[bytes], Any],
    ) -> None:
        self._dialect = dialect
        self._table = table
        self._acked = acked
        self._dumps = dumps
        self._loads = loads
        self._connection = dialect.connect(url, durability)
        self._cursor = self._connection.cursor()
        self._run(dialect.create.format(table))
        self._put = f"INSERT INTO {table} (data, timestamp) VALUES "

    def put(self, items: Iterator[Any]) -> None:
        """One INSERT for each."""
        run, dumps, insert = self._run, self._dumps, self._put + self._dialect.row
        for item in items:
            run(insert, (dumps(item),))

    def take(self, items: Iterator[Any]) -> None:
        """For each: a DELETE that returns the row, or a claim and a DELETE."""
        run, cursor, loads, table = self._run, self._cursor, self._loads, self._table
        oldest = (
            f"SELECT _id FROM {table} WHERE status = 1 ORDER BY _id LIMIT 1 FOR UPDATE SKIP LOCKED"
        )
        remove = f"DELETE FROM {table} WHERE _id = %s"
        claim = f"UPDATE {table} SET status = 2 WHERE _id = "
        if self._dialect.can_return:
            one = f"DELETE FROM {table} WHERE _id = ({oldest}) RETURNING data"
            first = f"{claim}({oldest}) RETURNING _id, data"
            for _ in items:
                if self._acked:
                    run(first)
                    number, data = cursor.fetchone()
                    loads(data)
                    run(remove, (number,))
                else:
                    run(one)
                    loads(cursor.fetchone()[0])
            return
        look = oldest.replace("SELECT _id", "SELECT _id, data")
        for _ in items:
            run("BEGIN")
            run(look)
            number, data = cursor.fetchone()
            run(f"{claim}%s" if self._acked else remove, (number,))
            run("COMMIT")
            loads(data)
            if self._acked:
                run(remove, (number,))

    def alternate(self, items: Iterator[Any]) -> None:
        """Puts one and takes one for each."""
        for item in items:
            self.put(iter((item,)))
            self.take(iter((item,)))

    def put_many(self, batches: Iterator[list[Any]]) -> None:
        """One INSERT of many rows for each batch."""
        dumps, row = self._dumps, self._dialect.row
        for batch in batches:
            rows = ", ".join([row] * len(batch))
            self._run(self._put + rows, [dumps(item) for item in batch])

    def take_many(self, batches: Iterator[Any], size: int) -> None:
        """For each batch: a transaction that selects many rows and deletes them."""
        run, loads, table = self._run, self._loads, self._table
        look = f"SELECT _id, data FROM {table} ORDER BY _id LIMIT {size} FOR UPDATE SKIP LOCKED"
        for _ in batches:
            run("BEGIN")
            run(look)
            rows = self._cursor.fetchall()
            run(
                f"DELETE FROM {table} WHERE _id BETWEEN %s AND %s",
                (rows[0][0], rows[-1][0]),
            )
            run("COMMIT")
            for row in rows:
                loads(row[1])

    def fill(self, items: Iterable[Any]) -> None:
        """Puts items, as fast as it goes."""
        stream = iter(items)
        while batch := list(islice(stream, 1000)):
            self.put_many(iter([batch]))

    def age(self, item: Any, count: int) -> None:
        """Nothing: a floor has no history."""

    def size(self) -> int:
        """How many items are left."""
        self._run(f"SELECT count(*) FROM {self._table}")
        return int(self._cursor.fetchone()[0])

    def close(self) -> None:
        """Closes the connection; the table is swept up at the end of all."""
        self._connection.close()

    def _run(self, statement: str, values: Any = None) -> None:
        self._cursor.execute(statement, values)


def sweep(dialect: Dialect, url: QueueURL, token: str) -> None:
    """Drops every table that has this text in its name."""
    connection = dialect.connect(url, "full")
    try:
        cursor = connection.cursor()
        cursor.execute(dialect.tables, (token,))
        names = ", ".join(row[0] for row in cursor.fetchall())
        if names:
            cursor.execute(f"DROP TABLE {names}")
    finally:
        connection.close()
