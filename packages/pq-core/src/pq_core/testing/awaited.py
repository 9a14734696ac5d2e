"""An async queue that looks like a synchronous one, so that one contract holds for both.

The queue lives on the event loop of a thread of its own. Each thread that calls it has a task
there which does its calls one after another, and ends with the thread: what the async queue
promises to a task, the contract sees kept to a thread.

::

    class TestMyAsyncQueue(QueueContract):
        def open(self, where, **options):
            return Awaited(MyAsyncQueue, where, **options)
"""

from __future__ import annotations

import asyncio
import os
import threading
import weakref
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future
from typing import Any, Final

from pq_core.forking import renew_in_child
from pq_core.message import Message

__all__ = ["Awaited", "AwaitedAck"]

_Step = tuple[Callable[[], Awaitable[Any]], "Future[Any]"]


class _Loop:
    """An event loop that runs on a daemon thread for as long as the process does."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()


class _Loops:
    """The loop of this process: a forked child has no thread of its parent's."""

    def __init__(self) -> None:
        self._all: list[_Loop] = []
        self._mutex = threading.Lock()
        renew_in_child(self)

    def here(self) -> _Loop:
        with self._mutex:
            if not self._all or self._all[-1].pid != os.getpid():
                self._all.append(_Loop())  # the parent's must not be closed here
            return self._all[-1]


class _Caller:
    """Lives as long as the thread that has it in its local storage; owns that thread's task."""

    __slots__ = ("__weakref__", "steps")

    def __init__(self, loop: asyncio.AbstractEventLoop, steps: asyncio.Queue[_Step | None]) -> None:
        self.steps = steps
        ending = weakref.finalize(self, loop.call_soon_threadsafe, steps.put_nowait, None)
        # At exit the loop is gone, and the task with it.
        ending.atexit = False  # type: ignore[misc]


class _Method:
    """A method of the async queue, called as if it were synchronous."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, awaited: Awaited | None, owner: type) -> Any:
        if awaited is None:
            return self
        method = getattr(awaited.queue, self._name)
        return lambda *args, **kwargs: awaited.wait(lambda: method(*args, **kwargs))


class Awaited:
    """A synchronous façade of an async queue; every method waits for the async one.

    Args:
        make: makes the async queue: its class.
        args: handed to it.
        kwargs: handed to it.

    Attributes:
        queue: the async queue.
    """

    _loops: Final = _Loops()

    put = _Method()
    put_nowait = _Method()
    put_many = _Method()
    get = _Method()
    get_nowait = _Method()
    get_many = _Method()
    task_done = _Method()
    join = _Method()
    peek = _Method()
    clear = _Method()
    qsize = _Method()
    empty = _Method()
    full = _Method()
    stats = _Method()
    dead_letters = _Method()
    redrive = _Method()
    verify = _Method()
    repair = _Method()
    close = _Method()

    def __init__(self, make: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self._local = threading.local()

        async def build() -> Any:
            return make(*args, **kwargs)

        self.queue: Any = self._loop.run(build())

    @property
    def _loop(self) -> _Loop:
        return self._loops.here()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return bool(self.queue.closed)

    @property
    def maxsize(self) -> int:
        """How many items it may hold; 0 or less: any number."""
        return int(self.queue.maxsize)

    @property
    def size(self) -> int:
        """The same as `qsize()`."""
        return int(self.qsize())

    def browse(self) -> Iterator[Any]:
        """The ready items in order, left in their places."""
        items = self.queue.browse().__aiter__()
        end = object()
        while (item := self.wait(lambda: anext(items, end))) is not end:
            yield item

    def wait(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """The result of awaiting what `step` returns, in the calling thread's task."""
        loop = self._loop
        if getattr(self._local, "loop", None) is not loop:
            self._local.loop = loop
            steps: asyncio.Queue[_Step | None] = asyncio.Queue()
            self._local.caller = _Caller(loop.loop, steps)
            self._local.task = asyncio.run_coroutine_threadsafe(_obey(steps), loop.loop)
        future: Future[Any] = Future()
        loop.loop.call_soon_threadsafe(self._local.caller.steps.put_nowait, (step, future))
        return future.result()

    def __len__(self) -> int:
        return self.size

    def __enter__(self) -> Awaited:
        self.wait(self.queue.__aenter__)
        return self

    def __exit__(self, *error: Any) -> None:
        self.wait(lambda: self.queue.__aexit__(*error))

    def __getattr__(self, name: str) -> Any:
        """Methods that only some queues have, such as `verify` or `ack`."""
        if name.startswith("_") or name == "queue":
            raise AttributeError(name)
        method = getattr(self.queue, name)
        return lambda *args, **kwargs: self.wait(lambda: method(*args, **kwargs))

    def __repr__(self) -> str:
        return f"<Awaited {self.queue!r}>"

    def __reduce__(self) -> Any:
        return type(self), (_itself, self.queue)


class AwaitedAck(Awaited):
    """The same for an async ack queue, whose messages are awaited too."""

    receive = _Method()
    receive_nowait = _Method()

    def wait(self, step: Callable[[], Awaitable[Any]]) -> Any:
        """As in `Awaited`; a message looks like a blocking one."""
        found = super().wait(step)
        if not hasattr(found, "enqueued_at"):
            return found
        return Message(
            found.item,
            id=found.id,
            attempts=found.attempts,
            enqueued_at=found.enqueued_at,
            settler=_Settler(super().wait, found),
            token=None,
        )


class _Settler:
    """Settles a message that is awaited; see `pq_core.message.Settler`."""

    def __init__(self, wait: Callable[[Callable[[], Awaitable[Any]]], Any], message: Any) -> None:
        self._wait = wait
        self._message = message

    def ack(self, id: int, token: None, /) -> None:
        del id, token
        self._wait(self._message.ack)

    def nack(self, id: int, token: None, delay: float, /) -> None:
        del id, token
        self._wait(lambda: self._message.nack(delay))

    def fail(self, id: int, token: None, reason: str, /) -> None:
        del id, token
        self._wait(lambda: self._message.fail(reason))

    def extend(self, id: int, token: None, seconds: float, /) -> None:
        del id, token
        self._wait(lambda: self._message.extend(seconds))


def _itself(queue: Any) -> Any:
    return queue


async def _obey(steps: asyncio.Queue[_Step | None]) -> None:
    """One caller's task."""
    while (order := await steps.get()) is not None:
        step, future = order
        result: Any = None
        failure: BaseException | None = None
        try:
            result = await step()
        except BaseException as error:
            failure = error
        # Neither the queue nor what a call returned must live longer than its caller wants.
        del order, step
        if failure is None:
            future.set_result(result)
        else:
            future.set_exception(failure)
        del future, result, failure
