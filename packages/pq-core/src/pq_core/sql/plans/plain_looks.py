"""The plans that only look, of queues whose get settles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pq_core.protocols import DeadLetter, Stats
from pq_core.sql.kinds import Kind
from pq_core.sql.rows import LARGEST, Opener, Row, Taken, Unreadable, as_bytes
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, Statement, reading, single

__all__ = ["PlainLooks"]

#: How many rows a listing reads at a time.
PAGE: Final = 256


class PlainLooks:
    """One method a look. Statements are rendered once, here.

    Args:
        layout: the tables.
        kind: the kind of queue.
        open_row: reads a payload.
        clock: the parameters that the dialect's `now` takes.
    """

    def __init__(
        self,
        layout: Layout,
        kind: Kind,
        open_row: Opener,
        clock: Callable[[], tuple[float, ...]],
    ) -> None:
        self.layout = layout
        self._kind = kind
        self._open = open_row
        self._clock = clock
        d = layout.dialect
        p, now, main, claims, dead = d.placeholder, d.now, layout.main, layout.claims, layout.dead
        columns = "_id, data, timestamp, crc" + (", priority" if kind.has_priority else "")
        down = " DESC" if kind.newest_first else ""
        order = f"priority, _id{down}" if kind.has_priority else f"_id{down}"
        narrow = d.narrow
        unclaimed = f"_id NOT IN (SELECT id FROM {claims})" if narrow else d.is_free
        ready = f"FROM {main} WHERE {unclaimed}"
        self._columns, self._order, self._ready = columns, order, ready
        say = Statement

        self._peek = say(f"SELECT {columns} {ready} ORDER BY {order} LIMIT 1", "one")
        self._any = say(f"SELECT (SELECT _id {ready} ORDER BY {order} LIMIT 1) IS NOT NULL", "one")
        self._count = say(
            f"SELECT (SELECT count(*) FROM {main}) - (SELECT count(*) FROM {claims})"
            if narrow
            else f"SELECT count(*) {ready}",
            "one",
        )
        self._changes = say(
            ""
            if narrow
            else f"SELECT CONCAT_WS(' ', (SELECT _id {ready} ORDER BY {order} LIMIT 1), max(_id),"
            f" min(_id)) FROM {main}",
            "one",
        )
        self._total = say(f"SELECT count(*) FROM {main}", "one")
        if kind.has_priority:
            after = f"(priority > {p} OR (priority = {p} AND _id > {p}))"
        else:
            after = f"_id {'<' if down else '>'} {p}"
        self._page = say(
            f"SELECT {columns} {ready} AND {after} ORDER BY {order} LIMIT {PAGE}", "rows"
        )
        self._all = say(
            f"SELECT {columns} FROM {main} WHERE _id > {p} ORDER BY _id LIMIT {PAGE}", "rows"
        )
        held = f"FROM {claims}" if narrow else f"FROM {main} WHERE owner IS NOT NULL"
        self._owners = say(f"SELECT DISTINCT owner {held}", "rows")
        self._claimed = say(f"SELECT count(*) {held}", "one")
        self._dead = say(
            f"SELECT id, reason, data, attempts, failed_at FROM {dead} ORDER BY failed_at, id",
            "rows",
        )
        self._count_dead = say(f"SELECT count(*) FROM {dead}", "one")
        self._oldest = say(f"SELECT min(_id) FROM {main}", "one")
        self._age = say(f"SELECT {now} - timestamp FROM {main} WHERE _id = {p}", "one")

    @reading
    @single
    def changes(self) -> Plan[Any]:
        """What differs after most changes of the queue, read in a few steps of its indexes."""
        return (yield self._changes, ())[0]

    @reading
    @single
    def any(self) -> Plan[bool]:
        """Whether an item is ready."""
        (found,) = yield self._any, ()
        return bool(found)

    @reading
    @single
    def count(self) -> Plan[int]:
        """How many items are ready."""
        (count,) = yield self._count, ()
        return int(count)

    @reading
    @single
    def total(self) -> Plan[int]:
        """How many items are there, those that are out included."""
        (count,) = yield self._total, ()
        return int(count)

    @reading
    @single
    def peek(self) -> Plan[Taken | Unreadable | None]:
        """The next item."""
        row = yield self._peek, ()
        if row is None:
            return None
        item = self._open(row)
        return item if type(item) is Unreadable else (row[0], item, row[2], row)

    @reading
    @single
    def page(self, after: Row | None) -> Plan[list[Row]]:
        """The rows of ready items that follow `after`."""
        at: tuple[Any, ...]
        if self._kind.has_priority:
            at = (after[4], after[4], after[0]) if after else (-(1 << 63), -(1 << 63), -1)
        elif self._kind.newest_first:
            at = (after[0],) if after else (LARGEST,)
        else:
            at = (after[0],) if after else (-1,)
        rows: list[Row] = yield self._page, at
        return rows

    @reading
    @single
    def all_rows(self, after: int) -> Plan[list[Row]]:
        """The rows behind an id, whatever their state."""
        rows: list[Row] = yield self._all, (after,)
        return rows

    @reading
    def stats(self) -> Plan[Stats]:
        """Counts, without the bytes."""
        (ready,) = yield self._count, ()
        (leased,) = yield self._claimed, ()
        (dead,) = yield self._count_dead, ()
        age = None
        oldest = yield self._oldest, ()
        if oldest[0] is not None:
            row = yield self._age, (*self._clock(), oldest[0])
            age = None if row is None or row[0] is None else max(0.0, row[0])
        return Stats(ready, 0, leased, dead, 0, age if ready else None)

    @reading
    def dead_letters(self) -> Plan[list[DeadLetter]]:
        """What was given up, oldest first."""
        rows = yield self._dead, ()
        return [DeadLetter(row[0], row[1], as_bytes(row[2]), row[3], row[4]) for row in rows]

    @reading
    @single
    def owners(self) -> Plan[list[int]]:
        """Who holds anything."""
        rows = yield self._owners, ()
        return [row[0] for row in rows]
