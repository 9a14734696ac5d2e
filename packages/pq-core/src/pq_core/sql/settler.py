"""Settles messages of an ack queue."""

from __future__ import annotations

from collections.abc import Callable

from pq_core.errors import LeaseLost
from pq_core.sql.driver import Engine
from pq_core.sql.plans.acked import AckedPlans

__all__ = ["Settler"]


class Settler:
    """Settles the messages of a queue by their tokens; see `pq_core.message.Settler`.

    Args:
        engine: of the queue.
        plans: of the queue.
        acked: is told how many items were acked.
        returned: is told that items may be ready now, or due at another time.
    """

    __slots__ = ("_acked", "_engine", "_plans", "_returned")

    def __init__(
        self,
        engine: Engine,
        plans: AckedPlans,
        acked: Callable[[int], None],
        returned: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._plans = plans
        self._acked = acked
        self._returned = returned

    def ack(self, id: int, token: int, /) -> None:
        """Done."""
        plans, engine = self._plans, self._engine
        self._check(id, engine.write(plans.ack_token, id, engine.owner(), token), "acked")
        self._acked(1)

    def nack(self, id: int, token: int, delay: float, /) -> None:
        """Ready again; a delay of 0 leaves it to the back-off."""
        plans, engine = self._plans, self._engine
        wait = delay or None  # no delay of its own: the back-off
        self._check(id, engine.write(plans.nack, id, engine.owner(), token, wait), "nacked")
        self._returned()

    def fail(self, id: int, token: int, reason: str, /) -> None:
        """A dead letter."""
        plans, engine = self._plans, self._engine
        self._check(id, engine.write(plans.fail, id, engine.owner(), token, reason), "failed")

    def extend(self, id: int, token: int, seconds: float, /) -> None:
        """The lease ends so many seconds from now."""
        plans, engine = self._plans, self._engine
        done = engine.write(plans.extend, id, engine.owner(), token, seconds)
        self._check(id, done, "extended")
        self._returned()

    def _check(self, id: int, is_done: bool, what: str) -> None:
        if not is_done:
            raise LeaseLost(
                f"{self._engine.where}: message {id} cannot be {what}: its lease has "
                "ended; receive it again, and extend() the lease while you work"
            )
