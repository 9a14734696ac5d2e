"""Signs of life, where the storage is on another machine: rows that end by the server's clock.

::

    pq_owners: owner, expires

An owner that is not there, or whose time is over, is dead: what it claims may be given to others.
One that was late is alive again with its next sign; what it lost meanwhile it is told as
`LeaseLost`.
"""

from __future__ import annotations

from typing import Final

from pq_core.sql.dialect import Dialect
from pq_core.sql.statement import Plan, Statement, Wants, reading, single

__all__ = ["OwnerPlans"]

#: Rows are removed this many seconds after their time is over. Any number would do.
KEPT: Final = 3600.0


class OwnerPlans:
    """One method an operation. Statements are rendered once, here.

    Args:
        dialect: of the database.
    """

    def __init__(self, dialect: Dialect) -> None:
        d, p = dialect, dialect.placeholder
        table, now = d.name_of("pq_owners"), d.now

        def say(sql: str, wants: Wants = "none") -> Statement:
            return Statement(sql, wants)

        self._create = say(
            f"CREATE TABLE IF NOT EXISTS {table} (owner {d.integer} PRIMARY KEY,"
            f" expires {d.real} NOT NULL){d.suffix}"
        )
        self._insert = say(f"INSERT INTO {table} (owner, expires) VALUES ({p}, {now} + {p})")
        self._extend = say(f"UPDATE {table} SET expires = {now} + {p} WHERE owner = {p}", "count")
        self._delete = say(f"DELETE FROM {table} WHERE owner = {p}")
        self._tidy = say(f"DELETE FROM {table} WHERE expires < {now} - {p}")
        self._alive = say(f"SELECT owner FROM {table} WHERE expires > {now}", "rows")
        self._now = say(f"SELECT {now}", "one")

    def create(self) -> Plan[None]:
        """Makes the table; does nothing where it is."""
        yield self._create, ()

    def appear(self, owner: int, life: float) -> Plan[None]:
        """This owner is alive from now on, for so many seconds."""
        yield self._tidy, (KEPT,)
        yield self._insert, (owner, life)

    def beat(self, owner: int, life: float) -> Plan[None]:
        """This owner is still alive, for so many seconds from now."""
        if not (yield self._extend, (life, owner)):
            yield self._insert, (owner, life)

    @single
    def leave(self, owner: int) -> Plan[None]:
        """This owner claims nothing any more."""
        yield self._delete, (owner,)

    @reading
    @single
    def alive(self) -> Plan[set[int]]:
        """Who is alive."""
        return {int(row[0]) for row in (yield self._alive, ())}

    @reading
    @single
    def now(self) -> Plan[float]:
        """The server's time, in seconds since the epoch."""
        (now,) = yield self._now, ()
        return float(now)
