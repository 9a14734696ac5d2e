"""The plans of ack queues: every item has a state, and a lease while it is out.

::

        put ──────────────> READY ──claim──> LEASED ──ack──> ACKED ──trim──> gone
        put(delay=) ─> DELAYED ^                │ │
                          └─due┘<──nack, due────┘ └─fail, too many attempts──> FAILED ──redrive──┐
                               ^─────────────────────────────────────────────────────────────────┘

The state is a narrow row beside the payload, or stands in its row, as the dialect has it. `due` is when it changes by itself: a delayed item
becomes visible, a lease ends, a ready item outlives its ttl. `token` counts the leases of an
item, so a late settlement is known from one in time.

A row that lost its lease keeps the owner it had: that tells "your lease has ended" from "there
is nothing to settle".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from pq_core.sql.kinds import Kind
from pq_core.sql.plans.acked_looks import AckedLooks
from pq_core.sql.plans.acked_sql import ACKED, DELAYED, FAILED, LEASED, READY
from pq_core.sql.rows import LARGEST, Opener, Row, Unreadable, fits, parts
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, adds, growing, single

__all__ = ["ACKED", "DELAYED", "FAILED", "LEASED", "READY", "AckedPlans", "Lease", "Retry"]

#: The longest back-off, in seconds.
LONGEST_BACKOFF: Final = 3600.0


#: A lease: the id of its item, its owner and its token.
Lease: TypeAlias = tuple[int, int, int]

#: The row of an item that was leased, with its token and attempts, and when something is due.
Claimed: TypeAlias = tuple[Row, float | None]


@dataclass(frozen=True, slots=True)
class Retry:
    """What happens to an item that was not acked.

    Attributes:
        max_attempts: this many times it is handed out, then it is a dead letter; None: no limit.
        backoff: seconds before it is ready again after the first time, doubled for each further.
    """

    max_attempts: int | None = None
    backoff: float = 0.0

    def is_over(self, attempts: int) -> bool:
        """Whether an item handed out so often is a dead letter."""
        return self.max_attempts is not None and attempts >= self.max_attempts

    def delay(self, attempts: int) -> float:
        """Seconds until an item handed out so often is ready again."""
        if not self.backoff:
            return 0.0
        return min(LONGEST_BACKOFF, self.backoff * 2.0 ** min(attempts - 1, 40))


class AckedPlans(AckedLooks):
    """One method an operation. Statements are rendered once, here.

    Args:
        layout: the tables.
        kind: the kind of queue.
        open_row: reads a payload.
        clock: the parameters that the dialect's `now` takes.
        retry: what happens to an item that was not acked.
    """

    def __init__(
        self,
        layout: Layout,
        kind: Kind,
        open_row: Opener,
        clock: Callable[[], tuple[float, ...]],
        retry: Retry,
    ) -> None:
        super().__init__(layout, kind, open_row, clock)
        self._retry = retry
        self._narrow = layout.dialect.narrow
        #: (data, crc, priority): stores one item that is ready at once; its id. Not for unique
        #: queues.
        self.put: Callable[[bytes, int, int], Plan[int]] = (
            self._put_in_two if self._narrow else self._put_at_once
        )
        #: (owner, lease, token): leases the next item under a token of the caller's, where states
        #: stand beside the items.
        self.claim_as: Callable[[int, float | None, int], Plan[Row | None]] = (
            self._claim_at_once if layout.dialect.returning else self._claim_locked
        )

    # -- put ----------------------------------------------------------------------------------

    @growing
    @adds(lambda _: 1)
    def _put_in_two(self, data: bytes, crc: int, priority: int) -> Plan[int]:
        id: int = yield self._sql.insert, (data, *self._clock(), crc)
        yield self._sql.add, (id, priority)
        return id

    @growing
    @single
    @adds(lambda _: 1)
    def _put_at_once(self, data: bytes, crc: int, priority: int) -> Plan[int]:
        id: int = yield self._sql.insert, (data, *self._clock(), crc, priority)
        return id

    @growing
    @adds(lambda ids: 0 if ids is None else len(ids))
    def put_many(self, rows: Sequence[Row], maxsize: int) -> Plan[list[int] | None]:
        """Stores all items; their ids, or None where there is no room for all of them."""
        if maxsize > 0 and not (yield from self._has_room(len(rows), maxsize)):
            return None
        ids: list[int] = []
        if self._sql.insert_all.wants == "ids":
            for part in parts(rows):
                if self._narrow:
                    ids += yield from self._put_part_in_two(part)
                else:
                    ids += yield from self.put_part(part)
            return ids
        if self.layout.dialect.bulk_ids == "consecutive" and rows:
            # One transaction writes at a time, and AUTOINCREMENT counts up by one.
            yield self._sql.insert_all, [(row[0], *self._clock(), row[1]) for row in rows]
            last = (yield self._sql.last_id, ())[0]
            ids = list(range(last - len(rows) + 1, last + 1))
            yield self._sql.add_all, [(id, row[2]) for id, row in zip(ids, rows, strict=True)]
            return ids
        for row in rows:
            ids.append((yield from self.put(*row)))
        return ids

    def _put_part_in_two(self, rows: Sequence[Row]) -> Plan[list[int]]:
        clocked = [(row[0], *self._clock(), row[1]) for row in rows]
        ids: list[int] = yield self._sql.insert_all, clocked
        yield self._sql.add_all, [(id, row[2]) for id, row in zip(ids, rows, strict=True)]
        return ids

    def is_one_statement(self, rows: Sequence[Row], maxsize: int) -> bool:
        """Whether `put_part` may take the place of `put_many`."""
        told = self._sql.insert_all.wants == "ids" and not self._narrow
        return told and maxsize <= 0 and not self._kind.is_unique and fits(rows)

    @growing
    @single
    @adds(len)
    def put_part(self, rows: Sequence[Row]) -> Plan[list[int]]:
        """Stores all items in one statement; their ids. See `is_one_statement`."""
        clocked = [(row[0], *self._clock(), *row[1:]) for row in rows]
        ids: list[int] = yield self._sql.insert_all, clocked
        return ids

    @growing
    def put_new(self, rows: Sequence[Row], maxsize: int) -> Plan[list[int] | None]:
        """`put_many` of a unique queue: an item that is there already keeps its id.

        One that was acked may come again, and one that has failed is ready again.
        """
        if maxsize > 0 and not (yield from self._has_room(len(rows), maxsize)):
            return None
        ids: list[int] = []
        for row in rows:
            found = yield self._sql.same, (row[0],)
            if found is None:
                ids.append((yield from self.put(*row)))
            elif found[1] == ACKED:
                yield from self._remove(found[0])
                ids.append((yield from self.put(*row)))
            else:
                yield self._sql.redrive, (found[0],)
                ids.append(found[0])
        return ids

    @growing
    def put_timed(
        self,
        row: Row,
        maxsize: int,
        delay: float,
        ttl: float | None,
        key: str | None,
        policy: str,
        window: float | None,
    ) -> Plan[tuple[int, bool] | None]:
        """Stores one item with its times; (its id, whether it is stored), or None: no room."""
        if maxsize > 0 and not (yield from self._has_room(1, maxsize)):
            return None
        status = DELAYED if delay > 0 else READY
        due = delay if delay > 0 else ttl
        data, crc, priority = row
        clock = self._clock()
        if key is not None:
            if self.layout.dialect.for_update:
                # Of those who look for a key at the same time, one after the other.
                yield self._sql.bound, (self.layout.table,)
            found = yield self._sql.keyed, (*clock, key)
            is_live = found is not None and (
                found[1] in (READY, LEASED, DELAYED)
                or (window is not None and found[2] is not None and found[2] < window)
            )
            if found is not None and is_live:
                id: int = found[0]
                if policy != "replace":
                    return id, False
                if found[1] in (READY, DELAYED):
                    yield self._sql.update, (data, crc, id)
                    yield self._sql.retime, (status, priority, *clock, due, *clock, ttl, id)
                    return id, True
        if self._kind.is_unique:
            found = yield self._sql.same, (data,)
            if found is not None and found[1] == ACKED:
                yield from self._remove(found[0])
            elif found is not None:
                yield self._sql.redrive, (found[0],)
                return found[0], False
        times = (status, priority, *clock, due, *clock, ttl, key)
        if self._narrow:
            id = yield self._sql.insert, (data, *clock, crc)
            yield self._sql.add_timed, (id, *times)
        else:
            id = yield self._sql.insert_timed, (data, *clock, crc, *times)
        return id, True

    def _has_room(self, wanted: int, maxsize: int) -> Plan[bool]:
        if self.layout.dialect.for_update:
            # Of those who look for room at the same time, one after the other.
            yield self._sql.bound, (self.layout.table,)
        (rows,) = yield self._sql.some, (maxsize,)
        return int(rows) + wanted <= maxsize

    def _remove(self, id: int) -> Plan[None]:
        if self._narrow:
            yield self._sql.drop, (id,)
        yield self._sql.drop_item, (id,)

    # -- claim --------------------------------------------------------------------------------

    @adds(lambda found: 0 if found is None else -1)
    def claim(self, owner: int, lease: float | None) -> Plan[Claimed | None]:
        """Leases the next item, and tells when something is due; where states are narrow rows."""
        # The whole transaction takes 27 us in SQLite, where one UPDATE with such a RETURNING takes
        # 31, and 35 where it is followed by a look for the payload.
        clock = self._clock()
        rows = yield self._sql.first, (*clock, *clock)
        if not rows:
            return None
        row = rows[0]
        yield self._sql.claim_one, (owner, *clock, lease, row[0])
        due = row[6]
        if lease is not None and (due is None or row[7] + lease < due):
            due = row[7] + lease
        return row, due

    @single
    @adds(lambda found: 0 if found is None else -1)
    def _claim_at_once(self, owner: int, lease: float | None, token: int) -> Plan[Row | None]:
        clock = self._clock()
        rows = yield self._sql.claim_at_once, (token, owner, *clock, lease, *clock)
        return rows[0] if rows else None

    @adds(lambda found: 0 if found is None else -1)
    def _claim_locked(self, owner: int, lease: float | None, token: int) -> Plan[Row | None]:
        rows = yield self._sql.first, self._clock()
        if not rows:
            return None
        return (yield from self._lease(rows, owner, lease, token))[0]

    @adds(lambda rows: -len(rows))
    def claim_many(
        self, owner: int, lease: float | None, n: int, token: int | None = None
    ) -> Plan[list[Row]]:
        """Leases the next items, up to `n`; their rows with token and attempts."""
        rows = yield self._sql.next, (*self._clock(), n)
        return (yield from self._lease(rows, owner, lease, token))

    def claim_id(
        self, owner: int, lease: float | None, id: int, token: int | None = None
    ) -> Plan[Row | bool]:
        """Leases one item. False: it is gone or settled; True: it is there, but not ready."""
        rows = yield self._sql.by_id, (*self._clock(), id)
        if rows:
            return (yield from self._lease(rows, owner, lease, token))[0]
        state = yield self._sql.status, (id,)
        return state is not None and state[0] < ACKED

    def claim_beyond(
        self, owner: int, lease: float | None, id: int, token: int | None = None
    ) -> Plan[Row | None]:
        """Leases the next item behind this id, or else the first; whatever their priority."""
        clock = self._clock()
        rows = yield self._sql.beyond, (*clock, id)
        if not rows:
            rows = yield self._sql.beyond, (*clock, LARGEST if self._kind.newest_first else -1)
        if not rows:
            return None
        return (yield from self._lease(rows, owner, lease, token))[0]

    def _lease(
        self, rows: list[Row], owner: int, lease: float | None, token: int | None
    ) -> Plan[list[Row]]:
        """Leases these, under a token of the caller's, or of narrow rows the next of each."""
        clock = self._clock()
        if token is None:
            yield self._sql.claim_all, [(owner, *clock, lease, row[0]) for row in rows]
            return rows
        yield self._sql.claim_as, [(token, owner, *clock, lease, row[0]) for row in rows]
        return [(*row[:4], token, row[5]) for row in rows]

    # -- settle -------------------------------------------------------------------------------

    @single
    @adds(lambda _: 0)
    def ack(self, id: int, owner: int) -> Plan[bool]:
        """Settles what `owner` has; whether it had it."""
        return bool((yield self._sql.ack, (id, owner)))

    @single
    @adds(lambda _: 0)
    def ack_token(self, id: int, owner: int, token: int) -> Plan[bool]:
        """Settles one lease; whether it was still there."""
        return bool((yield self._sql.ack_token, (id, owner, token)))

    @adds(lambda _: 0)
    def ack_many(self, ids: Iterable[int], owner: int) -> Plan[int]:
        """Settles what `owner` has of these; how many."""
        count = 0
        for id in ids:
            count += yield self._sql.ack, (id, owner)
        return count

    def nack(self, id: int, owner: int, token: int | None, delay: float | None) -> Plan[bool]:
        """Makes a leased item ready again, or a dead letter; whether `owner` had it.

        Args:
            id: of the item.
            owner: who gives it back.
            token: of the lease; None: whichever `owner` has.
            delay: seconds; None: the back-off.
        """
        found = yield self._sql.held, (id, owner)
        if found is None or token not in (None, found[1]):
            return False
        if self._retry.is_over(found[0]):
            yield from self._give_up(id, f"handed out {found[0]} times")
            return True
        wait = self._retry.delay(found[0]) if delay is None else delay
        if wait > 0:
            yield self._sql.give_back, (DELAYED, *self._clock(), wait, id)
        else:
            yield self._sql.give_back_now, (id,)
        return True

    @adds(lambda count: count)
    def unclaim(self, leases: Iterable[Lease]) -> Plan[int]:
        """Takes back leases, as if they had never been given; how many were still there."""
        count = 0
        for lease in leases:
            count += yield self._sql.unclaim, lease
        return count

    @single
    @adds(lambda count: count)
    def recall(self, owner: int, token: int) -> Plan[int]:
        """`unclaim` of all that was leased under a token of the caller's; how many."""
        return int((yield self._sql.recall, (owner, token)))

    @adds(lambda _: 0)
    def fail(self, id: int, owner: int, token: int | None, reason: str) -> Plan[bool]:
        """Makes a leased item a dead letter; whether `owner` had it."""
        found = yield self._sql.held, (id, owner)
        if found is None or token not in (None, found[1]):
            return False
        yield from self._give_up(id, reason)
        return True

    @single
    @adds(lambda _: 0)
    def extend(self, id: int, owner: int, token: int, seconds: float) -> Plan[bool]:
        """Sets the end of a lease; whether it was still there."""
        return bool((yield self._sql.extend, (*self._clock(), seconds, id, owner, token)))

    @single
    @adds(lambda _: 0)
    def adopt(self, id: int, owner: int, token: int) -> Plan[bool]:
        """Takes over the lease of an owner that is dead; whether it was still there."""
        return bool((yield self._sql.adopt, (owner, id, token)))

    def _give_up(self, id: int, reason: str) -> Plan[bool]:
        return bool((yield self._sql.fail, (*self._clock(), reason, id)))

    # -- what happens by itself ---------------------------------------------------------------

    def tend(self) -> Plan[int]:
        """Does what is due: shows delayed items, ends leases, drops what has expired; how many."""
        clock = self._clock()
        rows = yield self._sql.due, (*clock, *clock)
        dropped = 0
        for id, status, attempts, has_expired in rows:
            if status == LEASED:
                yield from self._come_back(id, attempts, "the lease has ended")
            elif has_expired:
                yield from self._remove(id)
                dropped += 1
            else:
                yield self._sql.show, (id,)
        if dropped:
            yield self._sql.count_expired, (dropped, self.layout.table)
        return len(rows)

    def release(self, owner: int | None) -> Plan[int]:
        """Makes ready again what this owner has out; how many."""
        if owner is None:
            rows = yield self._sql.of_nobody, ()
        else:
            rows = yield self._sql.of_owner, (owner,)
        for id, attempts in rows:
            yield from self._come_back(id, attempts, "its consumer has died")
        return len(rows)

    @single
    @adds(lambda _: 0)
    def disown(self, owner: int) -> Plan[None]:
        """What this owner has out is nobody's from now on, and stays out until it is released."""
        yield self._sql.disown, (owner,)

    def _come_back(self, id: int, attempts: int, why: str) -> Plan[None]:
        if self._retry.is_over(attempts):
            yield from self._give_up(id, f"handed out {attempts} times; {why}")
            return
        wait = self._retry.delay(attempts)
        if wait > 0:
            yield self._sql.postpone, (*self._clock(), wait, id)
        else:
            yield self._sql.show, (id,)

    @adds(lambda _: 0)
    def trim(self, status: int, keep: int, limit: int) -> Plan[int]:
        """Removes settled items, the oldest first.

        Args:
            status: ACKED or FAILED.
            keep: how many of the newest stay.
            limit: how many go at most; negative: any number.
        """
        (span,) = yield self._sql.kept_span[status], ()
        if span is None or span <= keep:
            return 0
        boundary = yield self._sql.kept[status], (keep,)
        if boundary is None or limit == 0:
            return 0
        bounds = (boundary[0], limit if limit > 0 else LARGEST)
        if not self._narrow:
            return int((yield self._sql.trim_items[status], bounds))
        yield self._sql.trim_items[status], bounds
        return int((yield self._sql.trim_states[status], bounds))

    # -- changing -----------------------------------------------------------------------------

    @growing
    def update(self, id: int, data: bytes, crc: int) -> Plan[int | None]:
        """Replaces a payload: the id, of another one that has it in a unique queue; None: gone."""
        if self._kind.is_unique:
            same = yield self._sql.same, (data,)
            if same is not None and same[0] != id:
                if (yield self._sql.status, (id,)) is None:
                    return None
                if same[1] != ACKED:
                    return int(same[0])
                yield from self._remove(same[0])
        return id if (yield self._sql.update, (data, crc, id)) else None

    def clear(self) -> Plan[int]:
        """Removes all ready and delayed items; how many."""
        count: int = yield self._sql.clear, ()
        if self._narrow:
            yield self._sql.clear_states, ()
        return count

    def redrive(self, ids: Iterable[int] | None) -> Plan[int]:
        """Makes dead letters ready again; how many."""
        if ids is None:
            ids = [row[0] for row in (yield self._sql.dead_ids, ())]
        count = 0
        for id in ids:
            count += yield self._sql.redrive, (id,)
        return count

    def bury(self, id: int, why: Unreadable) -> Plan[bool]:
        """Makes an item a dead letter, whoever has it; whether it was there."""
        return (yield from self._give_up(id, why.reason))
