"""The blocking queue whose get settles, on any SQL engine."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeVar
from zlib import crc32

from pq_core.errors import QueueClosed
from pq_core.ledger import Ledger
from pq_core.serializers import Codec
from pq_core.sql.base import BaseQueue, Raw, id_of
from pq_core.sql.driver import Engine
from pq_core.sql.handouts import Handouts
from pq_core.sql.kinds import Kind
from pq_core.sql.plans.plain import PlainPlans, Position
from pq_core.sql.rows import Opener, Taken, Unreadable
from pq_core.sql.statement import Plan
from pq_core.waiting import Deadline

__all__ = ["PlainQueue"]

T = TypeVar("T")
R = TypeVar("R")

#: How often a waiting get looks for items of consumers that have died, in seconds.
SWEEP: Final = 1.0


class PlainQueue(BaseQueue[T]):
    """See the classes of the wheels; this one is not used by itself.

    Args:
        engine: runs the plans.
        plans: of the kind.
        kind: of queue; not an acked one.
        codec: of the items.
        open_row: reads payloads.
        maxsize: how many items may be ready; 0 or less: any number.
        auto_commit: get settles; otherwise task_done does.

    Attributes:
        callers: what it knows of each of its callers; see `pq_core.callers`.
        leaves_receipts: whether a get leaves a receipt there, for `give_back`.
    """

    def __init__(
        self,
        engine: Engine,
        plans: PlainPlans,
        kind: Kind,
        codec: Codec,
        open_row: Opener,
        maxsize: int,
        auto_commit: bool,
    ) -> None:
        super().__init__(engine, plans, kind, codec, open_row, maxsize)
        self._plans = plans
        self.auto_commit = auto_commit
        self.callers = threading.local()
        self.leaves_receipts = False
        self._ledger = Ledger(self.callers)
        self._handouts = Handouts(self.callers)
        self._position: Position | None = None
        self._unsynced = False  # a put since the last task_done (auto_commit=False)
        self._swept = 0.0
        self._sweep()

    # -- put ----------------------------------------------------------------------------------

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> int:
        """Stores an item, durably on return as `durability` says.

        With ``auto_commit=False`` it is visible at once, survives the death of the process at
        once, and is as durable as `durability` says after the next task_done or close. Blocks
        only where there is a `maxsize`.

        Args:
            item: what to store; None, 0 and "" are items as any other.
            block: wait for room.
            timeout: seconds to wait for room; None: for ever.

        Returns:
            its id. In a unique queue an item that is there already is not stored again, and the
            id is that of the one that is there.

        Raises:
            Full: `maxsize` items were there for the whole timeout.
            EncodeError: the item cannot be serialized; the queue is as before.
            StorageError: the storage failed; the item is not in the queue.
        """
        return self._put(item, 0, block, timeout)

    def put_nowait(self, item: T) -> int:
        """`put` that does not wait for room."""
        return self._put(item, 0, False, None)

    def _put(self, item: T, priority: int, block: bool, timeout: float | None) -> int:
        data = self._encode(item)
        if self._needs_look or timeout is not None:
            row = (data, crc32(data), priority)
            id = self._put_rows([row], Deadline(block, timeout))[0]
        else:
            engine = self._engine
            id = engine.write(self._plans.put, data, crc32(data), priority)
            if engine.bell.waiting:
                engine.bell.ring()
        self._unsynced = True
        return id

    # -- get ----------------------------------------------------------------------------------

    def get(
        self,
        block: bool = True,
        timeout: float | None = None,
        id: int | Raw | None = None,
        raw: bool = False,
    ) -> Any:
        """Takes the next item.

        It is gone from the storage when this returns; with ``auto_commit=False`` it is held, and
        comes again unless task_done settles it.

        Args:
            block: wait for an item.
            timeout: seconds to wait; None: for ever.
            id: take this one. Where there is no such item, `Empty` is raised at once.
            raw: return a dict with ``pqid`` (its id), ``data`` (the item) and ``timestamp`` (when
                it was put, in seconds since the epoch).

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: it cannot be read back; it was set aside as a dead letter, and the next
                get goes on.
            ValueError: `timeout` is negative.
            StorageError: the storage failed; the item is still in the queue.
        """
        if timeout is not None:
            Deadline(block, timeout)
        self._ledger.finish()
        if id is not None:
            return self._get_id(id, block, timeout, raw)
        if self.auto_commit:
            # Who asks again and again, with a timeout of 0, must not want the write lock each time.
            found: Any = None if timeout == 0 else self._taking(self._plans.take)
            if found is None:
                found = self._wait(self._take_after_look, block, timeout)
            if type(found) is Unreadable:
                self._ledger.finish()
                raise found.error
        else:
            found = self._wait(lambda: self._hold(1), block, timeout)[0]
        self._handouts.count(1)
        if self.leaves_receipts:
            self.callers.receipt = [found]
        if self._maxsize > 0:
            self._ring()
        if raw:
            return {"pqid": found[0], "data": found[1], "timestamp": found[2]}
        return found[1]

    def get_nowait(self, id: int | Raw | None = None, raw: bool = False) -> Any:
        """`get` that does not wait for an item."""
        return self.get(False, None, id, raw)

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[T]:
        """Takes the next 1 to `n` items: waits for the first, takes of the others what is there.

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: the first cannot be read back; it was set aside as a dead letter.
            ValueError: `n` is not positive, or `timeout` is negative.
        """
        if n < 1:
            raise ValueError(f"'n' must be at least 1, not {n!r}")
        if timeout is not None:
            Deadline(block, timeout)
        self._ledger.finish()
        found: Any
        if self.auto_commit:
            found = None if timeout == 0 else self._taking(self._plans.take_many, n)
            if not found:
                found = self._wait(lambda: self._take_many(n), block, timeout)
        else:
            found = self._wait(lambda: self._hold(n), block, timeout)
        if isinstance(found, Unreadable):
            self._ledger.finish()
            raise found.error
        self._handouts.count(len(found))
        if self.leaves_receipts:
            self.callers.receipt = found
        if self._maxsize > 0:
            self._ring()
        return [each[1] for each in found]

    def _taking(self, plan: Any, *args: Any) -> Any:
        """Runs a plan that takes and settles; `join` waits for the calling thread from before."""
        self._ledger.start()
        found = None
        try:
            found = self._engine.write(plan, *args)
        finally:
            if not found:
                self._ledger.finish()
        return found

    def _take_after_look(self) -> Taken | Unreadable | None:
        # A look takes no lock; a hundred waiting consumers must not queue up for the write lock
        # to find nothing.
        if not self._engine.read(self._plans.any):
            self._sweep_sometimes()
            return None
        found: Taken | Unreadable | None = self._taking(self._plans.take)
        return found

    def _take_many(self, n: int) -> list[Taken] | Unreadable | None:
        if not self._engine.read(self._plans.any):
            self._sweep_sometimes()
            return None
        return self._taking(self._plans.take_many, n) or None

    def _hold(self, n: int) -> list[Taken] | None:
        # Another thread may move it in between; an older one is as true.
        is_any, position = self._engine.read(self._plans.any_beyond, self._position)
        self._position = position
        if not is_any:
            self._sweep_sometimes()
            return None
        found, self._position = self._claim(
            self._plans.hold, _ids_of_held, n, self._engine.owner(), position
        )
        if isinstance(found, Unreadable):
            raise found.error
        return found or None

    def _claim(
        self, plan: Callable[..., Plan[R]], ids_of: Callable[[R], list[int]], *args: Any
    ) -> R:
        """What a plan that claims has found; the calling thread has it out from now on."""
        found = self._engine.write(plan, *args)
        self._handouts.add(ids_of(found))
        return found

    def _get_id(self, id: int | Raw, block: bool, timeout: float | None, raw: bool) -> Any:
        key = id_of(id)

        def look() -> Any:
            found: Any
            if self.auto_commit:
                found = self._taking(self._plans.take_id, key)
            else:
                found = self._claim(self._plans.hold_id, _id_of_held, key, self._engine.owner())
            if found is True:
                self._ledger.finish()
                return None
            return found

        found = self._wait(look, block, timeout)
        if isinstance(found, Unreadable):
            self._ledger.finish()
            raise found.error
        if isinstance(found, bool):
            raise self._missing(key)
        self._handouts.count(1)
        if self.leaves_receipts:
            self.callers.receipt = [found]
        if self._maxsize > 0:
            self._ring()
        return self._result(found, raw)

    def _undo(self) -> None:
        self._position = None

    def undo(self, receipt: list[Taken]) -> None:
        """The calling thread has not got these after all."""
        self._position = None
        self._handouts.count(-len(receipt))
        self._handouts.forget([each[0] for each in receipt])
        self._ledger.finish()

    def give_back(self, receipt: list[Taken]) -> None:
        """Makes ready again what a get of the calling thread has taken and nobody has seen.

        Each item is in its old place then.
        """
        self.undo(receipt)
        if self.auto_commit:
            self._engine.write(self._plans.put_back, [each[3] for each in receipt])
        else:
            ids = [each[0] for each in receipt]
            self._engine.write(self._plans.unhold, ids, self._engine.owner())
        self._ring()

    # -- settling -----------------------------------------------------------------------------

    def task_done(self) -> None:
        """Settles everything the calling thread has got so far.

        A thread that never got anything itself settles the oldest item that is out, first of all
        one of a thread that has ended. As with `queue.Queue` it may be said once for every item that was got. With ``auto_commit=False``
        it is durable on return as `durability` says, and so is every put before it; so there it
        may also be said after a put.

        Raises:
            ValueError: it was called more often than there were items.
            StorageError: the write failed; the items are still out.
        """
        if self._engine.closed:
            raise QueueClosed(f"{self._engine.where}: the queue was closed; open a new one")
        may = self._handouts.spend()
        self._ledger.finish()
        if not may and (self.auto_commit or not self._unsynced):
            raise ValueError("task_done() called more often than there were items")
        if not self.auto_commit:
            ids = self._handouts.take()
            try:
                self._engine.settle(self._plans.settle, ids, self._engine.owner() if ids else 0)
            except BaseException:
                self._handouts.put_back(ids)
                raise
        self._unsynced = False
        self._ring()

    def finished(self) -> bool | None:
        """What `join` waits for: True once everything is settled, None before.

        That is: nothing is in the storage, and each thread of this process that got an item has said
        task_done, come back for another get, or ended. The calling thread is not waited for.
        """
        self._sweep_sometimes()
        if self._engine.read(self._plans.total) or self._ledger.others():
            return None
        return True

    # -- what others left ---------------------------------------------------------------------

    def _sweep_sometimes(self) -> None:
        if time.monotonic() - self._swept >= SWEEP:
            self._sweep()
            # The end of a process commits nothing that a waiting thread would notice.
            self._engine.alarm(time.time() + SWEEP, time.time)

    def _sweep(self) -> None:
        """Makes ready again what consumers held that do not live any more."""
        self._swept = time.monotonic()
        owners = self._engine.read(self._plans.owners)
        if not owners:
            return
        for owner in self._engine.dead(owners):
            self._engine.write(self._plans.release, owner)
            self._ring()

    def close(self) -> None:
        """Makes durable what was put, gives back what was got and not settled; frees everything.

        A second call does nothing.

        Raises:
            StorageError: the last sync failed; everything is freed all the same.
        """
        try:
            if not self._engine.closed and not self.auto_commit:
                held = self._handouts.out()
                if held or self._unsynced:
                    with suppress(QueueClosed):
                        owner = self._engine.owner() if held else 0
                        self._engine.settle(self._plans.release, owner)
                        self._ring()
        finally:
            super().close()


def _ids_of_held(found: tuple[list[Taken] | Unreadable, Position | None]) -> list[int]:
    """What `hold` has claimed."""
    return [] if isinstance(found[0], Unreadable) else [each[0] for each in found[0]]


def _id_of_held(found: Taken | Unreadable | bool) -> list[int]:
    """What `hold_id` has claimed."""
    return [found[0]] if isinstance(found, tuple) else []
