"""Whether a consumer lives, told by rows that end by the server's clock.

L1. An owner's row lasts for four heartbeats. It is there before the first claim under its number.
L2. Who has not been connected without a break for one and a half heartbeats calls nobody dead: after
    the server was away, everybody's time may be over, and each gives a sign within one heartbeat.
L3. Numbers are random and never used twice; a forked child does not have its parent's.
"""

from __future__ import annotations

import secrets
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pq_core import yielding
from pq_core.errors import QueueError
from pq_core.server.driver import Driver
from pq_core.server.heart import Heart
from pq_core.sql.plans.owners import OwnerPlans

__all__ = ["Life"]

#: How many heartbeats an owner's row lasts: three may be missed.
BEATS: Final = 4
#: How many heartbeats a judge has to have been connected for.
STEADY: Final = 1.5


class Life:
    """The sign of life of one queue object, in one process.

    Args:
        driver: of the engine; tells of broken connections.
        plans: of the table of owners.
        heartbeat: seconds between two signs of life.
        run: runs a plan once, however busy the pool is.

    Attributes:
        number: of the owner; None as long as nobody has asked for it.
    """

    def __init__(
        self,
        driver: Driver,
        plans: OwnerPlans,
        heartbeat: float,
        run: Callable[[Callable[..., Any], tuple[Any, ...]], Any],
    ) -> None:
        self._driver = driver
        self._plans = plans
        self._heartbeat = heartbeat
        self._run = run
        self.number: int | None = None
        self._heart: Heart | None = None
        #: Protects the making of the number.
        self._mutex = threading.Lock()
        self._lost = driver.lost
        self._steady_since = time.monotonic()

    def owner(self, engine: Any) -> int:
        """The number; made, told to the server and kept alive from the first call on.

        Args:
            engine: its `beat` is called, for as long as it is there.
        """
        if self.number is None:
            yielding.acquire(self._mutex)  # held over a wait (Y1)
            try:
                if self.number is None:
                    number = secrets.randbits(62) | 1
                    engine.write(self._plans.appear, number, BEATS * self._heartbeat)
                    beat = weakref.WeakMethod(engine.beat)
                    self._heart = Heart(lambda: _call(beat), self._heartbeat)
                    self.number = number
            finally:
                self._mutex.release()
        return self.number

    def beat(self) -> None:
        """Gives a sign of life."""
        if self.number is not None:
            self._run(self._plans.beat, (self.number, BEATS * self._heartbeat))

    def may_judge(self) -> bool:
        """Whether an owner without a row is dead (L2)."""
        lost = self._driver.lost
        if lost != self._lost:
            self._lost = lost
            self._steady_since = time.monotonic()
        return time.monotonic() - self._steady_since >= STEADY * self._heartbeat

    def end(self) -> None:
        """Gives the number up."""
        number, self.number = self.number, None
        if self._heart is not None:
            self._heart.stop()
        if number is not None:
            with suppress(QueueError):  # its time will be over anyway
                self._run(self._plans.leave, (number,))


def _call(method: weakref.WeakMethod[Callable[[], bool]]) -> bool:
    bound = method()
    return bound is not None and bound()
