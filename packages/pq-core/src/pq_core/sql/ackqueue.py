"""The blocking queue whose items are settled one by one, on any SQL engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar

from pq_core.errors import QueueClosed, StorageError
from pq_core.message import Message
from pq_core.serializers import Codec
from pq_core.sql.base import Raw, id_of, seconds
from pq_core.sql.driver import Engine
from pq_core.sql.kinds import Kind
from pq_core.sql.options import AckOptions, DuplicateKey
from pq_core.sql.plans.acked import ACKED, FAILED, LEASED, AckedPlans, Lease
from pq_core.sql.rows import Opener, Row, Unreadable
from pq_core.sql.settler import Settler
from pq_core.sql.settling import SettlingQueue
from pq_core.sql.strays import Strays
from pq_core.waiting import Deadline

__all__ = ["AckQueue"]

T = TypeVar("T")

#: How often a waiting get looks for items of consumers that have died, in seconds.
SWEEP: Final = 1.0


class AckQueue(SettlingQueue[T]):
    """See the classes of the wheels; this one is not used by itself.

    Args:
        engine: runs the plans.
        plans: of the kind.
        kind: of queue; an acked one.
        codec: of the items.
        open_row: reads payloads.
        maxsize: how many items may be ready; 0 or less: any number.
        options: see there.
        clock: the time in seconds since the epoch, by which items are due.

    Attributes:
        callers: what it knows of each of its callers; see `pq_core.callers`.
        leaves_receipts: whether a get leaves a receipt there, for `give_back`.
    """

    def __init__(
        self,
        engine: Engine,
        plans: AckedPlans,
        kind: Kind,
        codec: Codec,
        open_row: Opener,
        maxsize: int,
        options: AckOptions,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(engine, plans, kind, codec, open_row, maxsize, options)
        self.callers = threading.local()
        self.leaves_receipts = False
        self._clock = clock
        self._put_all = plans.put_new if kind.is_unique else plans.put_many
        self._strays = Strays(engine)
        self._got = False
        self._swept = 0.0  # when it looked for what is left behind, and how many had closed by then
        self._departed = 0
        if options.auto_resume:
            self.resume_unack_tasks()

    # -- put ----------------------------------------------------------------------------------

    def put(
        self,
        item: T,
        block: bool = True,
        timeout: float | None = None,
        *,
        delay: float = 0.0,
        ttl: float | None = None,
        priority: int = 0,
        dedupe_key: str | None = None,
    ) -> int:
        """Stores an item, durably on return as `durability` says.

        Blocks only where there is a `maxsize`.

        Args:
            item: what to store; None, 0 and "" are items as any other.
            block: wait for room.
            timeout: seconds to wait for room; None: for ever.
            delay: seconds before it becomes visible.
            ttl: seconds after which it is dropped, and counted; None: never.
            priority: the lowest is taken first.
            dedupe_key: see the queue's `dedupe`. With "ignore" a second item with this key is not
                stored, and the id is that of the first.

        Returns:
            its id.

        Raises:
            Full: `maxsize` items were there for the whole timeout.
            EncodeError: the item cannot be serialized; the queue is as before.
            DuplicateKey: the key is there already, and the policy is "raise".
            ValueError: `delay`, `ttl` or `timeout` is negative.
            StorageError: the storage failed; the item is not in the queue.
        """
        row = self._row(item, priority)
        if delay or ttl is not None or dedupe_key is not None:
            return self._put_timed(
                row,
                Deadline(block, timeout),
                seconds("delay", delay),
                None if ttl is None else seconds("ttl", ttl),
                dedupe_key,
            )
        if self._needs_look or timeout is not None:
            return self._put_rows([row], Deadline(block, timeout))[0]
        id = self._engine.write(self._plans.put, *row)
        self._ring()
        return id

    def put_nowait(self, item: T) -> int:
        """`put` that does not wait for room."""
        return self.put(item, False)

    def _put_rows(self, rows: list[Row], deadline: Deadline) -> list[int]:
        plans, write = self._plans, self._engine.write
        if plans.is_one_statement(rows, self._maxsize):
            return self._until_room(lambda: write(plans.put_part, rows), deadline)
        return self._until_room(lambda: write(self._put_all, rows, self._maxsize), deadline)

    def _put_timed(
        self, row: Row, deadline: Deadline, delay: float, ttl: float | None, key: str | None
    ) -> int:
        options = self._options

        def put() -> tuple[int, bool] | None:
            return self._engine.write(
                self._plans.put_timed,
                row,
                self._maxsize,
                delay,
                ttl,
                key,
                options.dedupe,
                options.dedupe_window,
            )

        id, is_stored = self._until_room(put, deadline)
        if not is_stored and options.dedupe == "raise" and key is not None:
            raise DuplicateKey(
                f"{self._engine.where}: item {id} has the dedupe key {key!r} already; settle it "
                "first, or use another key"
            )
        self._due = 0.0  # the next get has to look what is due when
        return id

    # -- get ----------------------------------------------------------------------------------

    def get(
        self,
        block: bool = True,
        timeout: float | None = None,
        id: int | Raw | None = None,
        next_in_order: bool = False,
        raw: bool = False,
    ) -> Any:
        """Leases the next item; settle it with `ack`, `nack` or `ack_failed`.

        Args:
            block: wait for an item.
            timeout: seconds to wait; None: for ever.
            id: lease this one. Where it is settled or was never there, `Empty` is raised at once.
            next_in_order: lease the one that follows `id`, instead of the first that is ready;
                behind the last one it goes on with the first.
            raw: return a dict with ``pqid`` (its id), ``data`` (the item) and ``timestamp`` (when
                it was put, in seconds since the epoch).

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: it cannot be read back; it was set aside as a dead letter, and the next
                get goes on.
            ValueError: `timeout` is negative, or `next_in_order` is given without `id`.
            StorageError: the storage failed; the item is still in the queue.
        """
        row, item = self._get(block, timeout, id, next_in_order)
        self._inflight.add(row[0], item, len(row[1]))
        if self.leaves_receipts:
            self._leave_receipt([row])
        if raw:
            return {"pqid": row[0], "data": item, "timestamp": row[2]}
        return item

    def get_nowait(
        self, id: int | Raw | None = None, next_in_order: bool = False, raw: bool = False
    ) -> Any:
        """`get` that does not wait for an item."""
        return self.get(False, None, id, next_in_order, raw)

    def receive(self, block: bool = True, timeout: float | None = None) -> Message[T]:
        """Leases the next item, as a message that has to be settled.

        Args:
            block: wait for an item.
            timeout: seconds to wait; None: for ever.

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: it cannot be read back; it was set aside as a dead letter.
            StorageError: the storage failed; the item is still in the queue.
        """
        row, item = self._get(block, timeout, None, False)
        self._leave_receipt([row])
        return Message(
            item,
            id=row[0],
            attempts=row[5],
            enqueued_at=row[2] or 0.0,
            # One each, for one of the queue's own would keep the queue from being freed.
            settler=Settler(self._engine, self._plans, self._acked, self._returned),
            token=row[4],
        )

    def receive_nowait(self) -> Message[T]:
        """`receive` that does not wait for an item."""
        return self.receive(False)

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[T]:
        """Leases the next 1 to `n` items: waits for the first, takes of the others what is there.

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: the first cannot be read back; it was set aside as a dead letter. (Of
                those behind it nothing is taken; one behind the first ends the list.)
            ValueError: `n` is not positive, or `timeout` is negative.
        """
        if n < 1:
            raise ValueError(f"'n' must be at least 1, not {n!r}")
        if timeout is not None:
            Deadline(block, timeout)
        owner = self._engine.owner()

        def look() -> list[Row] | None:
            rows = self._lease(self._plans.claim_many, owner, n)
            if not rows:
                self._idle()
            return rows or None

        self._tend()
        rows = self._wait(self._after_look(look), block, timeout)
        self._got = True
        items: list[T] = []
        taken: list[Row] = []
        for at, row in enumerate(rows):
            item = self._open_row(row)
            if isinstance(item, Unreadable):
                leases = [(each[0], owner, each[4]) for each in rows]
                self._bury(item, leases)
                self._stray(leases[at + 1 :])
                with suppress(StorageError):  # they come back later
                    self._strays.bring_back()
                if not items:
                    raise item.error
                break
            self._inflight.add(row[0], item, len(row[1]))
            items.append(item)
            taken.append(row)
        self._leave_receipt(taken)
        if self._maxsize > 0:
            self._ring()
        return items

    def _leave_receipt(self, leased: list[Row]) -> None:
        if self.leaves_receipts:
            owner = self._engine.owner()
            self.callers.receipt = [(row[0], owner, row[4]) for row in leased]

    def undo(self, receipt: list[Lease]) -> None:
        """The calling thread has not got these after all."""
        for id, _, _ in receipt:
            self._inflight.discard(id)

    def give_back(self, receipt: list[Lease]) -> None:
        """Makes ready again what a get of the calling thread has taken and nobody has seen.

        Each item is in its old place then, and has not been handed out.
        """
        self._stray(receipt)
        self._strays.bring_back()
        self._returned()

    def _get(
        self,
        block: bool,
        timeout: float | None,
        id: int | Raw | None,
        next_in_order: bool,
    ) -> tuple[Row, T]:
        """Leases an item, the next one or a certain one: its row, with token and attempts."""
        if timeout is not None:
            Deadline(block, timeout)
        plans, owner = self._plans, self._engine.owner()
        if self._due <= self._clock():
            self._tend()
        key = None if id is None else id_of(id)
        row: Row
        if key is None:
            if next_in_order:
                raise ValueError("'next_in_order' needs an 'id'")
            # Who asks again and again, with a timeout of 0, must not want the write lock each time.
            found = None if timeout == 0 else self._claim(owner)
            if found is None:
                look = self._after_look(lambda: self._claim(owner))
                found = self._wait(look, block, timeout)
            row = found
        elif next_in_order:
            row = self._wait(
                self._after_look(lambda: self._lease(plans.claim_beyond, owner, key)),
                block,
                timeout,
            )
        else:
            row = self._claim_id(owner, key, block, timeout)
        item = self._open_row(row)
        if type(item) is Unreadable:
            self._bury(item, [(row[0], owner, row[4])])
            raise item.error
        self._got = True
        if self._maxsize > 0:
            self._ring()
        return row, item

    def _claim(self, owner: int) -> Row | None:
        """The row of the next item, with token and attempts, leased; None where there is none."""
        found = self._engine.write(self._plans.claim, owner, self._options.lease)
        if found is None:
            return None
        row, due = found
        if due is not None and due < self._due:
            self._due = due
        return row

    def _claim_id(self, owner: int, id: int, block: bool, timeout: float | None) -> Row:
        def look() -> Any:
            found = self._lease(self._plans.claim_id, owner, id)
            if found is True:
                self._idle()
                return None
            return found

        found = self._wait(look, block, timeout)
        if isinstance(found, bool):
            raise self._missing(id)
        row: Row = found
        return row

    def _bury(self, item: Unreadable, leases: list[Lease]) -> None:
        """Makes an item a dead letter; where that fails, all that was leased with it comes back."""
        try:
            self._engine.write(self._plans.bury, item.id, item)
        except StorageError:
            self._stray(leases)
            raise

    def _stray(self, leases: list[Lease]) -> None:
        """Nobody gets these."""
        self.undo(leases)
        self._strays.note(self._plans.unclaim, leases)
        self._due = 0.0

    def _after_look(self, claim: Callable[[], Any]) -> Callable[[], Any]:
        """`claim`, but a look that takes no lock goes first."""

        def look() -> Any:
            if not self._engine.read(self._plans.any):
                self._idle()
                if not self._engine.read(self._plans.any):
                    return None
            return claim()

        return look

    # -- what happens by itself ---------------------------------------------------------------

    def _tend(self) -> None:
        """Does what is due by now, and notes when something will be."""
        if self._strays and self._strays.bring_back():
            self._ring()
        self._due = float("inf")
        due = self._engine.read(self._plans.next_due)
        while due is not None and due <= self._clock():
            if self._engine.write(self._plans.tend):
                self._ring()
            due = self._engine.read(self._plans.next_due)
        if due is not None:
            self._due = due

    def _idle(self) -> None:
        """Nothing is ready: does what is due, resumes what dead consumers had, sets the alarm."""
        self._tend()
        if self._options.auto_resume:
            is_due = time.monotonic() - self._swept >= SWEEP
            if is_due or self._engine.hub.departed != self._departed:
                self.resume_unack_tasks()
            # The end of a process commits nothing that a waiting thread would notice.
            self._engine.alarm(min(self._due, self._clock() + SWEEP), self._clock)
        else:
            self._engine.alarm(self._due, self._clock)

    def resume_unack_tasks(self) -> int:
        """Makes ready again what consumers had out that do not live any more; how many.

        Never takes anything from a consumer that lives, in this process or in another.
        """
        self._swept = time.monotonic()
        self._departed = self._engine.hub.departed
        owners = self._engine.read(self._plans.owners)
        count = 0
        if None in owners:
            count += self._engine.write(self._plans.release, None)
        for owner in self._engine.dead([each for each in owners if each is not None]):
            count += self._engine.write(self._plans.release, owner)
        if count:
            self._returned()
        return count

    def task_done(self) -> None:
        """Does nothing: items of this queue are settled by `ack`, `nack` and `ack_failed`.

        It is there, as in persist-queue, for loops that are written for every queue.
        """
        if self._engine.closed:
            raise QueueClosed(f"{self._engine.where}: the queue was closed; open a new one")

    def finished(self) -> bool | None:
        """What `join` waits for: True once nothing is ready, delayed or handed out, None before."""
        self._idle()
        return None if self._engine.read(self._plans.unsettled) else True

    # -- counting and clearing ----------------------------------------------------------------

    def ready_count(self) -> int:
        """How many items are ready."""
        return self.qsize()

    def unack_count(self) -> int:
        """How many items are handed out and not settled."""
        return self._engine.read(self._plans.count_of, LEASED)

    def acked_count(self) -> int:
        """How many acked items are still in the storage."""
        return self._engine.read(self._plans.count_of, ACKED)

    def ack_failed_count(self) -> int:
        """How many dead letters there are."""
        return self._engine.read(self._plans.count_of, FAILED)

    def expired_count(self) -> int:
        """How many items outlived their ttl and were dropped."""
        return self._engine.read(self._plans.expired)

    def active_size(self) -> int:
        """How many items are not settled: ready, delayed and handed out."""
        stats = self._engine.read(self._plans.stats)
        return stats.ready + stats.delayed + stats.leased

    def clear_acked_data(
        self, max_delete: int = 1000, keep_latest: int = 1000, clear_ack_failed: bool = False
    ) -> int:
        """Removes acked items, the oldest first; how many.

        Args:
            max_delete: how many at most; negative: any number.
            keep_latest: how many of the newest stay.
            clear_ack_failed: remove dead letters in the same way.
        """
        if keep_latest < 0:
            raise ValueError(f"'keep_latest' must not be negative, not {keep_latest!r}")
        count = self._engine.write(self._plans.trim, ACKED, keep_latest, max_delete)
        if clear_ack_failed:
            count += self._engine.write(self._plans.trim, FAILED, keep_latest, max_delete)
        return count

    def _described(self, row: Row, item: T) -> dict[str, Any]:
        return {"id": row[0], "data": item, "timestamp": row[2], "status": row[5]}

    def close(self) -> None:
        """Frees everything; a second call does nothing.

        What was got and not settled stays out until somebody resumes it: an object that is opened
        with ``auto_resume`` or waits for an item, or `resume_unack_tasks`.
        """
        try:
            if self._got and not self._engine.closed:
                self._engine.write(self._plans.disown, self._engine.owner())
                self._trim_rest()
        finally:
            super().close()
