"""``mysql://user:password@host:3306/database?name=orders&kind=ack`` as a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pq_core.registry import QueueURL
from pq_core.sql.backend import chosen
from pq_mysql._ackqueues import FILOMySQLAckQueue, MySQLAckQueue, MySQLUniqueAckQ
from pq_mysql._queues import FILOMySQLQueue, MySQLPriorityQueue, MySQLQueue, MySQLUniqueQ

__all__ = ["MySQLBackend"]

_CLASSES: Final[dict[str, Any]] = {
    cls.kind.name: cls
    for cls in (
        MySQLQueue,
        FILOMySQLQueue,
        MySQLUniqueQ,
        MySQLPriorityQueue,
        MySQLAckQueue,
        FILOMySQLAckQueue,
        MySQLUniqueAckQ,
    )
}
_OPTIONS: Final[dict[str, Callable[[str], Any]]] = {
    "table_name": str,
    "charset": str,
    "max_connections": int,
    "create": bool,
    "heartbeat": float,
    "multi_statements": bool,
}
#: These become options of the connection.
_CONNECTING: Final[dict[str, Callable[[str], Any]]] = {
    "unix_socket": str,
    "connect_timeout": float,
    "read_timeout": float,
    "write_timeout": float,
    "ssl_ca": str,
    "ssl_cert": str,
    "ssl_key": str,
    "ssl_verify_cert": bool,
    "ssl_verify_identity": bool,
}


class MySQLBackend:
    """The entry point of the schemes ``mysql`` and ``mariadb``."""

    @staticmethod
    def from_url(url: QueueURL, **options: Any) -> Any:
        """The queue that a URL names.

        Args:
            url: its path is the database; its option `kind` is one of fifo, filo, unique,
                priority, ack, filo-ack and unique-ack. Options of the connection are those of
                `pymysql.connect`: unix_socket, connect_timeout, read_timeout, write_timeout,
                ssl_ca, ssl_cert, ssl_key, ssl_verify_cert and ssl_verify_identity.
            options: parameters of the queue; they win over those in the URL.

        Raises:
            ValueError: an option is not known, or has a value that it cannot take; or the URL
                names no database.
        """
        database = url.path.strip("/")
        if not database or "/" in database:
            raise ValueError(
                f"the {url.scheme} URL names no database; write "
                f"{url.scheme}://user:password@host:3306/database"
            )
        cls, given = chosen(url, options, _CLASSES, {**_OPTIONS, **_CONNECTING})
        connecting = {name: given.pop(name) for name in _CONNECTING.keys() & given.keys()}
        place = {
            "host": url.host or "localhost",
            "user": url.username or "",
            "password": url.password or "",
            "database": database,
            "port": url.port or 3306,
            "connect_options": connecting,
        }
        return cls(**{**place, **given})
