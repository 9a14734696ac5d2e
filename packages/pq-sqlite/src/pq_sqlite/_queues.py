"""The queues whose get settles: FIFO, FILO, unique and priority."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, TypeVar

from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec, codec
from pq_core.sql import KINDS, Kind, queue_layout
from pq_core.sql.plainqueue import PlainQueue
from pq_core.sql.plans import PlainPlans
from pq_core.sql.priority import ByPriority
from pq_core.sql.rows import opener
from pq_core.sqlite.place import DIALECT, Place, clock
from pq_core.sqlite.upkeep import InSQLite

__all__ = ["FIFOSQLiteQueue", "FILOSQLiteQueue", "PriorityQueue", "SQLiteQueue", "UniqueQ"]

T = TypeVar("T")


class SQLiteQueue(InSQLite[T], PlainQueue[T]):
    """A durable FIFO queue in an SQLite database, for any number of threads and processes.

    Example:
        >>> queue = SQLiteQueue(":memory:")
        >>> queue.put("letter")
        1
        >>> queue.get()
        'letter'

    Items are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the file.

    Args:
        path: a directory, made where there is none; ``:memory:`` for a queue that lasts as long
            as this object.
        name: of the queue; several queues share one database file.
        multithreading: accepted; every queue may be used from any thread.
        timeout: seconds to wait for other processes before `StorageBusy`.
        auto_commit: get settles. Otherwise get holds the item until task_done, and an item that
            is not settled comes again after close or a crash.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        db_file_name: of the database file in `path`; None: ``data.db``.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        durability: what an acknowledged put survives: "full" (power loss; the default, as in
            persist-queue), "normal" (the death of the process) or "off".

    Raises:
        ValueError: an argument is out of range, or a name holds a NUL character.
        StorageError: the database cannot be opened.
        StorageCorrupt: the file is no database, or a damaged one.
        SchemaMismatch: a newer version wrote the queue.
    """

    kind: ClassVar[Kind] = KINDS["fifo"]

    def __init__(
        self,
        path: str | Path,
        name: str = "default",
        multithreading: bool = False,
        timeout: float = 10.0,
        auto_commit: bool = True,
        serializer: AnySerializer | Codec = "pickle",
        db_file_name: str | None = None,
        *,
        maxsize: int = 0,
        durability: Durability = "full",
    ) -> None:
        place = Place.of(path, db_file_name, timeout, durability)
        layout = queue_layout(DIALECT, self.kind, name)
        of_items = codec(serializer)
        self._arguments = {
            "path": str(path if place.path is None else place.path.parent),
            "name": name,
            "multithreading": multithreading,
            "timeout": timeout,
            "auto_commit": auto_commit,
            "serializer": of_items,
            "db_file_name": db_file_name,
            "maxsize": maxsize,
            "durability": durability,
        }
        self._sqlite = place.engine(layout, deferred=not auto_commit)
        open_row = opener(of_items, self._sqlite.where)
        plans = PlainPlans(layout, self.kind, open_row, clock)
        PlainQueue.__init__(
            self, self._sqlite, plans, self.kind, of_items, open_row, maxsize, auto_commit
        )


#: The other name of `SQLiteQueue`.
FIFOSQLiteQueue = SQLiteQueue


class FILOSQLiteQueue(SQLiteQueue[T]):
    """The newest item comes first; everything else is as in `SQLiteQueue`."""

    kind = KINDS["filo"]


class UniqueQ(SQLiteQueue[T]):
    """An item equal to one that is in the queue is not stored again.

    Items are equal where their serialized bytes are, with the keys of dicts sorted. Everything
    else is as in `SQLiteQueue`.
    """

    kind = KINDS["unique"]


class PriorityQueue(ByPriority[T], SQLiteQueue[T]):
    """The item with the lowest priority comes first, the oldest of them first.

    Everything else is as in `SQLiteQueue`.
    """

    kind = KINDS["priority"]
