"""Names that become identifiers and channels of PostgreSQL."""

from __future__ import annotations

import re
from hashlib import md5
from typing import Any, Final

__all__ = ["LONGEST", "TableName", "channel_of", "folded", "quoted"]

#: The longest identifier or channel, in bytes (NAMEDATALEN - 1; PostgreSQL manual, 4.1.1).
LONGEST: Final = 63
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_$]*")


class TableName:
    """A table's name as statements have it, quoted.

    It is text where it is formatted, and psycopg2 takes it for a parameter, too, as pq's `table`.
    """

    __slots__ = ("_sql",)

    def __init__(self, sql: str) -> None:
        self._sql = sql

    def __str__(self) -> str:
        return self._sql

    def __repr__(self) -> str:
        return f"<TableName {self._sql}>"

    def __conform__(self, protocol: Any) -> TableName:
        """It is its own adapter (psycopg2, "Adapting new Python types to SQL syntax")."""
        del protocol
        return self

    def getquoted(self) -> bytes:
        """What stands in the statement."""
        return self._sql.encode()


def quoted(name: str) -> str:
    """`name` as an identifier, quoted.

    Raises:
        ValueError: it is empty, too long, or holds a NUL character.
    """
    if not name:
        raise ValueError("a name must not be empty")
    if "\0" in name:
        raise ValueError(f"the name {name!r} holds a NUL character; leave it out")
    if len(name.encode()) > LONGEST:
        raise ValueError(f"the name {name!r} is longer than {LONGEST} bytes; shorten it")
    return '"' + name.replace('"', '""') + '"'


def folded(name: str) -> str:
    """The name that PostgreSQL gives to a table called `name` without quotes (manual, 4.1.1)."""
    return name.lower() if _PLAIN.fullmatch(name) else name


def channel_of(name: str) -> str:
    """The channel that tells of new jobs in the queue called `name`; the same as pq's."""
    if len(name.encode()) <= LONGEST:
        return name
    return f"pq_{md5(name.encode(), usedforsecurity=False).hexdigest()}"
