"""The queues whose items are settled one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeVar

from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec
from pq_core.server import AckServerQueue, Settings
from pq_core.sql import KINDS, POSTGRESQL, Kind
from pq_core.sql.options import AckOptions
from pq_postgres._inpostgres import InPostgres
from pq_postgres._place import Place

__all__ = ["FIFOPostgresAckQueue", "FILOPostgresAckQueue", "PostgresAckQueue", "PostgresUniqueAckQ"]

T = TypeVar("T")


class PostgresAckQueue(InPostgres[T], AckServerQueue[T]):
    """A durable queue in a PostgreSQL database whose items are acked, for any number of hosts.

    An item that was handed out comes again unless it is acked: when its lease ends, or when its
    consumer has died. It is never taken from a consumer that lives within its lease.

    ::

        queue = PostgresAckQueue("host=db.example dbname=app user=app", name="orders")
        queue.put("letter")
        with queue.receive() as message:
            deliver(message.item)

    Args:
        dsn: as for `PostgresQueue`, as are all arguments that are not told here.
        name: of the queue.
        host: of the server.
        port: of the server.
        user: of the database.
        password: of the user.
        dbname: the database.
        timeout: seconds to wait for others, a connection, or a server that is away.
        auto_commit: accepted; every call of an ack queue is committed when it returns.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        auto_resume: make ready again what consumers had that have died, now and while waiting.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        max_connections: how many connections this object opens at most.
        durability: what an acknowledged put or ack survives.
        notify: be woken by LISTEN and NOTIFY.
        prepare_threshold: how often a statement is said before the server prepares it; None: it
            never does.
        heartbeat: seconds between two signs of life; after four without one a consumer is dead.
        lease: seconds until an item that is not settled becomes ready again; None: as long as
            its consumer lives.
        max_attempts: so often an item is handed out, then it is a dead letter; None: no limit.
        backoff: seconds before an item that was not acked is ready again, doubled each time up
            to an hour.
        keep_acked: how many acked items stay in the database.
        dedupe: what a put does whose `dedupe_key` is there already: "ignore" it, "replace" the
            item that waits, or "raise" `DuplicateKey`.
        dedupe_window: seconds for which a key is remembered; None: until its item is settled.
        clock: the time in seconds since the epoch, by which leases and delays end; None: the
            server's.
        create: make the queue where there is none; otherwise that is a StorageError.

    Raises:
        ValueError: an argument is out of range, or a name is too long or holds a NUL character.
        StorageError: the server cannot be reached, or refuses.
        SchemaMismatch: a newer version wrote the queue, or the table is no queue.
        BackendNotInstalled: psycopg cannot be imported.
    """

    kind: ClassVar[Kind] = KINDS["ack"]

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
        auto_resume: bool = True,
        maxsize: int = 0,
        max_connections: int = 10,
        durability: Durability = "full",
        notify: bool = False,
        prepare_threshold: int | None = None,
        heartbeat: float = 5.0,
        lease: float | None = None,
        max_attempts: int | None = None,
        backoff: float = 0.0,
        keep_acked: int = 1000,
        dedupe: str = "ignore",
        dedupe_window: float | None = None,
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
        options = AckOptions(
            lease=lease,
            max_attempts=max_attempts,
            backoff=backoff,
            keep_acked=keep_acked,
            auto_resume=auto_resume,
            dedupe=dedupe,
            dedupe_window=dedupe_window,
        )
        self._arguments = {
            "name": name,
            "auto_commit": auto_commit,
            **place.arguments(),
            **settings.arguments(),
            **options.arguments(),
        }
        AckServerQueue.__init__(self, place.driver(), POSTGRESQL, name, None, settings, options)
        self._see_to_notifications(notify)


#: The other name of `PostgresAckQueue`.
FIFOPostgresAckQueue = PostgresAckQueue


class FILOPostgresAckQueue(PostgresAckQueue[T]):
    """The newest item comes first; everything else is as in `PostgresAckQueue`."""

    kind = KINDS["filo-ack"]


class PostgresUniqueAckQ(PostgresAckQueue[T]):
    """An item equal to one that is not settled yet is not stored again.

    An item that was acked may be put again; one that has failed becomes ready again. Items are
    equal where their serialized bytes are, with the keys of dicts sorted. Everything else is as
    in `PostgresAckQueue`.
    """

    kind = KINDS["unique-ack"]
