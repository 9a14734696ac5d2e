"""What several threads want done is done as one, and each has its own result or error."""

from __future__ import annotations

import errno
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import StorageError, StorageUnusable
from pq_core.log.queue import LogQueue
from pq_core.testing.elsewhere import PATIENCE
from pq_core.testing.faults import FaultyDisk
from pq_core.together import Ticket, Together


class Doubles:
    """Doubles numbers; refuses odd ones, and a batch that has one."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def carry_out(self, task: int) -> int:
        self.batches.append([task])
        if task % 2:
            raise ValueError(f"{task} is odd")
        return 2 * task

    def carry_out_all(self, batch: list[Ticket[int]]) -> bool:
        tasks = [ticket.task for ticket in batch]
        if any(task % 2 for task in tasks):
            return False
        self.batches.append(tasks)
        for ticket in batch:
            ticket.result = 2 * ticket.task
        return True


@contextmanager
def all_at_once(together: Together[Any], calls: Sequence[Callable[[], Any]]) -> Iterator[Any]:
    """Has each call made in a thread of its own, while none of them is carried out yet."""
    with ThreadPoolExecutor(len(calls)) as threads:
        futures: list[Future[Any]] = []
        with together.lock:
            for call in calls:
                futures.append(threads.submit(call))
                while together.waiting() < len(futures):
                    threading.Event().wait(0.001)
        yield futures


def test_neighbours_are_one_batch() -> None:
    """Everything that waits is carried out by one thread, and each has its own result."""
    together: Together[int] = Together()
    worker = Doubles()
    calls = [partial(together.run, worker, n) for n in range(0, 20, 2)]
    with all_at_once(together, calls) as futures:
        assert [future.result(PATIENCE) for future in futures] == list(range(0, 40, 4))
    assert [sorted(batch) for batch in worker.batches] == [list(range(0, 20, 2))]


def test_who_fails_fails_alone() -> None:
    """Where a batch fails, each is carried out by itself, and only who has the fault hears of it."""
    together: Together[int] = Together()
    worker = Doubles()
    calls = [partial(together.run, worker, n) for n in range(6)]
    with all_at_once(together, calls) as futures:
        for number, future in enumerate(futures):
            if number % 2:
                with pytest.raises(ValueError, match=f"{number} is odd"):
                    future.result(PATIENCE)
            else:
                assert future.result(PATIENCE) == 2 * number
    assert sorted(worker.batches) == [[number] for number in range(6)]


def test_who_is_alone_waits_for_nobody() -> None:
    """Without others, a task is carried out at once in its own thread."""
    together: Together[int] = Together(patience=3600)
    worker = Doubles()
    assert [together.run(worker, n) for n in (2, 4)] == [4, 8]
    assert worker.batches == [[2], [4]]


def puts(queue: LogQueue[str], items: list[str]) -> Any:
    """Puts these items in one write."""
    calls = [partial(queue.put, item) for item in items]
    return all_at_once(queue._log.head._together, calls)  # type: ignore[union-attr]


def test_puts_of_many_threads_are_one_write(tmp_path: Path) -> None:
    """With `full` they share a write and a sync, and each has the id of its own item."""
    disk = FaultyDisk()
    with LogQueue[str](tmp_path, durability="full", disk=disk) as queue:
        queue.put("first")
        disk.calls.clear()
        items = [f"item {number}" for number in range(8)]
        with puts(queue, items) as futures:
            ids = [future.result(PATIENCE) for future in futures]
        segment = [call.name for call in disk.calls if "q0" in call.path]
        assert segment == ["pwrite", "datasync"]
        assert sorted(ids) == list(range(2, 10))
        got = queue.get_many(9)
    assert got[0] == "first"
    assert [got[id - 1] for id in ids] == items


def test_a_sync_that_fails_fails_all(tmp_path: Path) -> None:
    """No put returns, each raises an error of its own, and nothing is there after re-opening."""
    disk = FaultyDisk()
    queue = LogQueue[str](tmp_path, durability="full", disk=disk)
    queue.put("first")
    disk.fail(1, errno.EIO, only={"datasync"})
    with puts(queue, ["a", "b", "c"]) as futures:
        errors = [future.exception(PATIENCE) for future in futures]
    assert all(isinstance(error, StorageError) for error in errors)
    assert len({id(error) for error in errors}) == 3
    with pytest.raises(StorageUnusable):
        queue.put("d")
    queue.close()
    with LogQueue[str](tmp_path) as queue:
        assert list(queue.browse()) == ["first"]
        assert queue.verify() == []


def test_no_room_for_all(tmp_path: Path) -> None:
    """On a full disk each put fails by itself, and where there is room again they go on."""
    disk = FaultyDisk()
    with LogQueue[str](tmp_path, durability="full", disk=disk) as queue:
        queue.put("first")
        disk.fail_for_good(1, errno.ENOSPC, only={"pwrite"})
        with puts(queue, ["a", "b", "c"]) as futures:
            for future in futures:
                with pytest.raises(StorageError, match="no space left"):
                    future.result(PATIENCE)
        disk.heal()
        with puts(queue, ["d", "e"]) as futures:
            assert sorted(future.result(PATIENCE) for future in futures) == [2, 3]
        assert sorted(queue.get_many(10)) == ["d", "e", "first"]


def test_a_maxsize_that_has_room_for_some(tmp_path: Path) -> None:
    """As many as there is room for are put; the others wait until there is more."""
    with LogQueue[str](tmp_path, maxsize=3, durability="full") as queue:
        queue.put("first")
        with puts(queue, ["a", "b", "c", "d"]) as futures:
            for _ in range(5):
                queue.get(timeout=PATIENCE)
                queue.task_done()
            for future in futures:
                future.result(PATIENCE)
        assert queue.empty()
