"""The thread that gives signs of life."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from pq_core.errors import QueueError

__all__ = ["Heart"]

_LOG: Final = logging.getLogger("persistqueue")


class Heart:
    """Calls something at regular times, from a thread of its own, until `stop`.

    Args:
        beat: what to call; False: its object is gone, and the thread ends. An error of a queue is
            logged, and the next beat comes as if nothing had been.
        every: seconds between two calls.
    """

    def __init__(self, beat: Callable[[], bool], every: float) -> None:
        # Of an Event stop() would take the lock, which the thread itself may have: where it collects
        # the garbage, and that is the queue whose heart this is.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._thread = threading.Thread(
            target=self._run, args=(beat, every), name="persistqueue-heart", daemon=True
        )
        self._thread.start()

    def _run(self, beat: Callable[[], bool], every: float) -> None:
        while not self._gate.acquire(timeout=every):
            try:
                if not beat():
                    return
            except QueueError as error:
                _LOG.warning("a sign of life was not given: %s", error)

    def stop(self) -> None:
        """No further call is started; a second one does nothing."""
        with suppress(RuntimeError):
            self._gate.release()
