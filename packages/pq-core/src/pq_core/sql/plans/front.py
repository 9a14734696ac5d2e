"""Where a get that holds its items looks, so that what is held costs it nothing.

Held items stay in their places. A queue object remembers that nothing is ready up to a certain
place in the order of the queue, and begins behind it. New items may come in front of that place
(with a better priority, or, newest first, all of them): these are noticed by their ids, which
rise. So a get costs as much with a hundred thousand items held as with none.

Where much has come in front at once, the look starts over at the beginning and passes by what is
held, once for at least `NEW` items.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple, TypeAlias

from pq_core.sql.kinds import Kind
from pq_core.sql.rows import LARGEST, Row
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, Statement

__all__ = ["Front", "Position"]

#: How many new items are looked at one by one, before starting over is better ...
NEW: Final = 64
#: ... and how many that came in front are remembered.
EARLY: Final = 256

#: Place of an item: what comes first is the smallest. (priority, id), the id negative where the
#: newest comes first.
Place: TypeAlias = tuple[Any, int]

_LAST: Final[Place] = (LARGEST, LARGEST)


class Position(NamedTuple):
    """What a queue object knows of what is held.

    Attributes:
        returned: how often items had come back when this was so.
        seen: the ids of which it is said.
        at: no item of these is ready up to this place; None: nothing is known.
        early: except for these, the first one first.
    """

    returned: int
    seen: int = 0
    at: Place | None = None
    early: tuple[Place, ...] = ()


class Front:
    """The looks of one kind of queue. Statements are rendered once, here.

    Args:
        layout: the tables; ids are committed in their order.
        kind: the kind of queue.
        columns: of a row.
        ready: which rows are ready: FROM and WHERE.
        order: of the queue.
    """

    def __init__(self, layout: Layout, kind: Kind, columns: str, ready: str, order: str) -> None:
        p, main = layout.dialect.placeholder, layout.main
        self._name = layout.table
        self._kind = kind
        beyond = f"_id {'<' if kind.newest_first else '>'} {p}"
        rank = "0"
        if kind.has_priority:
            # In two: of (priority, _id) > (?, ?) SQLite would use the first half alone.
            beyond, rank = f"priority = {p} AND {beyond}", "priority"
        self.returned = Statement(f"SELECT returned FROM {layout.meta} WHERE name = {p}", "one")
        self.last = Statement(f"SELECT max(_id) FROM {main}", "one")
        self.new = Statement(
            f"SELECT _id, {rank} FROM {main} WHERE _id > {p} ORDER BY _id LIMIT {NEW + 1}", "rows"
        )
        self.certain = Statement(f"SELECT {columns} {ready} AND _id = {p}", "rows")
        self.first = Statement(f"SELECT {columns} {ready} ORDER BY {order} LIMIT {p}", "rows")
        self.beyond = Statement(
            f"SELECT {columns} {ready} AND {beyond} ORDER BY {order} LIMIT {p}", "rows"
        )
        later = f"SELECT {columns} {ready} AND priority > {p} ORDER BY {order} LIMIT {p}"
        self.later = Statement(later if kind.has_priority else "", "rows")

    def find(self, position: Position | None, n: int) -> Plan[tuple[list[Row], Position]]:
        """The next items that are ready, up to `n`, and what is known of those before them."""
        (returned,) = yield self.returned, (self._name,)
        if position is None or position.returned != returned:
            position = Position(returned)
        position = yield from self._refreshed(position)
        rows: list[Row] = []
        gone = 0
        for place in position.early:
            if len(rows) == n:
                break
            found = yield self.certain, (abs(place[1]),)
            rows += found
            gone += not found
        early = (*map(self._place, rows), *position.early[gone + len(rows) :])
        position = position._replace(early=early)
        if len(rows) < n:
            more = yield from self._beyond(position.at, n - len(rows))
            if not more:
                position = yield from self._at_end(position)
            rows += more
        return rows, position

    def _beyond(self, at: Place | None, n: int) -> Plan[list[Row]]:
        """The next items behind a place, up to `n`."""
        rows: list[Row]
        if at is None:
            rows = yield self.first, (n,)
        elif self._kind.has_priority:
            rows = yield self.beyond, (*at, n)
            if len(rows) < n:
                rows += yield self.later, (at[0], n - len(rows))
        elif self._kind.newest_first:
            rows = yield self.beyond, (0 if at == _LAST else -at[1], n)
        else:
            rows = yield self.beyond, (at[1], n)
        return rows

    def past(self, position: Position, rows: list[Row]) -> Position:
        """What is known once these, which `find` found with that, are not ready any more."""
        places = {self._place(row) for row in rows}
        early = tuple(place for place in position.early if place not in places)
        at = position.at
        for place in places.difference(position.early):
            if place[0] is not None and (at is None or place > at):  # NULL: of a predecessor
                at = place
        return position._replace(at=at, early=early)

    def _refreshed(self, position: Position) -> Plan[Position]:
        """The position with what has come in front of it since."""
        if position.at is None:
            return position._replace(seen=(yield self.last, ())[0] or 0)
        if not (self._kind.newest_first or self._kind.has_priority):
            return position
        new = yield self.new, (position.seen,)
        if not new:
            return position
        if len(new) > NEW or any(rank is None for _, rank in new):
            return Position(position.returned, (yield self.last, ())[0])
        at = position.at
        early = [*position.early, *(place for row in new if (place := self._placed(*row)) < at)]
        early.sort()
        if len(early) > EARLY:
            at = early[EARLY - 1]
        return Position(position.returned, new[-1][0], at, tuple(early[:EARLY]))

    def _at_end(self, position: Position) -> Plan[Position]:
        """The position where nothing is ready behind it."""
        if self._kind.newest_first or self._kind.has_priority:
            return position._replace(at=_LAST)
        last = (yield self.last, ())[0]
        return position if last is None else position._replace(at=(0, last))

    def _place(self, row: Row) -> Place:
        return self._placed(row[0], row[4] if self._kind.has_priority else 0)

    def _placed(self, id: int, rank: Any) -> Place:
        return rank, -id if self._kind.newest_first else id
