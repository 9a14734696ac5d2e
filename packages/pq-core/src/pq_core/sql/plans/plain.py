"""The plans of queues whose get settles: FIFO, FILO, unique and priority.

A ready item is a row of the table that no claim names. With `auto_commit` a get deletes the row;
without, it adds a claim, and task_done deletes both. The claims are a narrow table, so a claim
never rewrites a payload; or a column of the table, as the dialect has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pq_core.sql.kinds import Kind
from pq_core.sql.plans.front import Front, Position
from pq_core.sql.plans.plain_looks import PlainLooks
from pq_core.sql.rows import Opener, Row, Taken, Unreadable, as_bytes, fits, parts
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, Statement, adds, growing, reading, single

__all__ = ["PlainPlans", "Position"]


class PlainPlans(PlainLooks):
    """One method an operation. Statements are rendered once, here.

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
        super().__init__(layout, kind, open_row, clock)
        d = layout.dialect
        # In one statement, or, where that is faster, as a look and a DELETE by id: 14 % of a get
        # from SQLite, and 16 % of one by priority.
        at_once = d.returning and not d.in_process
        #: Removes the next item and returns it; None where there is none.
        self.take: Callable[[], Plan[Taken | Unreadable | None]] = (
            self._take_at_once if at_once else self._take_in_two
        )
        p, now, main, claims, dead = d.placeholder, d.now, layout.main, layout.claims, layout.dead
        columns, order, ready = self._columns, self._order, self._ready
        say = Statement

        fields, marks = "(data, timestamp, crc", f"({p}, {now}, {p}"
        if kind.has_priority:
            fields, marks = fields + ", priority", f"{marks}, {p}"
        values = f"{fields}) VALUES {marks})"
        plain = f"INSERT INTO {main} {values}"
        self._insert = say(plain + d.inserted_id, "id")
        self._insert_all = say(plain + d.inserted_id, "ids" if d.bulk_ids == "told" else "many")
        self._insert_new = say(
            f"{d.ignore[0]} {main} {values}{d.ignore[1].format(key='_id')}", "count"
        )
        self._upsert = say(f"{plain}{d.upsert}{d.inserted_id}" if d.upsert else "", "id")
        same = f"SELECT _id FROM {main} WHERE {d.same.format(p=p)}"
        self._same = say(same if kind.is_unique else "", "one")
        self._last_id = say(d.last_id, "one")
        # With the order the index is used, whatever the statistics say of what is ready.
        self._some = say(
            f"SELECT count(*) FROM (SELECT 1 {ready} ORDER BY {order} LIMIT {p}) AS few", "one"
        )
        self._bound = say(f"SELECT marks FROM {layout.meta} WHERE name = {p}{d.for_update}", "one")
        self._span = say(f"SELECT max(_id) - min(_id) + 1 FROM {main}", "one")

        first = f"SELECT _id {ready} ORDER BY {order} LIMIT 1{d.skip_locked}"
        taking = f"DELETE FROM {main} WHERE _id = ({first}) RETURNING {columns}"
        self._take = say(taking if at_once else "", "rows")
        self._next = say(
            f"SELECT {columns} {ready} ORDER BY {order} LIMIT {p}{d.skip_locked}", "rows"
        )
        #: Where ids are committed in their order.
        self._has_position = not d.skip_locked
        self._front = Front(layout, kind, columns, ready, order)
        self._return = say(f"UPDATE {layout.meta} SET returned = returned + 1 WHERE name = {p}")
        self._by_id = say(f"SELECT {columns} {ready} AND _id = {p}{d.skip_locked}", "rows")
        self._exists = say(f"SELECT 1 FROM {main} WHERE _id = {p}", "one")
        self._delete = say(f"DELETE FROM {main} WHERE _id = {p}")
        self._delete_all = say(f"DELETE FROM {main} WHERE _id = {p}", "many")
        self._delete_run = say(f"DELETE FROM {main} WHERE _id BETWEEN {p} AND {p}")
        self._update = say(f"UPDATE {main} SET data = {p}, crc = {p} WHERE _id = {p}", "count")

        self._clear = say(f"DELETE {ready}", "count")

        places = ", ".join([p] * (5 if kind.has_priority else 4))
        again = f"{main} ({columns}) VALUES ({places})"
        self._put_back = say(f"{d.ignore[0]} {again}{d.ignore[1].format(key='_id')}", "count")

        self._narrow = d.narrow
        if d.narrow:
            self._claim = say(f"INSERT INTO {claims} (owner, id) VALUES ({p}, {p})", "many")
            self._unclaim = say(f"DELETE FROM {claims} WHERE id = {p} AND owner = {p}", "count")
            self._unhold = self._unclaim
            self._held = say("", "one")
            self._release = say(f"DELETE FROM {claims} WHERE owner = {p}", "count")
        else:
            self._claim = say(f"UPDATE {main} SET owner = {p} WHERE _id = {p}", "many")
            self._unclaim = say(f"DELETE FROM {main} WHERE _id = {p} AND owner = {p}", "count")
            self._unhold = say(
                f"UPDATE {main} SET owner = NULL WHERE _id = {p} AND owner = {p}", "count"
            )
            self._held = say(
                f"SELECT _id FROM {main} WHERE _id = {p} AND owner = {p}{d.skip_locked}", "one"
            )
            self._release = say(f"UPDATE {main} SET owner = NULL WHERE owner = {p}", "count")

        self._bury = say(
            f"INSERT INTO {dead} (id, data, timestamp, crc, priority, attempts, failed_at, reason)"
            f" VALUES ({p}, {p}, {p}, {p}, {p}, 1, {now}, {p})"
        )
        self._dead_ids = say(f"SELECT id FROM {dead}", "rows")
        self._dead_one = say(f"SELECT id FROM {dead} WHERE id = {p}{d.for_update}", "one")
        kept = "id, data, timestamp, crc" + (", priority" if kind.has_priority else "")
        back = f"{main} ({columns}) SELECT {kept} FROM {dead} WHERE id = {p}"
        self._back = say(f"{d.ignore[0]} {back}{d.ignore[1].format(key=f'{main}._id')}", "count")
        self._forget = say(f"DELETE FROM {dead} WHERE id = {p}")

    # -- put ----------------------------------------------------------------------------------

    def _values(self, row: Row) -> tuple[Any, ...]:
        if self._kind.has_priority:
            return (row[0], *self._clock(), row[1], row[2])
        return (row[0], *self._clock(), row[1])

    def _all_values(self, rows: Sequence[Row]) -> list[tuple[Any, ...]]:
        """The same for rows of one moment."""
        clock = self._clock()
        if self._kind.has_priority:
            return [(data, *clock, crc, priority) for data, crc, priority in rows]
        return [(data, *clock, crc) for data, crc, _ in rows]

    @growing
    @single
    @adds(lambda _: 1)
    def put(self, data: bytes, crc: int, priority: int) -> Plan[int]:
        """Stores one item; its id. Not for unique queues."""
        id: int = yield self._insert, self._values((data, crc, priority))
        return id

    @growing
    def put_many(self, rows: Sequence[Row], maxsize: int) -> Plan[list[int] | None]:
        """Stores all items; their ids, or None where there is no room for all of them."""
        if maxsize > 0 and not (yield from self._has_room(len(rows), maxsize)):
            return None
        if self._kind.is_unique:
            ids = []
            for row in rows:
                ids.append((yield from self._put_new(row)))  # noqa: PERF401 - it yields
            return ids
        if self._insert_all.wants == "ids":
            ids = []
            for part in parts(rows):
                ids += yield self._insert_all, self._all_values(part)
            return ids
        if self.layout.dialect.bulk_ids == "consecutive" and rows:
            # One transaction writes at a time, and AUTOINCREMENT counts up by one.
            yield self._insert_all, self._all_values(rows)
            last = (yield self._last_id, ())[0]
            return list(range(last - len(rows) + 1, last + 1))
        ids = []
        for row in rows:
            ids.append((yield self._insert, self._values(row)))
        return ids

    def is_one_statement(self, rows: Sequence[Row], maxsize: int) -> bool:
        """Whether `put_part` may take the place of `put_many`."""
        told = self._insert_all.wants == "ids"
        return told and maxsize <= 0 and not self._kind.is_unique and fits(rows)

    @growing
    @single
    @adds(len)
    def put_part(self, rows: Sequence[Row]) -> Plan[list[int]]:
        """Stores all items in one statement; their ids. See `is_one_statement`."""
        ids: list[int] = yield self._insert_all, self._all_values(rows)
        return ids

    def _put_new(self, row: Row) -> Plan[int]:
        if self.layout.dialect.upsert:
            return int((yield self._upsert, self._values(row)))
        added = yield self._insert_new, self._values(row)
        found = yield self._same, (row[0],)
        del added
        return int(found[0])

    def _has_room(self, wanted: int, maxsize: int) -> Plan[bool]:
        if self.layout.dialect.for_update:
            # Of those who look for room at the same time, one after the other.
            yield self._bound, (self.layout.table,)
        # The span of the ids bounds the number of rows from above and costs two look-ups.
        (span,) = yield self._span, ()
        if (span or 0) + wanted <= maxsize:
            return True
        (rows,) = yield self._some, (maxsize,)
        return int(rows) + wanted <= maxsize

    # -- get ----------------------------------------------------------------------------------

    @single
    @adds(lambda taken: 0 if taken is None else -1)
    def _take_at_once(self) -> Plan[Taken | Unreadable | None]:
        # One that cannot be read goes to the dead letters a moment later than it goes from here.
        # This get would have lost it in that moment, had it been readable.
        rows = yield self._take, ()
        return (yield from self._opened(rows[0])) if rows else None

    @adds(lambda taken: 0 if taken is None else -1)
    def _take_in_two(self) -> Plan[Taken | Unreadable | None]:
        rows = yield self._next, (1,)
        if not rows:
            return None
        row = rows[0]
        yield self._delete, (row[0],)
        # The payload is read before the transaction ends: one that cannot be read goes to the dead
        # letters in the same transaction.
        item = self._open(row)
        if type(item) is Unreadable:
            yield from self._to_dead(row, item)
            return item
        return row[0], item, row[2], row

    @adds(lambda taken: -1 if type(taken) is Unreadable else -len(taken))
    def take_many(self, n: int) -> Plan[list[Taken] | Unreadable]:
        """Removes the next items, up to `n` and to the first that cannot be read."""
        rows = yield self._next, (n,)
        taken, failed = self._open_all(rows)
        if failed is not None and not taken:
            yield self._delete, (rows[0][0],)
            yield from self._to_dead(rows[0], failed)
            return failed
        if taken:
            first, last = sorted((taken[0][0], taken[-1][0]))
            if last - first == len(taken) - 1 and not self._kind.has_priority:
                yield self._delete_run, (first, last)  # ids without a gap: no claim among them
            else:
                yield self._delete_all, [(each[0],) for each in taken]
        return taken

    def take_id(self, id: int) -> Plan[Taken | Unreadable | bool]:
        """Removes one item. False: it is gone; True: it is there, and somebody has it out."""
        rows = yield self._by_id, (id,)
        if not rows:
            return (yield self._exists, (id,)) is not None
        yield self._delete, (id,)
        return (yield from self._opened(rows[0]))

    @adds(lambda held: -1 if type(held[0]) is Unreadable else -len(held[0]))
    def hold(
        self, n: int, owner: int, position: Position | None
    ) -> Plan[tuple[list[Taken] | Unreadable, Position | None]]:
        """Claims the next items for `owner`, up to `n` and to the first that cannot be read.

        Args:
            n: how many at most.
            owner: who gets them.
            position: what the last call returned; without it all that is held is passed by.
        """
        if self._has_position:
            rows, position = yield from self._front.find(position, n)
        else:
            rows = yield self._next, (n,)
        taken, failed = self._open_all(rows)
        if position is not None:
            position = self._front.past(position, rows[: max(len(taken), 1)])
        if failed is not None and not taken:
            yield self._delete, (rows[0][0],)
            yield from self._to_dead(rows[0], failed)
            return failed, position
        if taken:
            yield self._claim, [(owner, each[0]) for each in taken]
        return taken, position

    @reading
    def any_beyond(self, position: Position | None) -> Plan[tuple[bool, Position | None]]:
        """Whether an item is ready; the position is as for `hold`."""
        if self._has_position:
            rows, position = yield from self._front.find(position, 1)
            return bool(rows), position
        (found,) = yield self._any, ()
        return bool(found), None

    def hold_id(self, id: int, owner: int) -> Plan[Taken | Unreadable | bool]:
        """Claims one item; what it returns is as for `take_id`."""
        rows = yield self._by_id, (id,)
        if not rows:
            return (yield self._exists, (id,)) is not None
        item = self._open(rows[0])
        if type(item) is Unreadable:
            yield self._delete, (id,)
            yield from self._to_dead(rows[0], item)
            return item
        yield self._claim, [(owner, id)]
        return id, item, rows[0][2], rows[0]

    @adds(lambda _: 0)
    def settle(self, ids: Iterable[int], owner: int) -> Plan[int]:
        """Removes what `owner` holds of `ids`; how many."""
        settled = 0
        for id in ids:
            if (yield self._unclaim, (id, owner)):
                settled += 1
                if self._narrow:
                    yield self._delete, (id,)
        return settled

    def release(self, owner: int) -> Plan[int]:
        """Makes ready again what `owner` holds; how many."""
        count: int = yield self._release, (owner,)
        if count and self._has_position:
            yield self._return, (self.layout.table,)
        return count

    def put_back(self, rows: Sequence[Row]) -> Plan[int]:
        """Stores again what `take` has removed, each in its place; how many.

        In a unique queue one that was put again meanwhile is there already.
        """
        count = 0
        for row in rows:
            count += yield self._put_back, (row[0], as_bytes(row[1]), *row[2:])
        yield self._return, (self.layout.table,)
        return count

    def unhold(self, ids: Iterable[int], owner: int) -> Plan[int]:
        """Makes ready again what `owner` holds of `ids`; how many."""
        count = 0
        for id in ids:
            count += yield self._unhold, (id, owner)
        if count:
            yield self._return, (self.layout.table,)
        return count

    def unhold_lost(self, lost: set[int], owner: int) -> Plan[int]:
        """`unhold` of what `owner` holds since a claim whose answer was lost; how many.

        Args:
            lost: the ids. A later claim of one of them shows that the lost one has not happened,
                and takes the id out of these before it commits; so who finds the id here while
                the row is locked finds what was lost.
            owner: whose claims they were.
        """
        count = 0
        for id in sorted(lost):
            if (yield self._held, (id, owner)) and id in lost:
                count += yield self._unhold, (id, owner)
        return count

    def _open_all(self, rows: Sequence[Row]) -> tuple[list[Taken], Unreadable | None]:
        taken: list[Taken] = []
        for row in rows:
            item = self._open(row)
            if type(item) is Unreadable:
                return taken, item
            taken.append((row[0], item, row[2], row))
        return taken, None

    def _opened(self, row: Row) -> Plan[Taken | Unreadable]:
        item = self._open(row)
        if type(item) is Unreadable:
            yield from self._to_dead(row, item)
            return item
        return row[0], item, row[2], row

    def _to_dead(self, row: Row, why: Unreadable) -> Plan[None]:
        priority = row[4] if self._kind.has_priority else None
        payload = as_bytes(row[1])
        yield (
            self._bury,
            (row[0], payload, *row[2:4], priority, *self._clock(), why.reason),
        )

    # -- changing -----------------------------------------------------------------------------

    @growing
    def update(self, id: int, data: bytes, crc: int) -> Plan[int | None]:
        """Replaces a payload: the id, of another one that has it in a unique queue; None: gone."""
        if self._kind.is_unique:
            same = yield self._same, (data,)
            if same is not None and same[0] != id:
                return same[0] if (yield self._exists, (id,)) else None
        return id if (yield self._update, (data, crc, id)) else None

    def clear(self) -> Plan[int]:
        """Removes all ready items; how many."""
        count: int = yield self._clear, ()
        return count

    def redrive(self, ids: Iterable[int] | None) -> Plan[int]:
        """Puts dead letters back under their old ids; how many."""
        if ids is None:
            ids = [row[0] for row in (yield self._dead_ids, ())]
        count = 0
        for id in ids:
            if self.layout.dialect.for_update and not (yield self._dead_one, (id,)):
                continue  # somebody else has put it back meanwhile
            count += yield self._back, (id,)
            yield self._forget, (id,)
        if count and self._has_position:
            yield self._return, (self.layout.table,)
        return count

    def bury(self, id: int, why: Unreadable) -> Plan[bool]:
        """Moves a ready item to the dead letters; whether it was there."""
        rows = yield self._by_id, (id,)
        if not rows:
            return False
        yield self._delete, (id,)
        yield from self._to_dead(rows[0], why)
        return True
