"""``sqlite:///path?name=orders&kind=ack`` as a queue."""

from __future__ import annotations

from typing import Any, Final

from pq_core.registry import QueueURL
from pq_core.sql.backend import chosen
from pq_sqlite._ackqueues import FILOSQLiteAckQueue, SQLiteAckQueue, UniqueAckQ
from pq_sqlite._queues import FILOSQLiteQueue, PriorityQueue, SQLiteQueue, UniqueQ

__all__ = ["SQLiteBackend"]

_CLASSES: Final[dict[str, Any]] = {
    cls.kind.name: cls
    for cls in (
        SQLiteQueue,
        FILOSQLiteQueue,
        UniqueQ,
        PriorityQueue,
        SQLiteAckQueue,
        FILOSQLiteAckQueue,
        UniqueAckQ,
    )
}


class SQLiteBackend:
    """The entry point of the scheme ``sqlite``."""

    @staticmethod
    def from_url(url: QueueURL, **options: Any) -> Any:
        """The queue that a URL names.

        Args:
            url: its path is the directory of the database; its option `kind` is one of fifo,
                filo, unique, priority, ack, filo-ack and unique-ack.
            options: parameters of the queue; they win over those in the URL.

        Raises:
            ValueError: an option is not known, or has a value that it cannot take.
        """
        cls, given = chosen(url, options, _CLASSES, {"db_file_name": str})
        path = ":memory:" if url.path in (":memory:", "/:memory:") else url.local_path()
        return cls(path, **given)
