"""``sqlite:///path?name=orders&kind=ack`` as a queue."""

from __future__ import annotations

from typing import Any, Final

from pq_core.registry import QueueURL, convert_options
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
_COMMON: Final[dict[str, Any]] = {
    "kind": str,
    "name": str,
    "timeout": float,
    "serializer": str,
    "db_file_name": str,
    "maxsize": int,
    "durability": str,
}
_PLAIN: Final[dict[str, Any]] = {"auto_commit": bool}
_ACKED: Final[dict[str, Any]] = {
    "auto_resume": bool,
    "lease": float,
    "max_attempts": int,
    "backoff": float,
    "keep_acked": int,
    "dedupe": str,
    "dedupe_window": float,
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
        kind = options.pop("kind", None) or url.query.get("kind", "fifo")
        if kind not in _CLASSES:
            known = ", ".join(_CLASSES)
            raise ValueError(f"'kind' must be one of {known}, not {kind!r}")
        cls = _CLASSES[kind]
        known_options = {**_COMMON, **(_ACKED if cls.kind.is_acked else _PLAIN)}
        given = convert_options(url.query, known_options)
        given.pop("kind", None)
        path = ":memory:" if url.path in (":memory:", "/:memory:") else url.local_path()
        return cls(path, **{**given, **options})
