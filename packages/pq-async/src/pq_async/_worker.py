"""The worker: one thread that carries out what the tasks ask of one blocking queue.

Whatever waits when it looks is one batch. Of a batch, neighbouring calls that may share a commit
do; and the loop is woken once for all of it. So a hundred tasks that put at the same time pay
for one hop and one commit.

A1. An outcome is told after the commit it is part of, never before.
A2. A call whose task was cancelled before the batch began is not carried out.
A3. What a get has taken belongs to nobody until its task goes on. Where the task is cancelled
    before that, it is given back: in its place, wherever the storage has one.
A4. What the queue knows of a task is dropped after the calls that the task has made.
A5. The queue is closed once each thread has come to the end of what was submitted before, so that
    the loop was told of it; and, of several threads, once each is through with giving back, and
    with what has waited for that.
A6. What is called on a loop after a get was cancelled there is carried out after what that get
    had taken is back: a get has that very item, `qsize` counts it, and a task_done of the same
    task does not settle it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import weakref
from collections.abc import Callable
from copy import copy
from functools import partial
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from pq_async._call import Call
from pq_async._line import Line
from pq_core.callers import begin_for, end_for
from pq_core.errors import QueueClosed
from pq_core.waiting import Bell

__all__ = ["Errand", "Worker", "tell_all"]

R = TypeVar("R")

#: How many calls are one batch at most. It bounds what a failed commit repeats, and for how long
#: other processes wait for their turn: 256 puts take about 5 ms.
BATCH: Final = 256
#: How often a join looks by itself, in seconds: another process that settles rings no bell here.
JOIN: Final = 0.04

_LOG: Final = logging.getLogger("persistqueue")


class Worker:
    """Carries out calls on one blocking queue. Every method but `serve` is for tasks.

    Args:
        open: makes the blocking queue; called in the thread, when it is first needed.
        where: what the queue is called in messages.
        threads: how many calls are carried out at the same time. With one, calls share commits.

    Attributes:
        closed: whether the queue was closed.
        settled: rings when something may have been settled.
    """

    def __init__(self, open: Callable[[], Any], where: str, threads: int = 1) -> None:
        self.closed = False
        self._open = open
        self._where = where
        self._threads = threads
        self._queue: Any = None
        self._opening = threading.Lock()  # protects the step from no queue to an open one
        self._start()

    def _start(self) -> None:
        """In the beginning, and again in a forked child, where the thread and the tasks are not."""
        self._inbox: SimpleQueue[Call | Errand | None] = SimpleQueue()
        self._running = 0
        self._opening = threading.Lock()
        self._closing: Call | None = None
        #: The calls of a loop that have to wait (A6), and for how many others.
        self._behind: dict[asyncio.AbstractEventLoop, tuple[int, list[Call]]] = {}
        #: What the queue knows of each task that lives. A weak one costs a fifth of a put.
        self._tasks: dict[asyncio.Task[Any], dict[str, Any]] = {}
        self._lines: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Bell, Line]] = (
            weakref.WeakKeyDictionary()
        )
        self.settled = Bell(object, shortest=JOIN, longest=JOIN)
        _WORKERS.add(self)

    @property
    def queue(self) -> Any:
        """The blocking queue, once it is open."""
        return self._queue

    # -- for tasks ----------------------------------------------------------------------------

    def submit(self, call: Call | Errand) -> None:
        """Has a call carried out, after those that were submitted before."""
        if isinstance(call, Call):
            if self._behind and (row := self._behind.get(call.loop)) is not None:
                row[1].append(call)
                return
            call.is_away = True
        self._begin(call)

    def _begin(self, call: Call | Errand) -> None:
        self._inbox.put(call)
        if self._running < self._threads:
            self._running += 1
            threading.Thread(
                target=_serve, args=(self._inbox,), name="pq-async", daemon=True
            ).start()

    async def ask(
        self,
        work: Callable[[Any], Any],
        *,
        shares: bool = False,
        is_free: bool = False,
        is_anyones: bool = False,
        shape: str | None = None,
    ) -> Any:
        """What a call returns that waits for nothing; see `Call` for what else is told."""
        call = Call(self, work, shares=shares, is_free=is_free, is_anyones=is_anyones, shape=shape)
        self.submit(call)
        return await call.outcome()

    async def run(self, function: Callable[[Any], R]) -> R:
        """What a function returns that may do anything with the queue but wait for others."""
        result: R = await self.ask(function, is_anyones=True)
        return result

    def line(self, bell: Bell) -> Line:
        """The calls of the running loop that wait for this bell."""
        loop = asyncio.get_running_loop()
        lines = self._lines.setdefault(loop, {})
        if bell not in lines:
            lines[bell] = Line(bell, loop)
        return lines[bell]

    def belongings(self, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
        """What the queue knows of the running task of this loop."""
        task = asyncio.current_task(loop)
        if task is None:
            return {}
        known = self._tasks.get(task)
        if known is None:
            known = self._tasks[task] = {}
            task.add_done_callback(partial(_ended, weakref.ref(self)))
        return known

    def forget(self, task: asyncio.Task[Any]) -> None:
        """What a task had that has ended is nobody's, and no join waits for it."""
        known = self._tasks.pop(task, None)
        if known and self._threads == 1:
            # A4: a call of this task may be under way; without what the task has, its task_done
            # would settle what others have.
            self.submit(Errand(None, partial(_clear, known, self.settled)))

    def give_back(self, call: Call, receipt: Any) -> None:
        """Has something given back that a call had taken; what is called next comes after it."""
        back = Errand(self, partial(self._give_back, receipt, call.had))
        if self._threads > 1:
            self.hold(call)
            back.answered = Call(self, lambda _: None, is_anyones=True)
            back.answered.then = lambda _: self.release(call)
        self.submit(back)

    def hold(self, call: Call) -> None:
        """Lets what is called from now on wait for a call that was cancelled (A6)."""
        for loop in list(self._behind):
            if loop.is_closed():  # in the middle of that: nobody there waits any more
                self._behind.pop(loop, None)
        held, waiting = self._behind.get(call.loop, (0, []))
        self._behind[call.loop] = held + 1, waiting

    def release(self, call: Call) -> None:
        """The call is undone: carries out what was called meanwhile, unless there is another one."""
        held, waiting = self._behind.pop(call.loop)
        if held > 1:
            self._behind[call.loop] = held - 1, waiting
        else:
            for each in waiting:
                each.is_away = True
                self._begin(each)

    async def close(self) -> None:
        """Closes the queue, after what was submitted before; what comes later is refused."""
        if self._closing is None or self._closing.loop is not asyncio.get_running_loop():
            self._closing = Call(self, lambda _: None, is_anyones=True)
            self._closing.future.add_done_callback(lambda _: self.stop())
            close = partial(self.submit, Errand(self, self._close, self._closing))
            # One thread closes behind all that. Of several, another one may be giving back then,
            # and may after that be at what has waited for it.
            for _ in range(0 if self._threads == 1 else 2):
                close = partial(self._meet, close)
            self._meet(close)
        closing = self._closing
        await asyncio.shield(closing.future)  # cancelled, it goes on
        if closing.error is not None:
            raise closing.error

    def _meet(self, then: Callable[[], None]) -> None:
        """Goes on once what was submitted is over and told; what comes back is submitted (A5)."""
        met = threading.Barrier(self._threads)
        left = self._threads

        def told(call: Call) -> None:
            nonlocal left
            left -= 1
            if not left:  # behind the tasks that were told before
                call.loop.call_soon(then)

        for _ in range(self._threads):
            call = Call(self, lambda _: None, is_anyones=True)
            call.then = told
            self.submit(Errand(self, met.wait, call))

    def stop(self) -> None:
        """Ends the threads; the next call starts one again."""
        for _ in range(self._running):
            self._inbox.put(None)
        self._running = 0

    def drop(self) -> None:
        """The awaited queue is deleted: the blocking one ends as if it was, too.

        It is kept, for what cancelled gets had taken may still be on its way back (A3).
        """
        self.stop()
        if self._queue is not None and not self.closed:
            self._queue.__del__()

    # -- in the thread ------------------------------------------------------------------------

    def serve(self, batch: list[Call | Errand]) -> dict[asyncio.AbstractEventLoop, list[Call]]:
        """Carries out a batch, and returns what each loop is to be told."""
        sharing: list[Call] = []
        for call in batch:
            if isinstance(call, Errand):
                self._together(sharing)
                call.run()
            elif call.future.done() or (self._queue is None and not self._is_open(call)):  # A2
                continue
            elif call.shares and self._threads == 1:
                sharing.append(call)
            elif call.is_free:
                call.run()
            else:
                self._together(sharing)
                call.run()
        self._together(sharing)
        return self._outcomes(batch)

    def _together(self, calls: list[Call]) -> None:
        if len(calls) == 1:
            calls[0].run()
        elif calls:
            self._queue.together(calls)
        calls.clear()

    def _is_open(self, call: Call) -> bool:
        if self._queue is not None:
            return True
        try:
            with self._opening:
                if self._queue is None:
                    self._queue = self._opened()
        except Exception as error:
            call.fail(error)
            return False
        return True

    def _opened(self) -> Any:
        if self.closed:
            raise QueueClosed(f"{self._where}: the queue was closed; open a new one")
        queue = self._open()
        queue.leaves_receipts = True
        return queue

    def _outcomes(self, batch: list[Call | Errand]) -> dict[asyncio.AbstractEventLoop, list[Call]]:
        """The calls of each loop, which is woken once for all that happened."""
        told: dict[asyncio.AbstractEventLoop, list[Call]] = {}
        calls: list[Call] = []
        loop: asyncio.AbstractEventLoop | None = None
        by_itself = True
        for each in batch:
            call = each if isinstance(each, Call) else each.answered
            if call is None:
                continue
            if call.loop is not loop:
                loop = call.loop
                calls = told.setdefault(loop, [])
            calls.append(call)
            if call.then is None:
                by_itself = False
        if not by_itself and self.settled.waiting:
            self.settled.ring()
        return told

    def take_back(self, calls: list[Call]) -> None:
        """The loop of these calls was closed: nobody waits there for what they have taken."""
        self._behind.pop(calls[0].loop, None)
        for call in calls:
            if call.receipt is not None:
                self._give_back(call.receipt, call.had)

    def _close(self) -> None:
        self.closed = True
        if self._queue is not None:
            self._queue.close()
        if self.settled.waiting:
            self.settled.ring()

    def _give_back(self, receipt: Any, belongings: dict[str, Any]) -> None:
        queue = self._queue
        try:
            try:
                self._return_to(queue, receipt, belongings)
            except QueueClosed:
                # A3: closing has given back what is only lent. What is gone already is put back
                # by another object on the same storage.
                again = self._open()
                if again is queue:  # an adapter knows but one: a copy opens its storage anew
                    again = copy(queue)
                try:
                    self._return_to(again, receipt, {})
                finally:
                    again.close()
        except Exception:
            _LOG.exception("%s: an item that a cancelled get had taken is not back", self._where)

    @staticmethod
    def _return_to(queue: Any, receipt: Any, belongings: dict[str, Any]) -> None:
        begin_for(queue.callers, belongings)
        try:
            queue.give_back(receipt)
        finally:
            end_for(queue.callers, belongings)


