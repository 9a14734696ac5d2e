"""The queues whose get settles: FIFO, FILO, unique and priority."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec
from pq_core.server import PlainServerQueue, Settings
from pq_core.sql import KINDS, POSTGRESQL, Kind
from pq_core.sql.priority import ByPriority
from pq_postgres._inpostgres import InPostgres
from pq_postgres._place import Place

__all__ = [
    "FIFOPostgresQueue",
    "FILOPostgresQueue",
    "PostgresPriorityQueue",
    "PostgresQueue",
    "PostgresUniqueQ",
]

T = TypeVar("T")


class PostgresQueue(InPostgres[T], PlainServerQueue[T]):
    """A durable FIFO queue in a PostgreSQL database, for any number of hosts.

    ::

        queue = PostgresQueue("host=db.example dbname=app user=app", name="orders")
        queue.put("letter")
        queue.get()

    Items are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the database.

    Args:
        dsn: a connection string or URL of libpq, such as ``postgresql://app@db.example/app``.
        name: of the queue; several queues share one database.
        host: of the server; this and the next four win over what `dsn` says.
        port: of the server.
        user: of the database.
        password: of the user.
        dbname: the database.
        timeout: seconds to wait for others, for a free connection, and for a server that is away,
            before `StorageBusy` or `StorageError`.
        auto_commit: get settles. Otherwise get holds the item until task_done, and an item that
            is not settled comes again after close or a crash.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        max_connections: how many connections this object opens at most, besides one for its signs
            of life, and one that listens.
        durability: what an acknowledged put survives. "full": what the server's
            synchronous_commit promises, power loss by default. "normal" and "off": a crash of
            this program, but not the last moments before one of the server.
        notify: be woken by LISTEN and NOTIFY, instead of asking the server 25 times a second
            while a get waits. Not behind a pooler that gives each transaction another server
            process.
        prepare_threshold: how often a statement is said on a connection before the server prepares
            it, which saves it about a third of the work from then on; None: it never does. Not
            behind such a pooler either.
        heartbeat: seconds between two signs of life of a consumer that holds items; after four
            without one what it holds comes again.
        clock: the time in seconds since the epoch, by which items are stamped; None: the
            server's.
        create: make the queue where there is none; otherwise that is a StorageError.

    Raises:
        ValueError: an argument is out of range, or a name is too long or holds a NUL character.
        StorageError: the server cannot be reached, or refuses.
        SchemaMismatch: a newer version wrote the queue, or the table is no queue.
        BackendNotInstalled: psycopg cannot be imported.
    """

    kind: ClassVar[Kind] = KINDS["fifo"]

    def __init__(
        self,
        dsn: str = "",
        name: str = "default",
        *,
        host: str | None = None,
        port: int | None = None,
        user: str | None = None,
        password: str | None = None,
        dbname: str | None = None,
        timeout: float = 10.0,
        auto_commit: bool = True,
        serializer: AnySerializer | Codec = "pickle",
        maxsize: int = 0,
        max_connections: int = 10,
        durability: Durability = "full",
        notify: bool = False,
        prepare_threshold: int | None = None,
        heartbeat: float = 5.0,
        clock: Callable[[], float] | None = None,
        create: bool = True,
    ) -> None:
        place = Place(
            dsn,
            {"host": host, "port": port, "user": user, "password": password, "dbname": dbname},
            durability=durability,
            max_connections=max_connections,
            notify=notify,
            prepare_threshold=prepare_threshold,
        )
        settings = Settings(
            timeout=timeout,
            serializer=serializer,
            maxsize=maxsize,
            heartbeat=heartbeat,
            clock=clock,
            create=create,
        )
        self._arguments = {
            "name": name,
            "auto_commit": auto_commit,
            **place.arguments(),
            **settings.arguments(),
        }
        PlainServerQueue.__init__(
            self, place.driver(), POSTGRESQL, name, None, settings, auto_commit
        )
        self._see_to_notifications(notify)


#: The other name of `PostgresQueue`.
FIFOPostgresQueue = PostgresQueue


class FILOPostgresQueue(PostgresQueue[T]):
    """The newest item comes first; everything else is as in `PostgresQueue`."""

    kind = KINDS["filo"]


class PostgresUniqueQ(PostgresQueue[T]):
    """An item equal to one that is in the queue is not stored again.

    Items are equal where their serialized bytes are, with the keys of dicts sorted. Everything
    else is as in `PostgresQueue`.
    """

    kind = KINDS["unique"]


class PostgresPriorityQueue(ByPriority[T], PostgresQueue[T]):
    """The item with the lowest priority comes first, the oldest of them first.

    Everything else is as in `PostgresQueue`.
    """

    kind = KINDS["priority"]
