"""From constructor arguments to a driver: a conninfo, keywords, or both."""

from __future__ import annotations

from collections.abc import Mapping
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
        max_connections: how many to open at most.
        notify: whether to hear of changes by LISTEN.
        prepare_threshold: see `PostgresQueue`.

    Raises:
        ValueError: `dsn` cannot be understood, `durability` is none of the three words, or a number
            is out of range.
    """

    def __init__(
        self,
        dsn: str,
        keywords: Mapping[str, Any],
        *,
        durability: str,
        max_connections: int,
        notify: bool,
        prepare_threshold: int | None,
    ) -> None:
        if not isinstance(dsn, str):
            raise TypeError(f"'dsn' must be a str, not {type(dsn).__name__}")
        if max_connections < 1:
            raise ValueError(f"'max_connections' must be at least 1, not {max_connections!r}")
        if prepare_threshold is not None and prepare_threshold < 0:
            raise ValueError(
                f"'prepare_threshold' must be None or not negative, not {prepare_threshold!r}"
            )
        self._durability = check_durability(durability)
        self._max_connections = max_connections
        self._notify = notify
        self._prepare_threshold = prepare_threshold
        given = {name: value for name, value in keywords.items() if value is not None}
        library = psycopg()
        try:
            self._conninfo: str = library.conninfo.make_conninfo(dsn, **given)
        except library.Error:
            # Its message quotes the text, and so maybe a password.
            raise ValueError(
                "'dsn' cannot be understood; write 'host=... dbname=...' or "
                "postgresql://user:password@host/dbname, with special characters quoted"
            ) from None

    def driver(self) -> PostgresDriver:
        """The way to the database; nothing is connected yet."""
        return PostgresDriver(
            self._conninfo,
            size=self._max_connections,
            listens=self._notify,
            waits_for_disk=self._durability == "full",
            prepare_threshold=self._prepare_threshold,
        )

    def arguments(self) -> dict[str, Any]:
        """The constructor's, to open the same queue again."""
        return {
            "dsn": self._conninfo,
            "durability": self._durability,
            "max_connections": self._max_connections,
            "notify": self._notify,
            "prepare_threshold": self._prepare_threshold,
        }
