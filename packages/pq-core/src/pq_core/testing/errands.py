"""What the contract has done to a queue in another process: functions that a pickle can name.

Kept apart from the tests, so that the other process need not import pytest.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

from pq_core.errors import Empty
from pq_core.testing.elsewhere import PATIENCE, perform

__all__ = [
    "consume",
    "fork_bystander",
    "fork_under_load",
    "get_and_when",
    "get_and_settle",
    "in_fork",
    "produce",
    "put_and_get",
    "settle",
]


def settle(queue: Any, item: Any) -> None:
    """Be done with an item that this thread has just got."""
    if hasattr(queue, "ack"):
        queue.ack(item)
    else:
        queue.task_done()


def produce(queue: Any, name: str, count: int) -> None:
    """Put the items ``[name, 0]``, ``[name, 1]`` and so on."""
    for number in range(count):
        queue.put([name, number])


def consume(queue: Any, timeout: float) -> list[Any]:
    """Get and settle items until none has come for `timeout` seconds."""
    items = []
    while True:
        try:
            items.append(queue.get(timeout=timeout))
        except Empty:
            return items
        settle(queue, items[-1])


def get_and_settle(queue: Any, count: int) -> list[Any]:
    """Get and settle this many items, one by one."""
    items = []
    for _ in range(count):
        items.append(queue.get(timeout=PATIENCE))
        settle(queue, items[-1])
    return items


def get_and_when(queue: Any) -> tuple[Any, float]:
    """The next item, and when it came, on the monotonic clock of the machine; settles it."""
    item = queue.get(timeout=PATIENCE)
    now = time.monotonic()
    settle(queue, item)
    return item, now


def put_and_get(queue: Any, item: Any) -> Any:
    """Put an item, and get and settle the next one."""
    queue.put(item)
    item = queue.get(timeout=PATIENCE)
    settle(queue, item)
    return item


def in_fork(queue: Any, what: str | Callable[..., Any], *args: Any) -> Any:
    """The result of a call in a forked child; raises EOFError where it failed or hung."""
    reading, writing = os.pipe()
    child = _fork(lambda: os.write(writing, pickle.dumps(perform(queue, what, *args))))
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        result = pickle.load(answer)
    os.waitpid(child, 0)
    return result


def fork_bystander(_queue: Any) -> int:
    """Fork a child that never touches the queue; its process id. It must be killed."""
    return _fork(signal.pause)


def fork_under_load(queue: Any, forks: int) -> list[Any]:
    """Fork children that put one item each while threads put others; what was put."""
    enough = threading.Event()
    put: list[list[Any]] = [[], []]

    def load(number: int) -> None:
        while not enough.is_set():
            item = [f"thread {number}", len(put[number])]
            queue.put(item)
            put[number].append(item)

    threads = [threading.Thread(target=load, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    try:
        for number in range(forks):
            in_fork(queue, "put", ["fork", number])
    finally:
        enough.set()
        for thread in threads:
            thread.join()
    return [*put[0], *put[1], *(["fork", number] for number in range(forks))]


def _fork(work: Callable[[], object]) -> int:
    """The id of a forked child that works and exits at once, whatever comes of it."""
    child = os.fork()
    if child == 0:
        try:
            signal.alarm(int(PATIENCE))
            work()
        finally:
            os._exit(0)
    return child
