"""The queues whose items are settled one by one."""

from __future__ import annotations

from typing import TypeVar

from pq_core.sql import KINDS
from pq_core.sqlite.acked import AckInSQLite

__all__ = ["FIFOSQLiteAckQueue", "FILOSQLiteAckQueue", "SQLiteAckQueue", "UniqueAckQ"]

T = TypeVar("T")


class SQLiteAckQueue(AckInSQLite[T]):
    """A durable queue in an SQLite database whose items are acked, for threads and processes.

    An item that was handed out comes again unless it is acked: when its lease ends, or when its
    consumer has died. It is never taken from a consumer that lives within its lease.

    Example:
        >>> queue = SQLiteAckQueue(":memory:")
        >>> queue.put("letter")
        1
        >>> item = queue.get()
        >>> queue.ack(item)
        1
        >>> queue.put("parcel")
        2
        >>> with queue.receive() as message:
        ...     print(message.item, message.attempts)
        parcel 1

    Items are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the file.

    Args:
        path: a directory, made where there is none; ``:memory:`` for a queue that lasts as long
            as this object.
        name: of the queue; several queues share one database file.
        multithreading: accepted; every queue may be used from any thread.
        timeout: seconds to wait for other processes before `StorageBusy`.
        auto_commit: accepted; every call of an ack queue is committed when it returns.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        db_file_name: of the database file in `path`; None: ``data.db``.
        auto_resume: make ready again what consumers had that have died, now and while waiting.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        durability: what an acknowledged put or ack survives: "full" (power loss; the default, as
            in persist-queue), "normal" (the death of the process) or "off".
        lease: seconds until an item that is not settled becomes ready again; None: as long as
            its consumer lives.
        max_attempts: so often an item is handed out, then it is a dead letter; None: no limit.
        backoff: seconds before an item that was not acked is ready again, doubled each time up
            to an hour.
        keep_acked: how many acked items stay in the database.
        dedupe: what a put does whose `dedupe_key` is there already: "ignore" it, "replace" the
            item that waits, or "raise" `DuplicateKey`.
        dedupe_window: seconds for which a key is remembered; None: until its item is settled.
        clock: the time in seconds since the epoch, by which leases and delays end.

    Raises:
        ValueError: an argument is out of range, or a name holds a NUL character.
        StorageError: the database cannot be opened.
        StorageCorrupt: the file is no database, or a damaged one.
        SchemaMismatch: a newer version wrote the queue.
    """


#: The other name of `SQLiteAckQueue`.
FIFOSQLiteAckQueue = SQLiteAckQueue


class FILOSQLiteAckQueue(SQLiteAckQueue[T]):
    """The newest item comes first; everything else is as in `SQLiteAckQueue`."""

    kind = KINDS["filo-ack"]


class UniqueAckQ(SQLiteAckQueue[T]):
    """An item equal to one that is not settled yet is not stored again.

    An item that was acked may be put again; one that has failed becomes ready again. Items are
    equal where their serialized bytes are, with the keys of dicts sorted. Everything else is as
    in `SQLiteAckQueue`.
    """

    kind = KINDS["unique-ack"]
