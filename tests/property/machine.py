"""Any queue against the model of it, in any order of calls.

What Hypothesis reports on a failure is a script of the calls that led there.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from pq_core.errors import DecodeError, Empty, Full, LeaseLost
from pq_core.message import Message
from pq_core.testing.clock import FakeClock
from pq_core.testing.elsewhere import InThread
from tests.fault.quick import quick_directory
from tests.figures import record
from tests.property.kinds import Backend
from tests.property.model import BAD, DELAYED, OUT, READY, Entry, Model

__all__ = ["OBJECTS", "QueueMachine"]

#: Two objects on one path, of which the rules use either ...
OBJECTS: Final = 2
#: ... each in the thread of the test, or in the other one: caller 2 is object 0 there.
CALLERS: Final = 4
items = st.one_of(
    st.sampled_from([None, 0, 1, "", "a", BAD]),
    st.integers(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.integers(min_value=0, max_value=9000).map(lambda size: b"x" * size),
)
objects = st.integers(min_value=0, max_value=OBJECTS - 1)
callers = st.runner().flatmap(
    lambda machine: st.integers(min_value=0, max_value=machine.caller_count - 1)
)
moments = st.sampled_from([0, 0, 1, 5, 20])


class _InThread:
    """The same object, called by another thread."""

    def __init__(self, thread: InThread, queue: Any) -> None:
        self._thread = thread
        self._queue = queue

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._queue, name)
        return lambda *args, **options: self._thread.call(method, *args, **options)


class QueueMachine(RuleBasedStateMachine):
    """Calls in any order; after each, what the queue shows is what the model holds."""

    backend: ClassVar[Backend]
    #: How many of the callers there are.
    caller_count: ClassVar[int] = CALLERS

    def __init__(self) -> None:
        super().__init__()
        record("scripts")
        self.stack = ExitStack()
        self.directory = self.stack.enter_context(quick_directory())
        self.lives = 0
        self.path: Path = self.directory / "0"
        self.clock = FakeClock()
        self.model = Model(self.backend.kind, self.clock)
        #: By caller.
        self.queues: list[Any] = []
        self.thread = self.stack.enter_context(InThread())
        #: The callers that have got something since their object was opened.
        self.got: set[int] = set()
        self.options: dict[str, Any] = {}
        self.messages: list[tuple[Message[Any], int, int]] = []

    # -- the life of the objects --------------------------------------------------------------

    @initialize(
        maxsize=st.sampled_from([0, 0, 3, 10]),
        chunksize=st.sampled_from([1, 2, 5, 10_000]),
        durability=st.sampled_from(["normal", "normal", "full", "off"]),
        many=st.lists(items, min_size=3, max_size=8),
    )
    def open(self, maxsize: int, chunksize: int, durability: str, many: list[Any]) -> None:
        self.options = {"maxsize": maxsize, "chunksize": chunksize, "durability": durability}
        self.model.maxsize = maxsize
        self._open_all()
        # A queue with something in it, so that short scripts have something to get.
        self.put_many(0, many)

    def _open(self, number: int) -> Any:
        """One of the objects."""
        del number
        return self.backend.open(self.path, self.clock, self.options)

    def _open_all(self) -> None:
        self.queues = [self._open(number) for number in range(OBJECTS)]
        self.queues += [_InThread(self.thread, queue) for queue in self.queues]
        self._tend(0)

    @rule(number=objects)
    def reopen_one(self, number: int) -> None:
        self.queues[number].close()
        self._left([number])
        self._renew(number)
        self._tend(number)

    def _renew(self, number: int) -> None:
        queue = self.queues[number] = self._open(number)
        self.queues[number + OBJECTS] = _InThread(self.thread, queue)

    @rule()
    def reopen_all(self) -> None:
        self._close_all()
        self._left(range(OBJECTS))
        self._open_all()

    def _close_all(self) -> None:
        for queue in self.queues[:OBJECTS]:
            queue.close()

    @precondition(lambda self: self.backend.is_local)
    @rule()
    def crash(self) -> None:
        """The process is killed: what it has written is there, and its locks are not."""
        self.lives += 1
        old, self.path = self.path, self.directory / str(self.lives)
        shutil.copytree(old, self.path)
        self._close_all()
        shutil.rmtree(old)
        self._left(range(OBJECTS))
        self._open_all()

    def _left(self, numbers: Iterable[int]) -> None:
        """These objects are closed."""
        gone = [at for number in numbers for at in (number, number + OBJECTS)]
        self.model.release(gone)
        self.messages = [each for each in self.messages if each[1] not in gone]
        self.got.difference_update(gone)

    # -- putting ------------------------------------------------------------------------------

    @rule(number=callers, item=items, priority=st.integers(min_value=-2, max_value=2))
    def put(self, number: int, item: Any, priority: int) -> None:
        kind, queue = self.model.kind, self.queues[number]
        options: dict[str, Any] = {"block": False}
        if kind.has_priority or kind.is_acked:
            options["priority"] = priority
        else:
            priority = 0
        if not self.model.has_room(1):
            with pytest.raises(Full):
                queue.put(item, **options)
            return
        self.model.put(queue.put(item, **options), item, priority)

    @precondition(lambda self: self.model.kind.is_acked)
    @rule(
        number=callers,
        item=items,
        delay=moments,
        ttl=st.one_of(st.none(), st.sampled_from([1, 5, 20])),
    )
    def put_timed(self, number: int, item: Any, delay: float, ttl: float | None) -> None:
        call: Any = self.queues[number].put
        if not self.model.has_room(1):
            with pytest.raises(Full):
                call(item, block=False, delay=delay, ttl=ttl)
            return
        self.model.put(call(item, block=False, delay=delay, ttl=ttl), item, 0, delay, ttl)

    @rule(number=callers, many=st.lists(items, max_size=8))
    def put_many(self, number: int, many: list[Any]) -> None:
        queue = self.queues[number]
        if many and not self.model.has_room(len(many)):
            # More than maxsize never fit, which is a ValueError.
            with pytest.raises((Full, ValueError)):
                queue.put_many(many, block=False)
            return
        ids = queue.put_many(many, block=False)
        assert len(ids) == len(many)
        for id, item in zip(ids, many, strict=True):
            self.model.put(id, item)

    # -- taking -------------------------------------------------------------------------------

    def _next(self) -> Entry | None:
        ready = self.model.ready()
        return ready[0] if ready else None

    @rule(number=callers)
    def get(self, number: int) -> None:
        self._take(number, self._next(), self.queues[number].get_nowait)

    @precondition(lambda self: self.model.kind.is_acked)
    @rule(number=callers)
    def receive(self, number: int) -> None:
        entry = self._next()
        message = self._take(number, entry, self.queues[number].receive_nowait)
        if message is not None and entry is not None:
            assert (message.id, message.attempts) == (entry.id, entry.attempts)
            self.messages.append((message, number, entry.lease))

    @precondition(lambda self: not self.model.kind.renews_ids and self.model.entries)
    @rule(data=st.data(), number=callers)
    def get_by_id(self, data: Any, number: int) -> None:
        """Any item that is ready, wherever it lies; of any other there is nothing to get."""
        entry = data.draw(st.sampled_from(list(self.model.entries.values())), label="item")
        ready = entry if entry.state == READY else None
        self._take(number, ready, lambda: self.queues[number].get(block=False, id=entry.id))

    def _take(self, number: int, entry: Entry | None, call: Any) -> Any:
        if entry is None:
            with pytest.raises(Empty):
                call()
            return None
        if entry.item == BAD:
            with pytest.raises(DecodeError) as raised:
                call()
            assert raised.value.id == entry.id
            if self.model.kind.is_acked:
                self.model.take(entry, number)
            self.model.bury(entry)
            return None
        got = call()
        assert (got.item if isinstance(got, Message) else got) == entry.item
        self.model.take(entry, number)
        self.got.add(number)
        return got

    @precondition(lambda self: all(entry.item != BAD for entry in self.model.ready()))
    @rule(number=callers, n=st.integers(min_value=1, max_value=8))
    def get_many(self, number: int, n: int) -> None:
        ready = self.model.ready()
        if not ready:
            with pytest.raises(Empty):
                self.queues[number].get_many(n, block=False)
            return
        got = self.queues[number].get_many(n, block=False)
        assert 1 <= len(got) <= n
        assert got == [entry.item for entry in ready[: len(got)]]
        for entry in ready[: len(got)]:
            self.model.take(entry, number)
        self.got.add(number)

    # -- settling -----------------------------------------------------------------------------

    @precondition(lambda self: not self.model.kind.is_acked and not self.model.kind.settles)
    @rule(number=callers)
    def task_done(self, number: int) -> None:
        out = self.model.of(OUT, number)
        if not out and number not in self.got:
            # It may be a worker, to whom another thread has handed what it got.
            other = (number + OBJECTS) % CALLERS
            out = sorted(self.model.of(OUT, other), key=lambda entry: entry.id)[:1]
        if out:
            self.queues[number].task_done()
            for entry in out:
                self.model.settle(entry)

    def _leased(self, data: Any) -> Entry | None:
        out = self.model.of(OUT)
        return data.draw(st.sampled_from(out), label="item") if out else None

    @precondition(lambda self: self.model.kind.is_acked and self.model.of(OUT))
    @rule(data=st.data())
    def ack(self, data: Any) -> None:
        entry = self._leased(data)
        assert entry is not None
        assert entry.owner is not None
        assert self.queues[entry.owner].ack(id=entry.id) == entry.id
        self.model.settle(entry)

    @precondition(lambda self: self.model.kind.is_acked and self.model.of(OUT))
    @rule(data=st.data(), delay=moments)
    def nack(self, data: Any, delay: float) -> None:
        entry = self._leased(data)
        assert entry is not None
        assert entry.owner is not None
        assert self.queues[entry.owner].nack(id=entry.id, delay=delay) == entry.id
        self.model.give_back(entry, delay)
        self._tend(0)

    @precondition(lambda self: self.model.kind.is_acked and self.model.of(OUT))
    @rule(data=st.data())
    def fail(self, data: Any) -> None:
        entry = self._leased(data)
        assert entry is not None
        assert entry.owner is not None
        assert self.queues[entry.owner].ack_failed(id=entry.id, reason="refused") == entry.id
        self.model.bury(entry)

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), way=st.sampled_from(["ack", "nack", "fail", "extend"]))
    def settle_message(self, data: Any, way: str) -> None:
        """A message is settled in any way, maybe long after its lease has ended."""
        at = data.draw(st.integers(min_value=0, max_value=len(self.messages) - 1), label="message")
        message, number, lease = self.messages[at]
        call = (lambda: message.extend(10)) if way == "extend" else getattr(message, way)
        entry = self.model.entries.get(message.id)
        is_leased = (
            entry is not None
            and entry.state == OUT
            and (entry.owner, entry.lease) == (number, lease)
        )
        if way != "extend":
            self.messages.pop(at)
        if entry is None or not is_leased:
            with pytest.raises(LeaseLost):
                call()
        else:
            call()
            if way == "ack":
                self.model.settle(entry)
            elif way == "nack":
                self.model.give_back(entry)
                self._tend(0)
            elif way == "fail":
                self.model.bury(entry)
            else:
                entry.due = self.clock() + 10

    # -- everything else ----------------------------------------------------------------------

    @precondition(lambda self: self.model.kind.is_acked)
    @rule(number=callers, seconds=st.sampled_from([1, 4, 11, 30]))
    def time_passes(self, number: int, seconds: float) -> None:
        self.clock.advance(seconds)
        self._tend(number)

    def _tend(self, number: int) -> None:
        """What is due happens: items become visible, leases end, and what came back too late goes.

        A queue does that when it is next asked for an item. Here it does so at once, so that the
        model need not know when that is.
        """
        if self.model.kind.is_acked:
            self.model.tend()
            self.backend.tend(self.queues[number % OBJECTS])

    @rule(number=callers)
    def clear(self, number: int) -> None:
        assert self.queues[number].clear() == self.model.clear()

    @rule(number=callers)
    def redrive(self, number: int) -> None:
        assert [letter.id for letter in self.queues[number].dead_letters()] == [
            entry.id for entry in self.model.dead()
        ]
        self.queues[number].redrive()
        self.model.redrive()

    @precondition(
        lambda self: (
            hasattr(self.queues[0], "update")
            and not self.model.kind.is_unique
            and self.model.ready()
        )
    )
    @rule(data=st.data(), number=callers, item=items)
    def update(self, data: Any, number: int, item: Any) -> None:
        entry = data.draw(st.sampled_from(self.model.ready()), label="item")
        assert self.queues[number].update(item, entry.id) == entry.id
        entry.item = item

    @precondition(lambda self: self.backend.is_local)
    @rule(number=callers)
    def verify(self, number: int) -> None:
        is_bad = any(entry.item == BAD for entry in self.model.entries.values())
        assert is_bad or self.queues[number].verify() == []

    @rule(number=callers)
    def look(self, number: int) -> None:
        queue, ready = self.queues[number], self.model.ready()
        if ready and all(entry.item != BAD for entry in ready):
            assert queue.peek() == ready[0].item
            assert list(queue.browse()) == [entry.item for entry in ready]
        if not ready:
            with pytest.raises(Empty):
                queue.peek()
        stats = queue.stats()
        assert (stats.ready, stats.leased, stats.delayed, stats.dead) == (
            len(ready),
            len(self.model.of(OUT)),
            len(self.model.of(DELAYED)),
            len(self.model.dead()),
        )

    @invariant()
    def sizes_are_those_of_the_model(self) -> None:
        for queue in self.queues[:OBJECTS]:
            assert queue.qsize() == len(self.model.ready())
            assert queue.full() == (not self.model.has_room(1))

    def teardown(self) -> None:
        try:
            if self.queues:
                self.reopen_all()
                left = []
                while not self.queues[0].empty():
                    try:
                        left.append(self.queues[0].get_nowait())
                    except DecodeError:
                        left.append(BAD)
                assert left == [entry.item for entry in self.model.ready()]
                self.reopen_all()
                is_bad = any(entry.item == BAD for entry in self.model.of(DELAYED))
                assert is_bad or not self.backend.is_local or self.queues[0].verify() == []
        finally:
            self._close_all()
            self.stack.close()
