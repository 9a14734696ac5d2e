"""Group commit: everybody whose part is synced returns, whatever happens to his neighbours."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pq_core.errors import StorageError
from pq_core.log.group import GroupSync, Latch
from pq_core.turns import Turn, wake_in_turn

#: Seconds after which a thread that should have returned is given up.
PATIENCE = 30.0


class Slow:
    """A sync that takes until `go` is set."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.go = threading.Event()
        self.group = GroupSync(Latch(Path("queue")), self._sync, self._failed)

    def _sync(self) -> int:
        self.begun.set()
        assert self.go.wait(PATIENCE)
        return 1

    @staticmethod
    def _failed(error: OSError, _: int) -> StorageError:
        return StorageError(str(error))

    def waits(self, count: int) -> bool:
        """Returns once so many threads wait for the sync."""
        while self.group.together.waiting() < count:
            threading.Event().wait(0.001)
        return True


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A sync that has begun, in a thread of its own; it is over at the end."""
    found = Slow()
    leader = started(found.group.reach, 1)
    assert found.begun.wait(PATIENCE)
    yield found
    found.go.set()
    leader.join(PATIENCE)


def started(work: Callable[..., object], *args: object) -> threading.Thread:
    """A thread that does this."""
    thread = threading.Thread(target=work, args=args, daemon=True)
    thread.start()
    return thread


def test_all_who_share_a_sync_return(slow: Slow) -> None:
    """However many threads wait for one sync, all return after it."""
    threads = [started(slow.group.reach, 1) for _ in range(20)]
    assert slow.waits(20)
    slow.go.set()
    for thread in threads:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="only CPython can do that")
def test_who_is_interrupted_does_not_keep_the_others(slow: Slow) -> None:
    """A thread that is interrupted while it waits still wakes those who are woken after it."""
    hit = threading.Event()

    def interrupted() -> None:
        try:
            slow.group.reach(1)
        except KeyboardInterrupt:
            hit.set()

    first = started(interrupted)
    assert slow.waits(1)
    second = started(slow.group.reach, 1)
    assert slow.waits(2)
    # It is raised when the thread gets on, which is when it is woken.
    raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(first.ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
    assert raised == 1
    slow.go.set()
    second.join(PATIENCE)
    assert not second.is_alive()
    assert hit.wait(PATIENCE)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="the system cannot do that")
def test_a_handler_of_a_signal_can_wait_for_the_others(slow: Slow) -> None:
    """Who shares a sync with the main thread returns while a handler keeps that one."""
    others: list[threading.Thread] = []
    alive: list[bool] = []

    def handler(*_: object) -> None:
        slow.go.set()
        for thread in others:
            thread.join(5)
            alive.append(thread.is_alive())

    def disturb() -> None:
        slow.waits(1)
        others.append(started(slow.group.reach, 1))
        slow.waits(2)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        started(disturb)
        slow.group.reach(1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert alive == [False]


def test_who_has_left_is_passed_over() -> None:
    """A thread that was interrupted before anybody woke it does not keep those behind it."""
    turns: list[Turn] = []
    left = threading.Event()

    def interrupted() -> None:
        turns.append(Turn())
        with contextlib.suppress(KeyboardInterrupt):
            turns[0].wait()
        left.set()

    first = started(interrupted)
    while not turns:
        threading.Event().wait(0.001)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(first.ident or 0), ctypes.py_object(KeyboardInterrupt)
    )
    turns[0]._gate.release()  # so that it gets on, and is interrupted
    assert left.wait(PATIENCE)
    turns[0]._gate.acquire(False)
    turns.append(Turn())
    wake_in_turn(turns)
    assert turns[1]._gate.acquire(timeout=PATIENCE)
