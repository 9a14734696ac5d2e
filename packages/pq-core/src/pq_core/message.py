"""A message: an item that an ack queue has handed out, and the right to settle it.

::

                 ack()            acked   done
    leased  ──┬─ nack(delay=) ──> nacked  ready again
              ├─ fail(reason=) ─> failed  a dead letter
              └─ LeaseLost ─────> lost    somebody else may have it

A message is settled once. Settling it again in the same way does nothing, so a retried line of
code is harmless; settling it in another way raises `LeaseLost`, for the item is gone from this
consumer. A storage that is busy or fails settles nothing: the same call may be tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, Literal, Protocol, TypeVar

from pq_core.errors import LeaseLost, QueueError

__all__ = ["Message", "Settler"]

T = TypeVar("T")
Token = TypeVar("Token")
Token_contra = TypeVar("Token_contra", contravariant=True)


class Settler(Protocol[Token_contra]):
    """What settles messages in the storage: a queue, or a part of one.

    `token` is whatever the storage needs to know this lease from a later one of the same item.
    Every method raises `LeaseLost` where that lease has ended, and `StorageError` where the
    storage fails.
    """

    def ack(self, id: int, token: Token_contra, /) -> None:
        """Done; durable on return as the queue's `durability` says."""
        ...

    def nack(self, id: int, token: Token_contra, delay: float, /) -> None:
        """Ready again after `delay` seconds."""
        ...

    def fail(self, id: int, token: Token_contra, reason: str, /) -> None:
        """A dead letter, kept with its reason."""
        ...

    def extend(self, id: int, token: Token_contra, seconds: float, /) -> None:
        """The lease ends `seconds` from now."""
        ...


class Message(Generic[T]):
    """An item that was received, to be settled with `ack`, `nack` or `fail`.

    As a context manager it is acked on a clean exit and nacked on an exception, which goes on to
    the caller; where the body has settled it, the exit does nothing::

        with queue.receive() as message:
            work(message.item)

    It may be used from any thread.

    Args:
        item: what was put.
        id: the id that `put` returned.
        attempts: how often it was handed out, this time included.
        enqueued_at: when it was put, in seconds since the epoch.
        settler: settles it in the storage.
        token: tells the settler which lease is meant.

    Attributes:
        item: what was put.
        id: the id that `put` returned.
        attempts: how often it was handed out, this time included: 1 at first.
        enqueued_at: when it was put, in seconds since the epoch.
    """

    __slots__ = ("_lock", "_outcome", "_settler", "_token", "attempts", "enqueued_at", "id", "item")

    def __init__(
        self,
        item: T,
        *,
        id: int,
        attempts: int,
        enqueued_at: float,
        settler: Settler[Token],
        token: Token,
    ) -> None:
        self.item = item
        self.id = id
        self.attempts = attempts
        self.enqueued_at = enqueued_at
        self._settler: Settler[Any] = settler
        self._token: object = token
        self._outcome: Literal["acked", "nacked", "failed", "lost"] | None = None
        # Protects `_outcome`: of two threads that settle one message, the second must see what
        # the first has done and not go to the storage with a lease that has just ended.
        self._lock = threading.Lock()

    @property
    def settled(self) -> bool:
        """Whether it was acked, nacked or failed here."""
        return self._outcome is not None and self._outcome != "lost"

    def ack(self) -> None:
        """Done with it: it never comes again.

        Raises:
            LeaseLost: the lease has ended, or it was settled in another way.
            StorageError: the storage failed; nothing is settled.
        """
        self._settle("acked", lambda: self._settler.ack(self.id, self._token))

    def nack(self, delay: float = 0.0) -> None:
        """Make it ready again.

        Args:
            delay: seconds before it is visible.

        Raises:
            ValueError: `delay` is negative or not a number.
            LeaseLost: the lease has ended, or it was settled in another way.
            StorageError: the storage failed; nothing is settled.
        """
        if not delay >= 0:
            raise ValueError(f"'delay' must be a non-negative number of seconds, not {delay!r}")
        self._settle("nacked", lambda: self._settler.nack(self.id, self._token, delay))

    def fail(self, reason: str = "") -> None:
        """Give it up: it becomes a dead letter, kept with the reason.

        Args:
            reason: shown by `dead_letters`; must not hold what is secret in the item.

        Raises:
            LeaseLost: the lease has ended, or it was settled in another way.
            StorageError: the storage failed; nothing is settled.
        """
        self._settle("failed", lambda: self._settler.fail(self.id, self._token, reason))

    def extend(self, seconds: float) -> None:
        """Keep the lease for another while.

        Args:
            seconds: how long from now.

        Raises:
            ValueError: `seconds` is not positive.
            LeaseLost: the lease has ended, or the message is settled.
            StorageError: the storage failed; the lease ends when it would have.
        """
        if not seconds > 0:
            raise ValueError(f"'seconds' must be positive, not {seconds!r}")
        with self._lock:
            if self._outcome is not None:
                raise self._too_late("extended")
            self._while_leased(lambda: self._settler.extend(self.id, self._token, seconds))

    def rolled_back(self) -> None:
        """The storage has taken back its settlement: it may be settled again."""
        with self._lock:
            self._outcome = None

    def _settle(
        self, outcome: Literal["acked", "nacked", "failed"], settle: Callable[[], None]
    ) -> None:
        with self._lock:
            if self._outcome is None:
                self._while_leased(settle)
                self._outcome = outcome
            elif self._outcome != outcome:
                raise self._too_late(outcome)

    def _while_leased(self, step: Callable[[], None]) -> None:
        try:
            step()
        except LeaseLost:
            self._outcome = "lost"
            raise

    def _too_late(self, wanted: str) -> LeaseLost:
        if self._outcome == "lost":
            return LeaseLost(
                f"message {self.id} cannot be {wanted}: its lease has ended; "
                "receive it again, and extend() the lease while you work"
            )
        return LeaseLost(
            f"message {self.id} cannot be {wanted}: it was already {self._outcome}; "
            "settle a message once"
        )

    def __enter__(self) -> Message[T]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._outcome is not None:
            return
        if error is None:
            self.ack()
            return
        try:
            self.nack()
        except QueueError:
            # The caller has to see his own exception. The item is not lost by this: its lease
            # ends by itself, and then it is ready again.
            return

    def __repr__(self) -> str:
        state = self._outcome or "leased"
        return f"<Message id={self.id} attempts={self.attempts} {state}>"
