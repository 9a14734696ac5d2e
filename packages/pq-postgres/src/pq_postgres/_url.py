"""``postgresql://user@host/database?name=orders&kind=ack`` as a queue."""

from __future__ import annotations

from typing import Any, Final

from pq_core.registry import QueueURL
from pq_core.sql.backend import chosen
from pq_postgres._ackqueues import FILOPostgresAckQueue, PostgresAckQueue, PostgresUniqueAckQ
from pq_postgres._queues import (
    FILOPostgresQueue,
    PostgresPriorityQueue,
    PostgresQueue,
    PostgresUniqueQ,
)

__all__ = ["PostgresBackend"]

_CLASSES: Final[dict[str, Any]] = {
    cls.kind.name: cls
    for cls in (
        PostgresQueue,
        FILOPostgresQueue,
        PostgresUniqueQ,
        PostgresPriorityQueue,
        PostgresAckQueue,
        FILOPostgresAckQueue,
        PostgresUniqueAckQ,
    )
}


#: What a URL of libpq may hold besides; all others are options of the queue.
_LIBPQ: Final = (
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "options",
    "passfile",
    "password",
    "port",
    "requiressl",
    "service",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
)
_MORE: Final[dict[str, Any]] = {
    "create": bool,
    "heartbeat": float,
    "max_connections": int,
    "notify": bool,
    "prepare_threshold": int,
    **dict.fromkeys(_LIBPQ, str),
}


class PostgresBackend:
    """The entry point of the schemes ``postgresql`` and ``postgres``."""

    @staticmethod
    def from_url(url: QueueURL, **options: Any) -> Any:
        """The queue that a URL names.

        Args:
            url: its path is the database; its option `kind` is one of fifo, filo, unique,
                priority, ack, filo-ack and unique-ack; the parameters of libpq (``sslmode=``,
                ``host=`` of a socket) may stand among the options.
            options: parameters of the queue; they win over those in the URL.

        Raises:
            ValueError: an option is not known, or has a value that it cannot take.
        """
        from pq_postgres._library import psycopg

        cls, given = chosen(url, options, _CLASSES, _MORE)
        place = {
            "host": url.host,
            "port": url.port,
            "user": url.username,
            "password": url.password,
            "dbname": url.path.lstrip("/") or None,
        }
        place.update({name: given.pop(name) for name in _LIBPQ if name in given})
        known = {name: value for name, value in place.items() if value is not None}
        return cls(psycopg().conninfo.make_conninfo("", **known), **given)
