"""A worker without a thread: calls are carried out on the event loop, each in a greenlet.

For blocking queues that wait for nothing but through `pq_core.yielding`, such as those in
PostgreSQL: where the queue would block, its greenlet switches to the loop until there is an answer.
So what the tasks call is the code of the blocking queue, and its waits are those of asyncio.

N1. A call that was begun is carried out to its end, whoever is cancelled: also the tasks that do
    it, which asyncio.run would cancel. So A2 and A3 hold as with a thread.
N2. What the queue knows of its caller is put aside over every switch (`queue.callers` is one for all
    greenlets of the thread).
N3. Calls of one task are carried out one after another, though the task may have gone on without
    waiting for the one before: each has to find what that has left.
N4. What a cancelled get took is given back by a thread that the loop waits for when it ends.
N5. No call is accepted once closing has begun; that waits for those under way, for what they give
    back, and for those that wait for that (A6).
"""

from __future__ import annotations

import asyncio

# asyncio would import it with the first call. Were that in the middle of it while another thread
# forks, the child would wait in its own first call for the end of an import that nobody is at.
import concurrent.futures.thread  # noqa: F401
import threading
import weakref
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from greenlet import getcurrent, greenlet

from pq_async._call import Call
from pq_async._worker import Errand, Worker, tell_all
from pq_core.errors import QueueClosed
from pq_core.yielding import running_with

__all__ = ["NativeWorker"]

R = TypeVar("R")


class NativeWorker(Worker):
    """Carries out calls on the event loop; see `Worker`.

    Args:
        queue: the blocking queue.
        where: what it is called in messages.
        at_once: how many calls may be under way.
    """

    def __init__(self, queue: Any, where: str, at_once: int) -> None:
        super().__init__(lambda: queue, where, at_once)
        queue.leaves_receipts = True
        self._queue = queue

    def _start(self) -> None:
        super()._start()
        self._lanes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Lane] = (
            weakref.WeakKeyDictionary()
        )
        self._is_closing = False

    def submit(self, call: Call | Errand) -> None:
        """Has a call carried out by the running loop."""
        if (self._is_closing or self.closed) and isinstance(call, Call):
            call.fail(QueueClosed(f"{self._where}: the queue was closed; open a new one"))
            asyncio.get_running_loop().call_soon(self._told, call)
        else:
            super().submit(call)

    def _begin(self, call: Call | Errand) -> None:
        self._lane().submit(call)

    async def run(self, function: Callable[[Any], R]) -> R:
        """What a function returns that may do anything: it is called in a thread."""
        if self._is_closing or self.closed:
            raise QueueClosed(f"{self._where}: the queue was closed; open a new one")
        return await asyncio.shield(self._lane().in_thread(function, self.queue))

    def give_back(self, call: Call, receipt: Any) -> None:
        """Has something given back that was taken for a task which does not want it any more."""
        lane = self._lane()
        try:
            returning = lane.in_thread(self._give_back, receipt, call.had)
        except RuntimeError:  # the loop ends, and takes no more work
            self._give_back(receipt, call.had)
        else:
            self.hold(call)
            returning.add_done_callback(lambda _: self.release(call))

    async def close(self) -> None:
        """Closes the queue, after what was submitted before; what comes later is refused."""
        await asyncio.shield(self._lane().closed_by(self._end))

    def stop(self) -> None:
        """There is no thread."""

    async def _end(self) -> None:
        self._is_closing = True
        lane = self._lane()
        await lane.rest()
        try:
            await asyncio.get_running_loop().run_in_executor(None, self._close)
        finally:
            self._is_closing = False

    def _lane(self) -> _Lane:
        loop = asyncio.get_running_loop()
        lane = self._lanes.get(loop)
        if lane is None:
            lane = self._lanes[loop] = _Lane(self._carry_out, self._queue.callers, self._threads)
        return lane

    def _carry_out(self, call: Call | Errand) -> None:
        """In a greenlet."""
        if isinstance(call, Errand):
            call.run()
            return
        if not call.future.done():  # A2
            call.run()
        self._told(call)

    def _told(self, call: Call) -> None:
        is_by_itself = call.then is not None
        tell_all([call])
        if not is_by_itself and self.settled.waiting:
            self.settled.ring()


