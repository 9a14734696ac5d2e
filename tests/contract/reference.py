"""Queues in memory, as small as the contract allows, and ones that break it in one place each.

They show that the contract can be met, and that it notices when it is not. A storage outlives
the objects that use it, as a directory does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, ClassVar

from pq_core.errors import DecodeError, Empty, Full, QueueClosed
from pq_core.protocols import (
    AnySerializer,
    DeadLetter,
    Durability,
    Stats,
    check_durability,
)
from pq_core.serializers import codec
from pq_core.waiting import Deadline

#: On whose behalf a worker thread acts, where it is not its own.
acting: ContextVar[object] = ContextVar("acting")


class Storage:
    """What a directory would hold, and the bell of all who use it."""

    def __init__(self) -> None:
        self.changed = threading.Condition(threading.RLock())
        self.last = 0
        self.ready: dict[int, bytes] = {}
        self.out: dict[int, tuple[bytes, Reference, object]] = {}
        self.dead: dict[int, DeadLetter] = {}


STORAGES: dict[str, Storage] = {}


class Reference:
    """A FIFO queue, whose get settles if `autosave` is true."""

    #: Where the next item is among the ready ids.
    end: ClassVar[Callable[[Iterable[int]], int]] = min

    def __init__(
        self,
        where: object,
        maxsize: int = 0,
        serializer: AnySerializer = "pickle",
        autosave: bool = False,
        *,
        durability: Durability = "normal",
    ) -> None:
        self.maxsize = maxsize
        self.closed = False
        self._where = where
        self._options: dict[str, Any] = {
            "maxsize": maxsize,
            "serializer": serializer,
            "autosave": autosave,
            "durability": durability,
        }
        self._settles = autosave
        self._codec = codec(serializer)
        self._open = 0  # how many task_done may still be said
        self._getters: set[object] = set()
        self._working: set[object] = set()  # who has what was settled when it was got
        check_durability(durability)
        self._storage = STORAGES.setdefault(str(where), Storage())
        self._on_open()

    # What a mutant gets wrong -------------------------------------------------------------------

    def _on_open(self) -> None:
        """Called when an object was made."""

    def _next_id(self) -> int:
        return self._storage.last + 1

    def _put(self, id: int, data: bytes) -> None:
        self._storage.ready[id] = data

    def _take(self) -> int:
        return type(self).end(self._storage.ready)

    def _drop(self, id: int) -> bytes:
        return self._storage.ready.pop(id)

    def _ring(self) -> None:
        self._storage.changed.notify_all()

    def _deadline(self, block: bool, timeout: float | None) -> Deadline:
        return Deadline(block, timeout)

    def _mine(self, me: object) -> list[int]:
        """The ids that a task_done of `me` settles."""
        out = self._storage.out
        mine = [id for id, (_, _, owner) in out.items() if owner == me]
        return mine if me in self._getters else sorted(out)[:1]

    def _give_back(self) -> None:
        """Makes what this object has out ready again."""
        for id, (data, taker, _) in list(self._storage.out.items()):
            if taker is self:
                self._storage.ready[id] = data
                del self._storage.out[id]

    def _bury(self, id: int, data: bytes, error: Exception) -> DecodeError:
        failure = self._codec.decode_error(error, id=id)
        self._storage.dead[id] = DeadLetter(id, str(failure), data)
        self._storage.out.pop(id, None)
        return failure

    def _room(self, count: int) -> bool:
        return self.maxsize <= 0 or len(self._storage.ready) + count <= self.maxsize

    # What a queue does --------------------------------------------------------------------------

    def _wait_for(self, look: Callable[[], Any], deadline: Deadline) -> Any:
        with self._storage.changed:
            while True:
                self._check()
                found = look()
                remaining = deadline.remaining()
                if found is not None or remaining == 0:
                    return found
                self._storage.changed.wait(remaining)

    def _check(self) -> None:
        if self.closed:
            raise QueueClosed("the queue is closed")

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> int:
        return self.put_many([item], block, timeout)[0]

    def put_nowait(self, item: Any) -> int:
        return self.put(item, block=False)

    def put_many(
        self, items: Iterable[Any], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        deadline = self._deadline(block, timeout)
        datas = [self._codec.encode(item) for item in items]

        def look() -> list[int] | None:
            if not self._room(len(datas)):
                return None
            ids = []
            for data in datas:
                self._storage.last = self._next_id()
                ids.append(self._storage.last)
                self._put(ids[-1], data)
            self._ring()
            return ids

        ids: list[int] | None = self._wait_for(look, deadline)
        if ids is None:
            raise Full("no room")
        return ids

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        return self.get_many(1, block, timeout)[0]

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[Any]:
        deadline = self._deadline(block, timeout)
        items: list[Any] = []
        me = acting.get(None) or threading.current_thread()
        with self._storage.changed:
            self._working.discard(me)
            self._ring()

        def look() -> list[Any] | None:
            while self._storage.ready and len(items) < n:
                id = self._take()
                data = self._drop(id)
                self._getters.add(me)
                self._ring()
                try:
                    items.append(self._codec.decode(data))
                except DecodeError as error:
                    failure = self._bury(id, data, error)
                    if items:
                        break
                    raise failure from error
                self._open += 1
                if self._settles:
                    self._working.add(me)
                else:
                    self._storage.out[id] = data, self, me
            return items or None

        if self._wait_for(look, deadline) is None:
            raise Empty("nothing is ready")
        return items

    def task_done(self) -> None:
        me = acting.get(None) or threading.current_thread()
        with self._storage.changed:
            self._check()
            if self._open == 0:
                raise ValueError("task_done() was called too often")
            self._open -= 1
            self._working.discard(me)
            for id in self._mine(me):
                del self._storage.out[id]
            self._ring()

    def join(self) -> None:
        me = acting.get(None) or threading.current_thread()

        def look() -> bool | None:
            here = self._storage
            return None if here.ready or here.out or self._working - {me} else True

        self._wait_for(look, Deadline())

    def peek(self) -> Any:
        for item in self.browse():
            return item
        raise Empty("nothing is ready")

    def browse(self) -> Iterator[Any]:
        self._check()
        with self._storage.changed:
            ready = dict(self._storage.ready)
        while ready:
            yield self._codec.decode(ready.pop(type(self).end(ready)))

    def clear(self) -> int:
        with self._storage.changed:
            self._check()
            count = len(self._storage.ready)
            self._storage.ready.clear()
            self._ring()
            return count

    def qsize(self) -> int:
        self._check()
        return len(self._storage.ready)

    @property
    def size(self) -> int:
        return self.qsize()

    def __len__(self) -> int:
        return self.qsize()

    def empty(self) -> bool:
        return self.qsize() == 0

    def full(self) -> bool:
        return not self._room(1)

    def stats(self) -> Stats:
        with self._storage.changed:
            self._check()
            here = self._storage
            size = sum(map(len, here.ready.values()))
            return Stats(len(here.ready), 0, len(here.out), len(here.dead), size, None)

    def dead_letters(self) -> list[DeadLetter]:
        self._check()
        return list(self._storage.dead.values())

    def redrive(self, ids: Iterable[int] | None = None) -> int:
        with self._storage.changed:
            self._check()
            wanted = self._storage.dead.keys() & set(self._storage.dead if ids is None else ids)
            for id in sorted(wanted):
                self._storage.ready[id] = self._storage.dead.pop(id).data
            self._ring()
            return len(wanted)

    def close(self) -> None:
        with self._storage.changed:
            if not self.closed:
                self.closed = True
                self._give_back()
            self._ring()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __reduce__(self) -> Any:
        return _open_again, (type(self), self._where, self._options)


def _open_again(kind: type[Reference], where: object, options: dict[str, Any]) -> Any:
    return kind(where, **options)


class LastInFirstOut(Reference):
    """The item that was put last comes first."""

    end: ClassVar[Callable[[Iterable[int]], int]] = max


# -- mutants: each breaks one promise ------------------------------------------------------------


class ForgetsOnOpen(Reference):
    """A second opener starts with an empty storage."""

    def _on_open(self) -> None:
        self._storage.ready.clear()


class ForgetsOnClose(Reference):
    """What was out when it was closed is gone."""

    def _give_back(self) -> None:
        for id, (_, taker, _) in list(self._storage.out.items()):
            if taker is self:
                del self._storage.out[id]


class StealsOnOpen(Reference):
    """Opening resets what others have out."""

    def _on_open(self) -> None:
        for id, (data, _, _) in self._storage.out.items():
            self._storage.ready[id] = data


class DeliversTwice(Reference):
    """Looks at the item and takes it in two steps."""

    def _drop(self, id: int) -> bytes:
        data = self._storage.ready[id]
        # Waiting lets others in.
        self._storage.changed.wait(0.001)
        self._storage.ready.pop(id, None)
        return data


class LosesWakeUps(Reference):
    """Tells nobody that something was put."""

    def _ring(self) -> None:
        """Nobody is told."""


class WakesLate(Reference):
    """Looks only every now and then whether there is something."""

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[Any]:
        deadline = self._deadline(block, timeout)
        while True:
            try:
                return super().get_many(n, block=False)
            except Empty:
                remaining = deadline.remaining()
                if remaining == 0.0:
                    raise
            threading.Event().wait(0.15 if remaining is None else min(0.15, remaining))


class DropsNone(Reference):
    """Takes None for "nothing there"."""

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[Any]:
        items = super().get_many(n, block, timeout)
        if items == [None]:
            raise Empty("nothing is ready")
        return items


class WrongOrder(LastInFirstOut):
    """Says that it is a FIFO queue."""


class TakesNegativeTimeouts(Reference):
    """A negative timeout is none at all."""

    def _deadline(self, block: bool, timeout: float | None) -> Deadline:
        return Deadline(block, timeout and max(0, timeout))


class SettlesForOthers(Reference):
    """A task_done settles whatever is out."""

    def _mine(self, me: object) -> list[int]:  # noqa: ARG002
        return list(self._storage.out)


class SettlesTheOldest(Reference):
    """A task_done settles the oldest item, whoever got it."""

    def _mine(self, me: object) -> list[int]:  # noqa: ARG002
        return sorted(self._storage.out)[:1]


class SettlesNothingForHelpers(Reference):
    """A thread that got nothing settles nothing."""

    def _mine(self, me: object) -> list[int]:
        return super()._mine(me) if me in self._getters else []


class TakesAnyTaskDone(Reference):
    """A task_done too many goes unnoticed."""

    def task_done(self) -> None:
        self._open = max(self._open, 1)
        super().task_done()


class UsesIdsAgain(Reference):
    """Counts ids by what is there."""

    def _next_id(self) -> int:
        return max(self._storage.ready, default=0) + 1


class PutsHalf(Reference):
    """put_many puts one item after another."""

    def put_many(
        self, items: Iterable[Any], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        return [super(PutsHalf, self).put_many([item], block, timeout)[0] for item in items]


class BlocksForEver(Reference):
    """An item that cannot be read stays where it is."""

    def _bury(self, id: int, data: bytes, error: Exception) -> DecodeError:
        self._storage.ready[id] = data
        return self._codec.decode_error(error, id=id)


class NamesNoId(Reference):
    """A DecodeError does not say which item it was."""

    def _bury(self, id: int, data: bytes, error: Exception) -> DecodeError:
        super()._bury(id, data, error)
        return self._codec.decode_error(error)


class ShowsItems(Reference):
    """Quotes the item that it could not read."""

    def _bury(self, id: int, data: bytes, error: Exception) -> DecodeError:
        super()._bury(id, data, error)
        return DecodeError(f"item {id} cannot be read: {data!r}", id=id)


class PeekTakes(Reference):
    """peek is a get."""

    def peek(self) -> Any:
        return self.get_nowait()


class IgnoresItsLimit(Reference):
    """There is always room."""

    def _room(self, count: int) -> bool:  # noqa: ARG002
        return True


class CloseLeavesWaiters(Reference):
    """close tells nobody."""

    def close(self) -> None:
        ring, self._ring = self._ring, lambda: None  # type: ignore[method-assign]
        super().close()
        del ring


class JoinReturnsEarly(Reference):
    """join waits until everything was got, not until it was settled."""

    def join(self) -> None:
        self._wait_for(lambda: None if self._storage.ready else True, Deadline())


class CountsWhatIsOut(Reference):
    """qsize counts items that nobody can get."""

    def qsize(self) -> int:
        return super().qsize() + len(self._storage.out)


class ClearTakesAll(Reference):
    """clear removes what others work on."""

    def clear(self) -> int:
        self._storage.out.clear()
        return super().clear()


#: Which promise each mutant breaks: the test that has to fail on it.
MUTANTS: dict[type[Reference], str] = {
    ForgetsOnOpen: "test_items_come_in_order_after_reopening",
    ForgetsOnClose: "test_what_was_not_settled_comes_again",
    StealsOnOpen: "test_a_second_opener_takes_nothing_from_the_first",
    DeliversTwice: "test_many_threads",
    LosesWakeUps: "test_a_blocked_get_is_woken_by_a_put",
    WakesLate: "test_a_wake_up_is_fast",
    DropsNone: "test_an_empty_value_is_an_item",
    WrongOrder: "test_items_come_in_order",
    TakesNegativeTimeouts: "test_a_negative_timeout",
    SettlesForOthers: "test_task_done_leaves_the_items_of_other_threads",
    SettlesTheOldest: "test_a_thread_with_older_items_leaves_the_newer_of_others",
    SettlesNothingForHelpers: "test_a_thread_that_got_nothing_settles_the_oldest",
    TakesAnyTaskDone: "test_task_done_too_often",
    UsesIdsAgain: "test_ids_rise_for_ever",
    PutsHalf: "test_put_many_puts_all_or_none",
    BlocksForEver: "test_an_item_that_cannot_be_read_back",
    NamesNoId: "test_an_item_that_cannot_be_read_back",
    ShowsItems: "test_no_error_shows_an_item",
    PeekTakes: "test_peek_takes_nothing",
    IgnoresItsLimit: "test_put_waits_for_room",
    CloseLeavesWaiters: "test_close_wakes_a_blocked_get",
    JoinReturnsEarly: "test_join_waits_until_all_is_settled",
    CountsWhatIsOut: "test_sizes_agree",
    ClearTakesAll: "test_clear_leaves_what_is_out",
}


# -- the same, awaited ---------------------------------------------------------------------------


class AsyncReference:
    """`Reference` for asyncio: every call on a worker thread, on behalf of the calling task."""

    def __init__(self, where: object, **options: Any) -> None:
        self._queue = Reference(where, **options)

    @property
    def closed(self) -> bool:
        return self._queue.closed

    @property
    def maxsize(self) -> int:
        return self._queue.maxsize

    async def __aenter__(self) -> AsyncReference:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    async def browse(self) -> AsyncIterator[Any]:
        for item in self._queue.browse():
            yield item

    async def close(self) -> None:
        self._queue.close()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._queue, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            acting.set(asyncio.current_task())
            return await asyncio.to_thread(method, *args, **kwargs)

        return call

    def __reduce__(self) -> Any:
        return _awaited_again, (self._queue,)


def _awaited_again(queue: Reference) -> AsyncReference:
    again = AsyncReference.__new__(AsyncReference)
    again._queue = queue
    return again
