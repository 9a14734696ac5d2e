"""The constructor of the queues whose items are acked, for every wheel that has them in SQLite files."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec, codec
from pq_core.sql import KINDS, Kind, queue_layout
from pq_core.sql.ackqueue import AckQueue
from pq_core.sql.options import AckOptions
from pq_core.sql.plans.acked import AckedPlans, Retry
from pq_core.sql.rows import opener
from pq_core.sqlite.place import DIALECT, Place
from pq_core.sqlite.upkeep import InSQLite

__all__ = ["AckInSQLite"]

T = TypeVar("T")


class AckInSQLite(InSQLite[T], AckQueue[T]):
    """A queue of one kind in a database file; `pq_sqlite.SQLiteAckQueue` tells what it takes."""

    kind: ClassVar[Kind] = KINDS["ack"]

    def __init__(
        self,
        path: str | Path,
        name: str | bool = "default",
        multithreading: bool = False,
        timeout: float = 10.0,
        auto_commit: bool = True,
        serializer: AnySerializer | Codec = "pickle",
        db_file_name: str | None = None,
        auto_resume: bool = True,
        *,
        maxsize: int = 0,
        durability: Durability = "full",
        lease: float | None = None,
        max_attempts: int | None = None,
        backoff: float = 0.0,
        keep_acked: int = 1000,
        dedupe: str = "ignore",
        dedupe_window: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(name, bool):
            # The second parameter of persist-queue's class is auto_resume.
            auto_resume, name = bool(name), "default"
        options = AckOptions(
            lease=lease,
            max_attempts=max_attempts,
            backoff=backoff,
            keep_acked=keep_acked,
            auto_resume=auto_resume,
            dedupe=dedupe,
            dedupe_window=dedupe_window,
        )
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
            "auto_resume": auto_resume,
            "maxsize": maxsize,
            "durability": durability,
            "lease": lease,
            "max_attempts": max_attempts,
            "backoff": backoff,
            "keep_acked": keep_acked,
            "dedupe": dedupe,
            "dedupe_window": dedupe_window,
            "clock": clock,
        }
        self._to_open = place, layout, of_items, maxsize, options, clock
        self._start()

    def _start(self) -> None:
        """Opens the database. All that can be wrong with the arguments was told before."""
        place, layout, of_items, maxsize, options, clock = self._to_open
        self._sqlite = place.engine(layout)
        open_row = opener(of_items, self._sqlite.where)
        retry = Retry(options.max_attempts, options.backoff)
        plans = AckedPlans(layout, self.kind, open_row, lambda: (clock(),), retry)
        AckQueue.__init__(
            self, self._sqlite, plans, self.kind, of_items, open_row, maxsize, options, clock
        )
