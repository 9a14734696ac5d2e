"""The queues whose get settles: FIFO, FILO, unique and priority."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec, codec
from pq_core.server import PlainServerQueue, Settings
from pq_core.sql import KINDS, MYSQL
from pq_core.sql.priority import ByPriority
from pq_mysql._inmysql import InMySQL
from pq_mysql._place import Place

__all__ = [
    "FIFOMySQLQueue",
    "FILOMySQLQueue",
    "MySQLPriorityQueue",
    "MySQLQueue",
    "MySQLUniqueQ",
]

T = TypeVar("T")


class MySQLQueue(InMySQL[T], PlainServerQueue[T]):
    """A durable FIFO queue in MySQL or MariaDB, for threads, processes and hosts.

    ::

        queue = MySQLQueue("db.example.org", "worker", "secret", "jobs", name="letters")
        queue.put("letter")
        queue.get()

    Items are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the database.

    Args:
        host: of the server.
        user: of the server.
        passwd: of the user; `password` is the same.
        db_name: the database, which has to be there; `database` is the same.
        name: of the queue, whose table is ``queue_<name>``; None: "sql".
        port: of the server.
        charset: of the connection.
        auto_commit: get settles. Otherwise get holds the item until task_done, and an item that
            is not settled comes again after close or a crash.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        password: the other spelling of `passwd`.
        database: the other spelling of `db_name`.
        table_name: of the table itself, with nothing put before it; instead of `name`.
        timeout: seconds to wait for other transactions, for a free connection, and for a server
            that is away.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        durability: what an acknowledged put survives. The server decides: with "full" a warning is
            logged where it does not sync each commit (innodb_flush_log_at_trx_commit), with
            "normal" and "off" it is taken as it is.
        max_connections: how many connections to the server this object may have in use; each
            thread needs one while it is in a call or in `transaction()`.
        heartbeat: seconds between two signs of life of a consumer that has items out; after four
            without one it counts as dead, and what it has is given to others.
        ssl: TLS, as `pymysql.connect` takes it: a dict of ca, cert, key and check_hostname, or an
            `ssl.SSLContext`.
        connect_options: further arguments of `pymysql.connect`: unix_socket, connect_timeout,
            read_timeout and others.
        multi_statements: whether statements may share a round trip; False for proxies that take
            one at a time.
        clock: the time in seconds since the epoch, by which items are stamped;
            None: the server's.
        create: make the queue where there is none; otherwise that is a StorageError.

    Raises:
        TypeError: an argument is missing, or given in both spellings.
        ValueError: an argument is out of range, or a name holds a NUL character.
        StorageError: the server cannot be reached, or refuses the user or the database.
        SchemaMismatch: a newer version wrote the queue, or the table is no queue.
    """

    kind = KINDS["fifo"]

    def __init__(
        self,
        host: str | None = None,
        user: str | None = None,
        passwd: str | None = None,
        db_name: str | None = None,
        name: str | None = None,
        port: int = 3306,
        charset: str = "utf8mb4",
        auto_commit: bool = True,
        serializer: AnySerializer | Codec = "pickle",
        *,
        password: str | None = None,
        database: str | None = None,
        table_name: str | None = None,
        timeout: float = 10.0,
        maxsize: int = 0,
        durability: Durability = "full",
        max_connections: int = 10,
        heartbeat: float = 5.0,
        ssl: Any = None,
        connect_options: Mapping[str, Any] | None = None,
        multi_statements: bool = True,
        clock: Callable[[], float] | None = None,
        create: bool = True,
    ) -> None:
        place = Place.of(
            host,
            user,
            passwd,
            db_name,
            name,
            port,
            charset,
            password=password,
            database=database,
            table_name=table_name,
            ssl=ssl,
            connect_options=connect_options,
            durability=durability,
            max_connections=max_connections,
            multi_statements=multi_statements,
        )
        settings = Settings(
            timeout=timeout,
            serializer=codec(serializer),
            maxsize=maxsize,
            heartbeat=heartbeat,
            clock=clock,
            create=create,
        )
        self._arguments = {
            **place.arguments(),
            **settings.arguments(),
            "auto_commit": auto_commit,
        }
        driver = place.driver(timeout)
        super().__init__(driver, MYSQL, place.name, place.table, settings, auto_commit)


#: The other name of `MySQLQueue`.
FIFOMySQLQueue = MySQLQueue


class FILOMySQLQueue(MySQLQueue[T]):
    """The newest item comes first; everything else is as in `MySQLQueue`."""

    kind = KINDS["filo"]


class MySQLUniqueQ(MySQLQueue[T]):
    """An item equal to one that is in the queue is not stored again.

    Items are equal where their serialized bytes are, with the keys of dicts sorted. Everything
    else is as in `MySQLQueue`.
    """

    kind = KINDS["unique"]


class MySQLPriorityQueue(ByPriority[T], MySQLQueue[T]):
    """The item with the lowest priority comes first, the oldest of them first.

    Everything else is as in `MySQLQueue`.
    """

    kind = KINDS["priority"]
