"""From constructor arguments to a driver: a conninfo, keywords, or both."""

from __future__ import annotations

from typing import Any

from pq_core.protocols import check_durability
from pq_postgres._library import psycopg
from pq_postgres._server import PostgresDriver

__all__ = ["Place"]


class Place:
    """Where a queue is, and how to get there: the arguments that all classes share.

    Args:
        dsn: a connection string or URL of libpq.
        keywords: its parameters by name; they win over those in `dsn`, and None is not given.
        durability: "full", or what lets the server's crash lose the newest items.

    Attributes:
        conninfo: all of it.

    Raises:
        ValueError: it cannot be understood, or `durability` is none of the three words.
    """

    def __init__(self, dsn: str, keywords: dict[str, Any], durability: str) -> None:
        if not isinstance(dsn, str):
            raise TypeError(f"'dsn' must be a str, not {type(dsn).__name__}")
        self.durability = check_durability(durability)
        given = {name: value for name, value in keywords.items() if value is not None}
        library = psycopg()
        try:
            self.conninfo = library.conninfo.make_conninfo(dsn, **given)
        except library.Error:
            # Its message quotes the text, and so maybe a password.
            raise ValueError(
                "'dsn' cannot be understood; write 'host=... dbname=...' or "
                "postgresql://user:password@host/dbname, with special characters quoted"
            ) from None

    def driver(self, *, max_connections: int, notify: bool) -> PostgresDriver:
        """The way to the database; nothing is connected yet.

        Raises:
            ValueError: `max_connections` is not positive.
        """
        if max_connections < 1:
            raise ValueError(f"'max_connections' must be at least 1, not {max_connections!r}")
        return PostgresDriver(
            self.conninfo,
            size=max_connections,
            listens=notify,
            waits_for_disk=self.durability == "full",
        )
