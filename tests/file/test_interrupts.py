"""An exception of a signal's handler, at each point of a call, leaves nothing locked or unsettled."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.testing.elsewhere import InThread
from pq_core.testing.interrupts import points
from pq_file import Queue

#: Python itself passes over what is raised in a destructor.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

OPTIONS: dict[str, dict[str, Any]] = {
    "alone": {},
    "shared": {},
    "full": {"durability": "full"},
    "autosave": {"autosave": True},
    "small segments": {"chunksize": 2},
}


@pytest.fixture(params=OPTIONS)
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Queue[Any]]:
    """A queue that was used before; "shared": and that another process seems to have open."""
    with ExitStack() as stack:
        if request.param == "shared":
            Queue(tmp_path).close()
            users = os.open(tmp_path / "users", os.O_RDWR)
            stack.callback(os.close, users)
            fcntl.flock(users, fcntl.LOCK_SH)
        queue: Queue[Any] = stack.enter_context(Queue(tmp_path, **OPTIONS[request.param]))
        queue.put("before")
        queue.get()
        queue.task_done()
        yield queue


@pytest.fixture
def other() -> Iterator[InThread]:
    """Another thread."""
    with InThread() as thread:
        yield thread


def assert_free(queue: Queue[Any], other: InThread) -> None:
    """Nothing is locked: neither for another thread nor for another process."""
    for name in ("lock", "cursor"):
        fd = os.open(queue.path / name, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(fd)
    assert other.call(queue.verify) == []


def drained(queue: Queue[Any], other: InThread) -> list[Any]:
    """All that is ready, got and settled by the other thread."""

    def drain() -> list[Any]:
        items = [queue.get(block=False) for _ in range(queue.qsize())]
        if items:
            queue.task_done()
        return items

    return other.call(drain)


def test_a_put_is_interrupted(queue: Queue[Any], other: InThread) -> None:
    """Its item is there once or not at all, and those put before and behind are there."""
    count = 0
    for point in points(lambda: queue.put("interrupted")):
        count += 1
        assert_free(queue, other)
        queue.put(point)
        items = drained(queue, other)
        assert items in ([point], ["interrupted", point])
    assert count > 10
    assert drained(queue, other) == ["interrupted"]
    assert queue.stats().leased == 0


@pytest.mark.parametrize("many", [False, True])
def test_a_get_is_interrupted(queue: Queue[Any], other: InThread, many: bool) -> None:
    """Its item is ready again, in its place; where get settles, it may be gone."""
    get: Callable[[], Any] = (
        (lambda: queue.get_many(2, block=False)) if many else (lambda: queue.get(block=False))
    )
    settles = queue.__getstate__()["autosave"]
    count = 0
    queue.put_many([0, 1, 2])
    for _ in points(get):
        count += 1
        assert_free(queue, other)
        items = drained(queue, other)
        if settles:
            assert items == [0, 1, 2][3 - len(items) :]
        else:
            assert items == [0, 1, 2]
            assert (queue.qsize(), queue.stats().leased) == (0, 0)
        queue.put_many([0, 1, 2])
    assert count > 10
    if not settles:
        queue.task_done()
        assert queue.stats().leased == 0


def test_what_a_thread_has_stays_with_it(queue: Queue[Any], other: InThread) -> None:
    """A get that is interrupted takes nothing away that its thread has got before."""
    if queue.__getstate__()["autosave"]:
        pytest.skip("get settles")
    queue.put_many(range(3))
    assert queue.get() == 0
    for _ in points(lambda: queue.get(block=False)):
        assert queue.stats().leased == 1
        assert queue.qsize() == 2
        assert queue.peek() == 1
    assert queue.stats().leased == 2
    queue.task_done()
    assert drained(queue, other) == [2]
    assert queue.stats().leased == 0


def test_task_done_is_interrupted(queue: Queue[Any], other: InThread) -> None:
    """What was got is settled, or the thread has it still and may say so again."""
    if queue.__getstate__()["autosave"]:
        pytest.skip("get settles")
    count = 0

    def done() -> None:
        queue.task_done()

    queue.put_many([0, 1])
    queue.get()
    for _ in points(done):
        count += 1
        assert_free(queue, other)
        if queue.stats().leased:
            queue.task_done()
        assert queue.stats().leased == 0
        assert drained(queue, other) == [1]
        other.call(queue.join)
        queue.put_many([0, 1])
        queue.get()
    assert count > 10
    assert drained(queue, other) == [1]


def test_a_close_is_interrupted(tmp_path: Path) -> None:
    """Closing again is allowed, and nothing is lost."""
    number = 0
    queue: Queue[int] = Queue(tmp_path)
    queue.put(0)

    def close() -> None:
        queue.close()

    for point in points(close):
        number = point
        with suppress(Exception):
            queue.close()
        queue = Queue(tmp_path)
        assert queue.qsize() == 1
        assert queue.verify() == []
    assert number > 2
