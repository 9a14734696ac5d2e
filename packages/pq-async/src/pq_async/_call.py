"""One call that a task waits for and a worker carries out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from pq_core.callers import begin_for, end_for

if TYPE_CHECKING:
    from pq_async._worker import Worker

__all__ = ["Call"]


class Call:
    """A call on the blocking queue, and what comes of it.

    Args:
        worker: carries it out.
        work: is given the blocking queue.
        shares: it may be carried out in one commit with others.
        is_free: it may overtake calls that share a commit.
        is_anyones: it makes no difference to the queue which task calls, and it takes nothing.
        kind: where one call of a kind finds nothing, the others behind it find nothing either;
            None: nothing is known of it.
        undone: called where the commit has failed that it was part of, before it is carried out
            again.
        shape: as `pq_core.callers.SharedCall` tells.
        item: the same.

    Attributes:
        loop: on which the outcome is told.
        future: done once the outcome is there; cancelled where nobody waits for it any more.
        belongings: what the queue knows of the task; see `pq_core.callers`. None: nothing.
        result: what the work returned.
        error: what it raised.
        receipt: of what it has taken from the queue.
        had: what the queue knew of the task when it took that.
        is_away: the worker has it, and its outcome was not told yet.
        is_held: what is called next waits for that.
        then: called on the loop with the call, instead of telling the future.
    """

    __slots__ = (
        "belongings",
        "error",
        "future",
        "had",
        "is_away",
        "is_free",
        "is_held",
        "item",
        "kind",
        "loop",
        "receipt",
        "result",
        "shape",
        "shares",
        "then",
        "undone",
        "work",
        "worker",
    )

    def __init__(
        self,
        worker: Worker,
        work: Callable[[Any], Any],
        shares: bool = False,
        is_free: bool = False,
        is_anyones: bool = False,
        kind: str | None = None,
        *,
        undone: Callable[[], None] | None = None,
        shape: str | None = None,
        item: Any = None,
    ) -> None:
        self.worker = worker
        self.work = work
        self.shares = shares
        self.is_free = is_free
        self.kind = kind
        self.undone = undone
        self.shape = shape
        self.item = item
        loop = self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[None] = loop.create_future()
        self.belongings = None if is_anyones else worker.belongings(loop)
        self.then: Callable[[Call], None] | None = None
        self.result: Any = None
        self.error: BaseException | None = None
        self.receipt: Any = None
        self.had: dict[str, Any] = {}
        self.is_away = self.is_held = False

    # -- in the worker's thread ---------------------------------------------------------------

    def run(self) -> None:
        """Carries it out; see `pq_core.callers.SharedCall`."""
        self.error = None
        queue = self.worker.queue
        belongings = self.belongings
        if belongings is None:
            try:
                self.result = self.work(queue)
            except BaseException as error:  # raised again by the task
                self.error = error
            return
        callers = queue.callers
        begin_for(callers, belongings)
        try:
            self.result = self.work(queue)
        except BaseException as error:  # raised again by the task
            self.error = error
        finally:
            receipt = self.receipt = end_for(callers, belongings)
            if receipt is not None:
                self.had = dict(belongings)

    def undo(self) -> None:
        """Its commit has failed; see `pq_core.callers.SharedCall`."""
        if self.receipt is not None:
            queue = self.worker.queue
            begin_for(queue.callers, self.had)
            try:
                queue.undo(self.receipt)
            finally:
                end_for(queue.callers, self.had)
            self.receipt = None
        if self.undone is not None and self.error is None:
            self.undone()
        self.result = None

    def succeed(self, result: Any, receipt: Any = None) -> None:
        """It was carried out without `run`; see `pq_core.callers.SharedCall`."""
        self.result, self.error = result, None
        if receipt is not None:
            self.receipt = receipt
            self.had = dict(self.belongings or {})

    def fail(self, error: BaseException) -> None:
        """Its outcome is an error."""
        self.result, self.receipt = None, None
        self.error = error

    # -- on the loop --------------------------------------------------------------------------

    def answer(self) -> None:
        """Tells the future, or gives back what nobody takes."""
        if not self.future.done():
            self.future.set_result(None)
        else:
            self.give_back()

    async def outcome(self) -> Any:
        """What came of it, once it is there. Cancelled meanwhile, nothing comes of it."""
        try:
            await self.future
        except BaseException:
            self.abandon()
            raise
        error = self.error
        if error is None:
            return self.result
        self.error = None
        try:
            raise error
        finally:
            # The traceback holds this frame: without it the error goes when its last user does.
            del error

    def abandon(self) -> None:
        """Nobody waits for the outcome any more: what is taken goes back, now or when it comes."""
        if self.future.done() and not self.future.cancelled():
            self.give_back()  # A3: it was told, and the task was cancelled before it could see it
        else:
            self.future.cancel()
            if self.is_away and self.belongings is not None:
                self.is_held = True
                self.worker.hold(self)

    def give_back(self) -> None:
        """Puts what was taken back into the queue."""
        receipt, self.receipt = self.receipt, None
        self.result = None
        is_held, self.is_held = self.is_held, False
        if receipt is not None:
            self.worker.give_back(self, receipt)
        if is_held:
            self.worker.release(self)
