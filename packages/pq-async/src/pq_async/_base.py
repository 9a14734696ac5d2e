"""What all awaited queues have: every method hands one call to the worker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from inspect import cleandoc
from itertools import islice
from operator import attrgetter, methodcaller
from types import FunctionType, TracebackType
from typing import Any, Final, Generic, TypeVar

from pq_async._call import Call
from pq_async._line import is_missing
from pq_async._property import Later
from pq_async._worker import Worker
from pq_core.callers import GET, PUT
from pq_core.errors import Empty
from pq_core.protocols import Damage, DeadLetter, Stats
from pq_core.waiting import Deadline

__all__ = ["GET_NOW", "AwaitedQueue"]

T = TypeVar("T")
R = TypeVar("R")
Self = TypeVar("Self", bound="AwaitedQueue[Any]")

#: How many items browse() reads in one hop.
PAGE: Final = 64
_FOREVER: Final = Deadline()
#: The get that does not wait. One for all: making it anew costs half a microsecond.
GET_NOW: Final = methodcaller(GET, block=False)


class AwaitedQueue(Generic[T]):
    """See the classes of this wheel; this one is not used by itself.

    The constructor opens nothing and needs no event loop; the first call that is awaited, or
    ``async with``, opens the storage.

    Args:
        worker: carries out the calls.
        arguments: of the constructor, to open the queue again in another process.
        maxsize: how many items may be ready; 0 or less: any number.
    """

    def __init__(self, worker: Worker, arguments: dict[str, Any], maxsize: int) -> None:
        self._worker = worker
        self._arguments = arguments
        self._maxsize = maxsize

    def __init_subclass__(cls, twin: type | None = None, **kwargs: Any) -> None:
        """Has each method say what that of the blocking twin says, too."""
        super().__init_subclass__(**kwargs)
        if twin is None:
            return
        for name in dir(twin):
            method = getattr(cls, name, None)
            if name.startswith("_") or not isinstance(method, FunctionType):
                continue
            own, told = cleandoc(method.__doc__ or ""), cleandoc(getattr(twin, name).__doc__ or "")
            if told in own:
                continue
            copy = FunctionType(
                method.__code__, method.__globals__, name, method.__defaults__, method.__closure__
            )
            copy.__kwdefaults__ = method.__kwdefaults__
            copy.__annotations__ = method.__annotations__
            copy.__qualname__ = f"{cls.__name__}.{name}"
            copy.__module__ = cls.__module__
            copy.__doc__ = f"{own}\n\nAs its blocking twin:\n\n{told}"
            setattr(cls, name, copy)

    # -- calls --------------------------------------------------------------------------------

    def _ask(
        self, work: Callable[[Any], Any], *, shares: bool = False, takes: bool = False
    ) -> Awaitable[Any]:
        """What a call returns that does not wait."""
        return self._worker.ask(work, shares=shares, is_anyones=not takes)

    async def _until(
        self,
        block: bool,
        timeout: float | None,
        bell: str,
        kind: str | None,
        name: str,
        *args: Any,
        **options: Any,
    ) -> Any:
        """What a call returns once it finds something.

        Args:
            block: try it again.
            timeout: for so many seconds; None: for ever.
            bell: the attribute of the blocking queue that rings when it may find something.
            kind: as for `Call`.
            name: of the blocking queue's method; it raises Empty or Full where it finds nothing.
            args: of the method.
            options: of the method.
        """
        deadline = _FOREVER if block and timeout is None else Deadline(block, timeout)
        worker = self._worker
        is_put = bell == "room_bell"
        shape, item = None, None
        if name == GET and not options:
            shape, work = GET, GET_NOW
        else:
            work = methodcaller(name, *args, block=False, **options)
            if name == PUT and len(args) == 1 and not options:
                shape, item = PUT, args[0]
        call = Call(worker, work, True, False, is_put, kind, shape=shape, item=item)
        worker.submit(call)
        # As call.outcome(), in line: a coroutine more costs a twentieth of a put.
        try:
            await call.future
        except BaseException:
            call.abandon()
            raise
        if call.error is None:
            return call.result
        if deadline.remaining() == 0.0 or not is_missing(call.error):
            return await call.outcome()
        call.error = None
        work = methodcaller(name, *args, block=True, timeout=0, **options)
        call = Call(worker, work, True, False, is_put, kind, shape=shape, item=item)
        return await worker.line(getattr(worker.queue, bell)).wait(call, deadline)

    async def run(self, function: Callable[[Any], R]) -> R:
        """What a function returns that is given the blocking queue, in the worker's thread.

        For what has no awaited twin, such as a transaction in SQLite. Nothing in it may wait for
        an item or for room; other calls wait until it is over. Cancelled, it goes on all the
        same, and what it returns is lost.

        Args:
            function: is called with the blocking twin.
        """
        return await self._worker.run(function)

    # -- put and get --------------------------------------------------------------------------

    async def put_many(
        self, items: Iterable[T], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        """Stores items, all or none. Cancelled, all are in the queue or none is."""
        items = list(items)
        ids: list[int] = await self._until(block, timeout, "room_bell", None, "put_many", items)
        return ids

    async def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[T]:
        """Takes the next 1 to `n` items. Cancelled, it takes nothing."""
        items: list[T] = await self._until(block, timeout, "items_bell", "get", "get_many", n)
        return items

    # -- looking ------------------------------------------------------------------------------

    async def peek(self) -> T:
        """The item that the next get would take, left in its place."""
        item: T = await self._ask(methodcaller("peek"))
        return item

    async def browse(self) -> AsyncIterator[T]:
        """The ready items in order, left in their places; ``async for`` goes over them."""
        items = await self._ask(methodcaller("browse"))
        page: list[T] = []
        error: Exception | None = None
        while error is None:
            page, error = await self._ask(lambda _: _page(items))
            for item in page:
                yield item
            if len(page) < PAGE:
                break
        if error is not None:
            raise error

    def __aiter__(self) -> AsyncIterator[T]:
        """The same as `browse()`: it takes nothing."""
        return self.browse()

    async def qsize(self) -> int:
        """How many items are ready."""
        size: int = await self._ask(methodcaller("qsize"))
        return size

    @property
    def size(self) -> Awaitable[int]:
        """How many items are ready: ``await queue.size``."""
        return Later(self.qsize)

    def _property(self, name: str) -> Awaitable[Any]:
        return Later(lambda: self._ask(attrgetter(name)))

    async def empty(self) -> bool:
        """Whether no item is ready."""
        is_empty: bool = await self._ask(methodcaller("empty"))
        return is_empty

    async def full(self) -> bool:
        """Whether a put would have to wait for room."""
        is_full: bool = await self._ask(methodcaller("full"))
        return is_full

    @property
    def maxsize(self) -> int:
        """How many items may be ready; 0 or less: any number."""
        return self._maxsize

    async def stats(self) -> Stats:
        """What the queue holds, from one snapshot."""
        stats: Stats = await self._ask(methodcaller("stats"))
        return stats

    # -- changing -----------------------------------------------------------------------------

    async def clear(self) -> int:
        """Removes all ready items; how many."""
        count: int = await self._ask(methodcaller("clear"))
        return count

    async def dead_letters(self) -> list[DeadLetter]:
        """The items that were given up, oldest first."""
        letters: list[DeadLetter] = await self._ask(methodcaller("dead_letters"))
        return letters

    async def redrive(self, ids: Iterable[int] | None = None) -> int:
        """Puts dead letters back; how many."""
        ids = None if ids is None else list(ids)
        count: int = await self._ask(methodcaller("redrive", ids))
        return count

    async def verify(self) -> list[Damage]:
        """Everything that is damaged; changes nothing. Other calls wait meanwhile."""
        found: list[Damage] = await self._ask(methodcaller("verify"))
        return found

    async def repair(self) -> list[Damage]:
        """Sets aside what is damaged; what that was. Other calls wait meanwhile."""
        found: list[Damage] = await self._ask(methodcaller("repair"))
        return found

    # -- the object ---------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._worker.closed

    async def join(self) -> None:
        """Waits until everything that was put is settled."""
        worker = self._worker
        if not await self._ask(methodcaller("finished"), takes=True):
            await worker.line(worker.settled).wait(Call(worker, _finished), _FOREVER)

    async def close(self) -> None:
        """Frees everything, after the calls that were made before it. Cancelled, it goes on."""
        if not self._worker.closed:
            await self._worker.close()

    async def __aenter__(self: Self) -> Self:
        await self._ask(bool)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __del__(self) -> None:
        # The constructor may have failed, and at the end of the interpreter anything may be gone.
        with suppress(Exception):
            self._worker.drop()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._arguments.get("path") == ":memory:":
            raise TypeError("a queue in memory cannot be pickled; give it a path")
        return _reopened, (type(self), self._arguments)

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"<{type(self).__name__} {str(self._arguments.get('path'))!r}{state}>"


def _finished(queue: Any) -> None:
    if not queue.finished():
        raise Empty("not everything is settled")


def _page(items: Iterator[Any]) -> tuple[list[Any], Exception | None]:
    """Some of the items, and the error that ends them."""
    page: list[Any] = []
    try:
        page.extend(islice(items, PAGE))
    except Exception as error:
        return page, error
    return page, None


def _reopened(cls: type[Any], arguments: dict[str, Any]) -> Any:
    """A queue on the same storage as one that was pickled."""
    return cls(**arguments)