class Errand:
    """Something that the worker does for itself, in its turn.

    Attributes:
        worker: None where it has nothing to do with the queue, which may be deleted meanwhile.
        answered: the call that is answered with it.
    """

    __slots__ = ("answered", "work", "worker")

    def __init__(
        self, worker: Worker | None, work: Callable[[], object], answered: Call | None = None
    ) -> None:
        self.worker = worker
        self.work = work
        self.answered = answered

    def run(self) -> None:
        """Does it; what it raises, the answered call has."""
        try:
            self.work()
        except Exception as error:
            if self.answered is None:
                raise
            self.answered.fail(error)


_WORKERS: Final[weakref.WeakSet[Worker]] = weakref.WeakSet()


def _in_child() -> None:
    for worker in list(_WORKERS):
        worker._start()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)


def _clear(known: dict[str, Any], settled: Bell) -> None:
    known.clear()
    if settled.waiting:
        settled.ring()


def _ended(to: weakref.ref[Worker], task: asyncio.Task[Any]) -> None:
    """A task may outlive the queues that it has used, and must not keep them."""
    worker = to()
    if worker is not None:
        worker.forget(task)


def tell_all(calls: list[Call]) -> None:
    """On the loop: each task goes on, unless it does not want to know any more."""
    for call in calls:
        call.is_away = False
        if call.then is not None:
            call.then(call)
        elif not call.future.done():
            call.future.set_result(None)
        else:
            call.give_back()
    # The thread has this list still when the tasks go on.
    calls.clear()


def _tell(told: dict[asyncio.AbstractEventLoop, list[Call]]) -> None:
    """In the thread: wakes each loop once."""
    for loop, calls in told.items():
        try:
            loop.call_soon_threadsafe(tell_all, calls)
        except RuntimeError:
            calls[0].worker.take_back(calls)


def _serve(inbox: SimpleQueue[Call | Errand | None]) -> None:
    """The thread. It knows no worker while there is nothing to do, so that one may be deleted.

    A task that was told goes on at once, and may delete its queue: nothing here keeps that then.
    """
    while True:
        first = inbox.get()
        if first is None:
            return
        worker = first.worker
        if worker is None:
            first.run()
            continue
        batch = [first]
        stops = False
        if worker._threads == 1:
            while len(batch) < BATCH and not inbox.empty():  # nobody else takes from it
                call = inbox.get_nowait()
                if call is None:
                    stops = True
                    break
                batch.append(call)
        told = worker.serve(batch)
        call = None
        del first, batch, worker, call
        _tell(told)
        del told
        if stops:
            return
