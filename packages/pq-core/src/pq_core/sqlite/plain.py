"""The constructors of the queues whose get settles, for every wheel that has them in SQLite files."""

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

__all__ = ["PlainInSQLite", "PriorityInSQLite"]

T = TypeVar("T")


class PlainInSQLite(InSQLite[T], PlainQueue[T]):
    """A queue of one kind in a database file; `pq_sqlite.SQLiteQueue` tells what it takes."""

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
        self._to_open = place, layout, of_items, maxsize, auto_commit
        self._start()

    def _start(self) -> None:
        """Opens the database. All that can be wrong with the arguments was told before."""
        place, layout, of_items, maxsize, auto_commit = self._to_open
        self._sqlite = place.engine(layout, deferred=not auto_commit)
        open_row = opener(of_items, self._sqlite.where)
        plans = PlainPlans(layout, self.kind, open_row, clock)
        PlainQueue.__init__(
            self, self._sqlite, plans, self.kind, of_items, open_row, maxsize, auto_commit
        )


class PriorityInSQLite(ByPriority[T], PlainInSQLite[T]):
    """`pq_sqlite.PriorityQueue` tells what it takes."""

    kind = KINDS["priority"]
