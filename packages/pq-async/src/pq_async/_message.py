"""A message whose settling is awaited."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, TypeVar

from pq_async._call import Call
from pq_core.errors import QueueError
from pq_core.message import Message

if TYPE_CHECKING:
    from pq_async._worker import Worker

__all__ = ["AsyncMessage"]

T = TypeVar("T")


class AsyncMessage(Generic[T]):
    """An item that was received, to be settled with `ack`, `nack` or `fail`.

    As a context manager it is acked on a clean exit and nacked on an exception, which goes on to
    the caller; where the body has settled it, the exit does nothing::

        async with await queue.receive() as message:
            await work(message.item)

    A message whose settling is cancelled is settled or it is not: settled where the worker had
    begun. To say it again is harmless.

    Args:
        message: the blocking one.
        worker: carries out its calls.

    Attributes:
        item: what was put.
        id: the id that `put` returned.
        attempts: how often it was handed out, this time included: 1 at first.
        enqueued_at: when it was put, in seconds since the epoch.
    """

    __slots__ = ("_message", "_worker", "attempts", "enqueued_at", "id", "item")

    def __init__(self, message: Message[T], worker: Worker) -> None:
        self.item = message.item
        self.id = message.id
        self.attempts = message.attempts
        self.enqueued_at = message.enqueued_at
        self._message = message
        self._worker = worker

    @property
    def settled(self) -> bool:
        """Whether it was acked, nacked or failed here."""
        return self._message.settled

    async def ack(self) -> None:
        """Done with it: it never comes again. Raises as `pq_core.Message.ack` does."""
        await self._settle(self._message.ack)

    async def nack(self, delay: float = 0.0) -> None:
        """Makes it ready again, `delay` seconds from now. Raises as `pq_core.Message.nack` does."""
        await self._settle(lambda: self._message.nack(delay))

    async def fail(self, reason: str = "") -> None:
        """Gives it up: a dead letter, kept with the reason. Raises as `pq_core.Message.fail` does."""
        await self._settle(lambda: self._message.fail(reason))

    async def extend(self, seconds: float) -> None:
        """Keeps the lease for so many seconds. Raises as `pq_core.Message.extend` does."""
        await self._settle(lambda: self._message.extend(seconds))

    async def _settle(self, step: Callable[[], None]) -> None:
        was_settled = self._message.settled
        call = Call(
            self._worker,
            lambda _: step(),
            shares=True,
            undone=None if was_settled else self._message.rolled_back,
        )
        self._worker.submit(call)
        await call.outcome()

    async def __aenter__(self) -> AsyncMessage[T]:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._message.settled:
            return
        if error is None:
            await self.ack()
            return
        try:
            await self.nack()
        except QueueError:
            # The caller has to see his own exception. The lease ends by itself.
            return

    def __repr__(self) -> str:
        return f"<AsyncMessage of {self._message!r}>"
