"""What a wheel has to bring so that the queues of this package run on its database."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from pq_core.sql.hub import Hub
from pq_core.sql.statement import Plan
from pq_core.waiting import Bell

__all__ = ["Counted", "Engine"]

R = TypeVar("R")


class Counted(Protocol):
    """What can say how many items are ready."""

    @property
    def count(self) -> Callable[[], Plan[int]]:
        """The plan that counts them."""
        ...


class Engine(Protocol):
    """Runs plans on one database. Every method may be called from any thread.

    All raise `QueueClosed` after `close`, `StorageBusy` where the storage was held by somebody
    else for too long, and `StorageError` where it failed; no other error of a driver passes.
    """

    @property
    def where(self) -> str:
        """What the queue is called in messages."""
        ...

    @property
    def bell(self) -> Bell:
        """Rings for all threads of this process that wait for this queue."""
        ...

    @property
    def hub(self) -> Hub:
        """Who in this process waits for this queue, across all objects on it."""
        ...

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        ...

    def write(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """The result of a plan that has happened as a whole, and is as durable as put is."""
        ...

    def settle(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """`write` that also makes durable everything that was written before it."""
        ...

    def read(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """The result of a plan that sees one snapshot and changes nothing."""
        ...

    def ready(self, plans: Counted, /) -> int:
        """How many items are ready: `plans.count`, remembered for as long as it is true."""
        ...

    def alarm(self, at: float, clock: Callable[[], float], /) -> None:
        """Who waits looks again when `clock` tells this time, in seconds; inf: no need."""
        ...

    def owner(self) -> int:
        """The number under which this object claims items; alive until `close`."""
        ...

    def dead(self, owners: Iterable[int], /) -> list[int]:
        """Which of these owners do not live any more."""
        ...

    def bytes(self) -> int:
        """What the storage occupies, in bytes."""
        ...

    def reclaimable(self) -> int:
        """How many of these hold nothing, in bytes; 0 where that is not known."""
        ...

    def close(self) -> None:
        """Frees everything; a second call does nothing."""
        ...
