"""Queue objects that are garbage: they end where it is collected, which is in the middle of anything."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pq_core.testing.elsewhere import PATIENCE, InThread
from pq_file import Queue


class Cycle:
    """Keeps itself and a queue, until the collector finds it."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue
        self.me = self


def tail_lock(queue: Queue[Any]) -> AbstractContextManager[object]:
    """What a get holds."""
    assert queue._log is not None
    return queue._log.tail.locked()


def head_lock(queue: Queue[Any]) -> AbstractContextManager[object]:
    """What a put holds."""
    assert queue._log is not None
    return queue._log.head.alone()


@contextmanager
def uncollected(queue: Queue[str], path: Path) -> Iterator[None]:
    """Meanwhile an object on the same path is garbage that has an item out; then that comes again."""
    queue.put("a")
    garbage = Cycle(Queue[str](path))
    assert garbage.queue.get(timeout=0) == "a"
    gc.disable()
    try:
        del garbage
        yield
    finally:
        gc.enable()
    assert queue.get(timeout=PATIENCE) == "a"


@pytest.mark.parametrize("lock", [tail_lock, head_lock])
def test_one_that_is_collected_in_the_middle_of_a_call(tmp_path: Path, lock: Any) -> None:
    """Its end needs the locks that the collecting thread has."""

    def collect(queue: Queue[Any]) -> None:
        with lock(queue):
            gc.collect()

    with Queue[str](tmp_path) as queue, InThread() as other, uncollected(queue, tmp_path):
        other.call(collect, queue)


def test_one_that_is_collected_while_another_thread_holds_a_lock(tmp_path: Path) -> None:
    """Nobody waits for a lock because of garbage."""
    with (
        Queue[str](tmp_path) as queue,
        InThread() as other,
        uncollected(queue, tmp_path),
        tail_lock(queue),
    ):
        other.call(gc.collect)
