"""The queues whose items are settled one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec, codec
from pq_core.server import AckServerQueue, Settings
from pq_core.sql import KINDS, MYSQL
from pq_core.sql.options import AckOptions
from pq_mysql._inmysql import InMySQL
from pq_mysql._place import Place

__all__ = ["FIFOMySQLAckQueue", "FILOMySQLAckQueue", "MySQLAckQueue", "MySQLUniqueAckQ"]

T = TypeVar("T")


class MySQLAckQueue(InMySQL[T], AckServerQueue[T]):
    """A durable queue in MySQL or MariaDB whose items are acked, for threads, processes and hosts.

    An item that was handed out comes again unless it is acked: when its lease ends, or when its
    consumer has died. It is never taken from a consumer that lives within its lease. ::

        queue = MySQLAckQueue("db.example.org", "worker", "secret", "jobs", name="letters")
        queue.put("letter")
        with queue.receive() as message:
            deliver(message.item)

    Items are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the database.

    Args:
        host: of the server.
        user: of the server.
        passwd: of the user; `password` is the same.
        db_name: the database, which has to be there; `database` is the same.
        name: of the queue, whose table is ``ack_queue_<name>``; None: "sql".
        port: of the server.
        charset: of the connection.
        auto_commit: accepted; every call of an ack queue is committed when it returns.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        auto_resume: make ready again what consumers had that have died, now and while waiting.
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
        clock: the time in seconds since the epoch, by which items are stamped and leases end;
            None: the server's.
        create: make the queue where there is none; otherwise that is a StorageError.
        lease: seconds until an item that is not settled becomes ready again; None: as long as
            its consumer lives.
        max_attempts: so often an item is handed out, then it is a dead letter; None: no limit.
        backoff: seconds before an item that was not acked is ready again, doubled each time up
            to an hour.
        keep_acked: how many acked items stay in the database.
        dedupe: what a put does whose `dedupe_key` is there already: "ignore" it, "replace" the
            item that waits, or "raise" `DuplicateKey`.
        dedupe_window: seconds for which a key is remembered; None: until its item is settled.

    Raises:
        TypeError: an argument is missing, or given in both spellings.
        ValueError: an argument is out of range, or a name holds a NUL character.
        StorageError: the server cannot be reached, or refuses the user or the database.
        SchemaMismatch: a newer version wrote the queue, or the table is no queue.
    """

    kind = KINDS["ack"]

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
        auto_resume: bool = True,
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
        lease: float | None = None,
        max_attempts: int | None = None,
        backoff: float = 0.0,
        keep_acked: int = 1000,
        dedupe: str = "ignore",
        dedupe_window: float | None = None,
    ) -> None:
        options = AckOptions(
            lease=lease,
            max_attempts=max_attempts,
            backoff=backoff,
            keep_acked=keep_acked,
            auto_resume=auto_resume,
            dedupe=dedupe,
            dedupe_window=dedupe_window,
        )
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
            **options.arguments(),
            "auto_commit": auto_commit,
        }
        driver = place.driver(timeout)
        super().__init__(driver, MYSQL, place.name, place.table, settings, options)


#: The other name of `MySQLAckQueue`.
FIFOMySQLAckQueue = MySQLAckQueue


class FILOMySQLAckQueue(MySQLAckQueue[T]):
    """The newest item comes first; everything else is as in `MySQLAckQueue`."""

    kind = KINDS["filo-ack"]


class MySQLUniqueAckQ(MySQLAckQueue[T]):
    """An item equal to one that is not settled yet is not stored again.

    An item that was acked may be put again; one that has failed becomes ready again. Items are
    equal where their serialized bytes are, with the keys of dicts sorted. Everything else is as
    in `MySQLAckQueue`.
    """

    kind = KINDS["unique-ack"]
