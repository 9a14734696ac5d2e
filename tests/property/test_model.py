"""The file queue against a plain Python model of it, in any order of calls.

What Hypothesis reports on a failure is a script of the calls that led there.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pq_core.errors import Empty, Full
from pq_file import Queue

#: Two objects on one path, of which the rules use either.
OBJECTS: Final = 2
items = st.one_of(
    st.none(),
    st.integers(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.integers(), max_size=3),
    st.integers(min_value=0, max_value=9000).map(lambda size: b"x" * size),
)
objects = st.integers(min_value=0, max_value=OBJECTS - 1)


class Model:
    """What the queue should hold: items by id, in order."""

    def __init__(self) -> None:
        self.ready: deque[tuple[int, Any]] = deque()
        #: What each object has out.
        self.out: list[list[tuple[int, Any]]] = [[] for _ in range(OBJECTS)]
        self.last = 0

    def give_back(self, number: int) -> None:
        self.ready = deque(sorted([*self.ready, *self.out[number]], key=lambda entry: entry[0]))
        self.out[number] = []


class FileQueueMachine(RuleBasedStateMachine):
    """Calls in any order; after each, what the queue shows is what the model holds."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = Path(tempfile.mkdtemp(prefix="model-"))
        self.path = self.directory / "queue"
        self.model = Model()
        self.queues: list[Queue[Any]] = []
        self.options: dict[str, Any] = {}

    @initialize(
        maxsize=st.sampled_from([0, 0, 3, 10]),
        chunksize=st.sampled_from([1, 2, 5, 10_000]),
        autosave=st.booleans(),
        durability=st.sampled_from(["normal", "normal", "full", "off"]),
    )
    def open(self, maxsize: int, chunksize: int, autosave: bool, durability: str) -> None:
        self.options = {
            "maxsize": maxsize,
            "chunksize": chunksize,
            "autosave": autosave,
            "durability": durability,
        }
        self.queues = [Queue(self.path, **self.options) for _ in range(OBJECTS)]

    def has_room(self, count: int) -> bool:
        maxsize = self.options["maxsize"]
        return not maxsize or len(self.model.ready) + count <= maxsize

    @rule(number=objects, item=items)
    def put(self, number: int, item: Any) -> None:
        if not self.has_room(1):
            with pytest.raises(Full):
                self.queues[number].put_nowait(item)
            return
        id = self.queues[number].put_nowait(item)
        assert id > self.model.last
        self.model.last = id
        self.model.ready.append((id, item))

    @rule(number=objects, many=st.lists(items, max_size=12))
    def put_many(self, number: int, many: list[Any]) -> None:
        if not self.has_room(len(many)) and many:
            # More than maxsize never fit, which is a ValueError.
            with pytest.raises((Full, ValueError)):
                self.queues[number].put_many(many, block=False)
            return
        ids = self.queues[number].put_many(many, block=False)
        assert len(ids) == len(many)
        assert [self.model.last, *ids] == sorted({self.model.last, *ids})
        self.model.ready.extend(zip(ids, many, strict=True))
        self.model.last = ([self.model.last, *ids])[-1]

    @rule(number=objects)
    def get(self, number: int) -> None:
        if not self.model.ready:
            with pytest.raises(Empty):
                self.queues[number].get_nowait()
            return
        assert self.queues[number].get_nowait() == self.model.ready[0][1]
        self.taken(number, 1)

    @rule(number=objects, n=st.integers(min_value=1, max_value=8))
    def get_many(self, number: int, n: int) -> None:
        if not self.model.ready:
            with pytest.raises(Empty):
                self.queues[number].get_many(n, block=False)
            return
        got = self.queues[number].get_many(n, block=False)
        assert 1 <= len(got) <= n
        assert got == [item for _, item in self.model.ready][: len(got)]
        self.taken(number, len(got))

    def taken(self, number: int, count: int) -> None:
        taken = [self.model.ready.popleft() for _ in range(count)]
        if not self.options["autosave"]:
            self.model.out[number] += taken

    @precondition(lambda self: any(self.model.out))
    @rule(number=objects)
    def task_done(self, number: int) -> None:
        if self.model.out[number]:
            self.queues[number].task_done()
            self.model.out[number] = []

    @rule(number=objects)
    def peek(self, number: int) -> None:
        if self.model.ready:
            assert self.queues[number].peek() == self.model.ready[0][1]
        else:
            with pytest.raises(Empty):
                self.queues[number].peek()

    @rule(number=objects)
    def clear(self, number: int) -> None:
        assert self.queues[number].clear() == len(self.model.ready)
        self.model.ready.clear()

    @rule(number=objects)
    def reopen_one(self, number: int) -> None:
        self.queues[number].close()
        self.model.give_back(number)
        self.queues[number] = Queue(self.path, **self.options)

    @rule()
    def reopen_all(self) -> None:
        for number, queue in enumerate(self.queues):
            queue.close()
            self.model.give_back(number)
        self.queues = [Queue(self.path, **self.options) for _ in range(OBJECTS)]

    @rule(number=objects)
    def verify(self, number: int) -> None:
        assert self.queues[number].verify() == []

    @invariant()
    def sizes_are_those_of_the_model(self) -> None:
        for queue in self.queues:
            assert queue.qsize() == len(self.model.ready)
            assert queue.full() == (not self.has_room(1))

    @rule(number=objects)
    def look(self, number: int) -> None:
        queue = self.queues[number]
        assert list(queue.browse()) == [item for _, item in self.model.ready]
        stats = queue.stats()
        assert (stats.ready, stats.leased) == (
            len(self.model.ready),
            sum(map(len, self.model.out)),
        )

    def teardown(self) -> None:
        try:
            if self.queues:
                self.reopen_all()
                assert self.queues[0].verify() == []
                left = []
                while not self.queues[0].empty():
                    left += self.queues[0].get_many(100)
                assert left == [item for _, item in self.model.ready]
        finally:
            for queue in self.queues:
                queue.close()
            shutil.rmtree(self.directory)


def run(examples: int, steps: int, *, random: bool) -> None:
    """Try so many scripts of so many steps."""
    run_state_machine_as_test(
        FileQueueMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=not random,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_file_queue_is_its_model() -> None:
    """Whatever is called in whatever order, the queue does what the model does."""
    run(examples=300, steps=40, random=False)


@pytest.mark.slow
def test_the_file_queue_is_its_model_for_long() -> None:
    """The same for longer scripts, and many more of them."""
    run(examples=600, steps=60, random=True)
