"""From constructor arguments to a driver: both documented spellings, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pq_core.protocols import check_durability
from pq_mysql._driver import MySQLDriver

__all__ = ["Place"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a queue is, and how to get there: the arguments that all classes share.

    Attributes:
        host: of the server.
        user: of the server.
        password: of the user.
        database: with the tables.
        name: of the queue.
        table: of the items; None: the kind's prefix and the name.
        port: of the server.
        charset: of the connection.
        ssl: see `MySQLQueue`.
        connect_options: see `MySQLQueue`.
        durability: see `MySQLQueue`.
        max_connections: see `MySQLQueue`.
        multi_statements: see `MySQLQueue`.
    """

    host: str
    user: str
    password: str
    database: str
    name: str
    table: str | None
    port: int
    charset: str
    ssl: Any
    connect_options: Mapping[str, Any]
    durability: str
    max_connections: int
    multi_statements: bool

    @classmethod
    def of(
        cls,
        host: str | None,
        user: str | None,
        passwd: str | None,
        db_name: str | None,
        name: str | None,
        port: int,
        charset: str,
        *,
        password: str | None,
        database: str | None,
        table_name: str | None,
        ssl: Any,
        connect_options: Mapping[str, Any] | None,
        durability: str,
        max_connections: int,
        multi_statements: bool,
    ) -> Place:
        """Checked constructor arguments.

        Raises:
            TypeError: one is missing, given in both spellings, or of the wrong type.
            ValueError: one is out of range.
        """
        if table_name is not None and name is not None:
            raise TypeError(
                "give 'name' (of the queue) or 'table_name' (of its table), and not both"
            )
        if isinstance(port, bool) or not isinstance(port, int):
            raise TypeError(
                f"'port' must be an int, not {type(port).__name__}; the order is host, user, "
                "passwd, db_name, name, port"
            )
        if not 0 < port < 65536:
            raise ValueError(f"'port' must be between 1 and 65535, not {port!r}")
        if table_name is not None and not table_name:
            raise ValueError("'table_name' must not be empty")
        if max_connections < 1:
            raise ValueError(f"'max_connections' must be at least 1, not {max_connections!r}")
        options = dict(connect_options or {})
        taken = {"host", "user", "password", "passwd", "database", "db", "port", "charset", "ssl"}
        taken |= {"autocommit", "cursorclass", "defer_connect", "init_command", "conv"}
        if clash := taken & options.keys():
            raise ValueError(
                f"'connect_options' must not hold {', '.join(sorted(clash))}: that is a parameter "
                "of the queue, or the queue's own business"
            )
        return cls(
            host=_text("host", host),
            user=_text("user", user),
            password=_either("passwd", passwd, "password", password),
            database=_either("db_name", db_name, "database", database),
            name=name or table_name or "sql",
            table=table_name,
            port=port,
            charset=charset,
            ssl=ssl,
            connect_options=options,
            durability=check_durability(durability),
            max_connections=max_connections,
            multi_statements=multi_statements,
        )

    def driver(self, timeout: float) -> MySQLDriver:
        """The way to the database; nothing is connected yet.

        Args:
            timeout: seconds to wait for a lock of the server.
        """
        arguments: dict[str, Any] = {
            "connect_timeout": 10,
            **self.connect_options,
            "host": self.host,
            "user": self.user,
            "password": self.password,
            "database": self.database,
            "port": self.port,
            "charset": self.charset,
        }
        if self.ssl is not None:
            arguments["ssl"] = self.ssl
        return MySQLDriver(
            arguments,
            size=self.max_connections,
            timeout=timeout,
            several=self.multi_statements,
            wants_full=self.durability == "full",
        )

    def arguments(self) -> dict[str, Any]:
        """The constructor's, to open the same queue again."""
        return {
            "host": self.host,
            "user": self.user,
            "passwd": self.password,
            "db_name": self.database,
            "name": None if self.table else self.name,
            "table_name": self.table,
            "port": self.port,
            "charset": self.charset,
            "ssl": self.ssl,
            "connect_options": dict(self.connect_options),
            "durability": self.durability,
            "max_connections": self.max_connections,
            "multi_statements": self.multi_statements,
        }


def _text(name: str, value: str | None) -> str:
    if value is None:
        raise TypeError(f"{name!r} is missing; a queue needs host, user, password and database")
    if not isinstance(value, str):
        raise TypeError(f"{name!r} must be a str, not {type(value).__name__}")
    return value


def _either(name: str, value: str | None, other_name: str, other: str | None) -> str:
    """The value that was given under one of two names."""
    if value is not None and other is not None:
        raise TypeError(f"{name!r} and {other_name!r} are the same; give one of them")
    return _text(f"{name} (or {other_name})", value if other is None else other)
