"""The plans of ack queues that only look."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pq_core.protocols import DeadLetter, Stats
from pq_core.sql.kinds import Kind
from pq_core.sql.plans.acked_sql import DELAYED, FAILED, LEASED, READY, AckedStatements
from pq_core.sql.rows import Opener, Row, Unreadable, as_bytes
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, reading, single

__all__ = ["AckedLooks"]


class AckedLooks:
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
        self._sql = AckedStatements(layout, kind)

    @reading
    @single
    def next_due(self) -> Plan[float | None]:
        """When something is due, in seconds since the epoch."""
        row = yield self._sql.next_due, ()
        return None if row is None else row[0]

    @reading
    @single
    def owners(self) -> Plan[list[int | None]]:
        """Who has anything out; None stands for who has closed its queue, or a predecessor."""
        rows = yield self._sql.owners, ()
        return [row[0] for row in rows]

    @reading
    @single
    def status(self, id: int) -> Plan[tuple[int, int | None, int, int] | None]:
        """(status, owner, attempts, token) of an item, None where there is none."""
        found: tuple[int, int | None, int, int] | None = yield self._sql.status, (id,)
        return found

    @reading
    @single
    def equal(self, owner: int, data: bytes) -> Plan[int | None]:
        """The oldest item out to `owner` with exactly these bytes."""
        row = yield self._sql.equal, (owner, data)
        return None if row is None else int(row[0])

    @reading
    @single
    def mine(self, owner: int, after: int) -> Plan[list[Row]]:
        """Rows of what `owner` has out, a page of them."""
        rows: list[Row] = yield self._sql.mine, (owner, after)
        return rows

    @reading
    @single
    def changes(self) -> Plan[Any]:
        """What differs after most changes of the queue, read in a few steps of its indexes."""
        return (yield self._sql.changes, self._clock())[0]

    @reading
    @single
    def any(self) -> Plan[bool]:
        """Whether an item is ready."""
        (found,) = yield self._sql.any, self._clock()
        return bool(found)

    @reading
    @single
    def unsettled(self) -> Plan[bool]:
        """Whether an item is ready, delayed or out."""
        (found,) = yield self._sql.unsettled, ()
        return bool(found)

    @reading
    @single
    def count(self) -> Plan[int]:
        """How many items are ready."""
        (count,) = yield self._sql.count, ()
        return int(count)

    @reading
    @single
    def count_of(self, status: int) -> Plan[int]:
        """How many items have this status."""
        (count,) = yield self._sql.count_of[status], ()
        return int(count)

    @reading
    @single
    def total(self) -> Plan[int]:
        """How many items there are, whatever their state."""
        (count,) = yield self._sql.total, ()
        return int(count)

    @reading
    @single
    def expired(self) -> Plan[int]:
        """How many items outlived their ttl and were dropped."""
        row = yield self._sql.expired, (self.layout.table,)
        return int(row[0]) if row else 0

    @reading
    @single
    def peek(self) -> Plan[Any]:
        """The next item: (id, item, timestamp), an `Unreadable`, or None."""
        row = yield self._sql.peek, self._clock()
        if row is None:
            return None
        item = self._open(row)
        return item if type(item) is Unreadable else (row[0], item, row[2])

    @reading
    @single
    def page(self, after: Row | None) -> Plan[list[Row]]:
        """The rows of ready items that follow `after`."""
        lowest = -(1 << 63)
        at = (after[4], after[4], after[0]) if after else (lowest, lowest, -1)
        rows: list[Row] = yield self._sql.page, (*self._clock(), *at)
        return rows

    @reading
    @single
    def all_rows(self, after: int) -> Plan[list[Row]]:
        """The rows behind an id, whatever their state; the last column is the status."""
        rows: list[Row] = yield self._sql.all, (after,)
        return rows

    @reading
    @single
    def lost(self, after: int) -> Plan[list[Row]]:
        """Of items behind an id that are not settled: the ids that have a state and no payload."""
        rows: list[Row] = yield self._sql.lost, (after,)
        return rows

    @reading
    def stats(self) -> Plan[Stats]:
        """Counts, without the bytes."""
        counts = dict((yield self._sql.counts, ()))
        row = yield self._sql.oldest, self._clock()
        age = None if row is None or row[0] is None else max(0.0, row[0])
        return Stats(
            counts.get(READY, 0),
            counts.get(DELAYED, 0),
            counts.get(LEASED, 0),
            counts.get(FAILED, 0),
            0,
            age,
        )

    @reading
    def dead_letters(self) -> Plan[list[DeadLetter]]:
        """What was given up, oldest first."""
        rows = yield self._sql.dead, ()
        return [DeadLetter(row[0], row[1] or "", as_bytes(row[2]), row[3], row[4]) for row in rows]