class _Lane:
    """The calls of one loop: so many at a time, in the order in which they came.

    Args:
        carry_out: carries out one of them; called in a greenlet.
        callers: of the queue; see `pq_core.callers`.
        at_once: how many.
    """

    def __init__(
        self,
        carry_out: Callable[[Call | Errand], None],
        callers: threading.local,
        at_once: int,
    ) -> None:
        self._carry_out = carry_out
        self._callers = callers
        self._at_once = at_once
        self._waiting: deque[Call | Errand] = deque()
        #: What the queue knows of the tasks that have a call under way, and the further calls of
        #: each, which wait for that (N3).
        self._busy: dict[int, list[Call]] = {}
        self._running = 0
        #: What has to be over before the queue is closed.
        self._under_way: set[asyncio.Future[Any]] = set()
        self._closing: asyncio.Task[None] | None = None

    def submit(self, call: Call | Errand) -> None:
        """Has it carried out."""
        self._waiting.append(call)
        if self._running < self._at_once:
            self._running += 1
            self._watch(
                _Steady(_driven(self._work, self._callers), loop=asyncio.get_running_loop())
            )

    def in_thread(self, function: Callable[..., R], *args: Any) -> asyncio.Future[R]:
        """What a function returns that may block.

        Raises:
            RuntimeError: the loop ends.
        """
        future = asyncio.get_running_loop().run_in_executor(None, function, *args)
        self._watch(future)
        return future

    def closed_by(self, end: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """The task that closes, whoever has asked for it first."""
        if self._closing is None or self._closing.done():
            self._closing = _Steady(end(), loop=asyncio.get_running_loop())
        return self._closing

    async def rest(self) -> None:
        """Returns once nothing is under way, and nothing that was told was refused after all."""
        while self._under_way:
            await asyncio.wait(self._under_way)
            await asyncio.sleep(0)  # behind the tasks that were told

    def _watch(self, future: asyncio.Future[Any]) -> None:
        self._under_way.add(future)
        future.add_done_callback(self._under_way.discard)

    def _work(self) -> None:
        """Carries out what waits; many of these may be at it."""
        try:
            while self._waiting:
                call = self._waiting.popleft()
                self._in_turn(call)
                # What it returned must not live longer than its task wants it to.
                del call
        finally:
            self._running -= 1

    def _in_turn(self, call: Call | Errand) -> None:
        if isinstance(call, Errand) or call.belongings is None:
            self._carry_out(call)
            return
        me = id(call.belongings)  # the call keeps it, so nobody else has its number
        if me in self._busy:
            self._busy[me].append(call)
            return
        self._busy[me] = []
        try:
            self._carry_out(call)
        finally:
            for behind in self._busy.pop(me):
                self.submit(behind)


class _Steady(asyncio.Task[R]):
    """A task that nobody cancels (N1)."""

    def cancel(self, msg: Any | None = None) -> bool:
        """Does nothing."""
        del msg
        return False


class _Switch:
    """How the code of one greenlet waits; see `pq_core.yielding`."""

    __slots__ = ("_loop",)

    def __init__(self) -> None:
        self._loop = getcurrent()

    def __call__(self, awaited: Awaitable[R], /) -> R:
        result: R = self._loop.switch(awaited)
        return result


async def _driven(work: Callable[[], None], callers: threading.local) -> None:
    """Runs a function in a greenlet, and awaits what it waits for."""
    here = callers.__dict__
    aside: dict[str, Any] = {}
    switch = _Switch()
    green = greenlet(work)
    step: Callable[..., Any] = green.switch
    arguments: tuple[Any, ...] = ()
    while True:
        here.update(aside)
        running_with(switch)
        try:
            awaited = step(*arguments)
        finally:
            running_with(None)
            aside = dict(here)  # N2
            here.clear()
        if green.dead:
            return
        try:
            step, arguments = green.switch, (await awaited,)
        except BaseException as error:  # raised again where the greenlet waits
            step, arguments = green.throw, (error,)
        del awaited
