"""What the file queue offers to a worker that calls it for others; see `pq_core.callers`."""

from __future__ import annotations

import threading
from abc import abstractmethod

from pq_core.callers import SharedCall, one_by_one
from pq_core.errors import StorageError
from pq_core.log.log import Log
from pq_core.log.session import Session
from pq_core.waiting import Bell

__all__ = ["Errands"]


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
        if log is None or not self._full or len(calls) < 2:
            one_by_one(calls)
            return
        owing: list[SharedCall] = []
        try:
            with log.head.syncing.hold() as written, log.tail.syncing.hold() as settled:
                for call in calls:
                    before = written(), settled()
                    call.run()
                    if before != (written(), settled()):
                        owing.append(call)
        except StorageError as error:
            for call in owing:
                call.fail(error)
        if owing:
            # Who was rung before the sync found nothing: what is not synced is not visible.
            self._ring(log)

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
    def _open(self) -> Log: ...

    @abstractmethod
    def _ring(self, log: Log) -> None: ...
