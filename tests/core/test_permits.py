"""So many may do something at the same time, and no interrupt changes how many."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from pq_core.server.permits import Permits
from pq_core.testing.elsewhere import InThread, is_waiting
from pq_core.testing.interrupts import points


@pytest.fixture
def other() -> Iterator[InThread]:
    """Another thread."""
    with InThread() as thread:
        yield thread


def free(permits: Permits) -> int:
    """How many there are to take."""
    count = 0
    while permits.acquire(False):
        count += 1
    for _ in range(count):
        permits.release()
    return count


def test_a_permit_is_waited_for(other: InThread) -> None:
    """Who finds none waits until one is given back, or for as long as it may."""
    permits = Permits(1)
    assert permits.acquire()
    assert not permits.acquire(False)
    assert not permits.acquire(True, 0.01)
    waiting = other.submit(permits.acquire)
    assert is_waiting(waiting)
    permits.release()
    assert waiting.result(20)
    assert free(permits) == 0


def test_never_more_at_the_same_time() -> None:
    """Eight threads and three permits: none is lost, and none is there twice."""
    permits = Permits(3)
    inside = most = 0
    mutex = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        for _ in range(300):
            assert permits.acquire(True, 20)
            with mutex:
                inside += 1
                most = max(most, inside)
            with mutex:
                inside -= 1
            permits.release()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most <= 3
    assert free(permits) == 3


def test_an_interrupt_takes_nothing(other: InThread) -> None:
    """An acquire that is interrupted has no permit, and leaves the others to go on."""
    permits = Permits(2)
    count = 0
    for _ in points(permits.acquire):
        count += 1
        assert other.call(free, permits) == 2
    assert count >= 2
    assert free(permits) == 1
    for _ in points(lambda: permits.acquire(True, 0.001) or permits.acquire(True, 0.001)):
        assert other.call(free, permits) in (0, 1)


def test_a_release_that_is_interrupted_wakes_the_next(other: InThread) -> None:
    """It was given back, or was not; who waits goes on with the next one."""
    permits = Permits(1)
    permits.acquire()
    for _ in points(permits.release):
        waiting = other.submit(permits.acquire, True, 20)
        if free(permits) == 0 and is_waiting(waiting, 0.01):
            permits.release()
        assert waiting.result(20)
