"""What the file queue offers to a worker that calls it for others; see `pq_core.callers`."""

from __future__ import annotations

import threading
from abc import abstractmethod
from collections.abc import Callable
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from pq_core.callers import GET, PUT, TASK_DONE, SharedCall, begin_for, end_for, one_by_one
from pq_core.errors import StorageError
from pq_core.log.log import Log
from pq_core.log.session import Session
from pq_core.waiting import Bell

__all__ = ["Errands"]

_shape: Final = attrgetter("shape")


class Errands:
    """A part of `LogQueue`; this one is not used by itself.

    Attributes:
        callers: what the queue knows of each of its callers.
        leaves_receipts: whether a get leaves a receipt there, for `give_back`.
    """

    callers: threading.local
    leaves_receipts: bool
    _log: Log | None
    _session: Session
    _full: bool
    _settles: bool
    _chunk: int
    _maxsize: int
    _dumps: Callable[[Any], bytes]
    _loads: Callable[[bytes], Any]

    @property
    def items_bell(self) -> Bell:
        """Rings when there may be something to get."""
        return self._open().items

    @property
    def room_bell(self) -> Bell:
        """Rings when there may be room, or everything may be settled."""
        return self._open().room

    def together(self, calls: list[SharedCall]) -> None:
        """Carries out puts, gets and task_dones of several callers, with one sync for all.

        What a call has to have on the medium is there when this returns, or the call has failed.
        """
        log = self._log
        if log is None or len(calls) < 2:
            one_by_one(calls)
            return
        if not self._full:
            for shape, neighbours in groupby(calls, _shape):
                self._run(log, shape, list(neighbours))
            return
        owing: list[SharedCall] = []
        try:
            with log.head.syncing.hold() as written, log.tail.syncing.hold() as settled:
                for shape, neighbours in groupby(calls, _shape):
                    run = list(neighbours)
                    before = written(), settled()
                    self._run(log, shape, run)
                    if before != (written(), settled()):
                        owing += run
        except StorageError as error:
            for call in owing:
                call.fail(error)
        if owing:
            # Who was rung before the sync found nothing: what is not synced is not visible.
            self._ring(log)

    def _run(self, log: Log, shape: str | None, calls: list[SharedCall]) -> None:
        """Carries out neighbouring calls of one shape, as if one after another."""
        if len(calls) == 1 or not (
            (shape == PUT and self._put_each(log, calls))
            or (shape == TASK_DONE and self._settle_each(log, calls))
        ):
            done = self._get_each(log, calls) if shape == GET and len(calls) > 1 else 0
            one_by_one(calls[done:])

    def _put_each(self, log: Log, calls: list[SharedCall]) -> bool:
        """Puts with one write; False: nothing has happened, and each has an error of its own."""
        if self._maxsize:
            return False
        dumps = self._dumps
        try:
            payloads = [dumps(call.item) for call in calls]
            first = log.head.append_many(payloads, self._chunk, 0, full=self._full, apart=True)
        except Exception:
            return False
        assert first is not None
        for id, call in enumerate(calls, first):
            call.succeed(id)
        if log.items.waiting:
            log.items.ring()
        return True

    def _get_each(self, log: Log, calls: list[SharedCall]) -> int:
        """Takes an item for each, with one lock; for how many."""
        callers = [call.belongings or {} for call in calls]
        try:
            items = self._session.take_each(callers)
        except StorageError:
            return 0  # each has an error of its own
        if items and log.room.waiting:
            log.room.ring()
        loads = self._loads
        for call, taken in zip(calls, items, strict=False):
            try:
                item = loads(taken[1])
            except Exception as error:
                call.fail(self._buried(call.belongings or {}, taken, error))
            else:
                call.succeed(item, [taken])
        return len(items)

    def _buried(
        self, caller: dict[str, Any], taken: tuple[int, bytes], error: Exception
    ) -> Exception:
        """What to say of an item that cannot be read, once it is a dead letter."""
        begin_for(self.callers, caller)
        try:
            return self._bury(*taken, error)
        except Exception as failure:
            return failure
        finally:
            end_for(self.callers, caller)

    def _settle_each(self, log: Log, calls: list[SharedCall]) -> bool:
        """Settles with one slot; False: nothing has happened."""
        callers = [call.belongings or {} for call in calls]
        try:
            if not self._session.task_done_each(callers, full=self._full):
                return False
        except StorageError as error:
            for call in calls:
                call.fail(error)
            return True
        for call in calls:
            call.succeed(None)
        if log.room.waiting:
            log.room.ring()
        return True

    def undo(self, receipt: list[tuple[int, bytes]]) -> None:
        """The calling thread has not got these after all."""
        self._session.undo(len(receipt))

    def give_back(self, receipt: list[tuple[int, bytes]]) -> None:
        """Makes ready again what a get of the calling thread has taken and nobody has seen.

        Each item is the next one that is handed out; with `autosave`, where it is settled
        already, it is put again, and comes last.
        """
        log = self._open()
        self.undo(receipt)
        if self._settles:
            payloads = [payload for _, payload in receipt]
            log.head.append_many(payloads, self._chunk, 0, full=self._full)
        else:
            self._session.give_back([seq for seq, _ in receipt])
        self._ring(log)

    @abstractmethod
    def _bury(self, seq: int, payload: bytes, error: Exception) -> Exception: ...

    @abstractmethod
    def _open(self) -> Log: ...

    @abstractmethod
    def _ring(self, log: Log) -> None: ...
