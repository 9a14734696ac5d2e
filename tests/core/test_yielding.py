"""Waiting blocks a thread, and where something switches, lets the loop go on instead."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Iterator
from typing import Any

import pytest

from pq_core import yielding
from pq_core.testing.elsewhere import PATIENCE


class Recorder:
    """A switch that awaits on a loop of its own, and remembers that it was asked to."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.waits = 0

    def __call__(self, awaited: Awaitable[Any], /) -> Any:
        self.waits += 1

        async def wait() -> Any:
            return await awaited

        return self.loop.run_until_complete(wait())


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Recorder]:
    """The calling thread runs with a switch."""
    recorder = Recorder()
    # What a greenlet on the thread of a running loop would be told.
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: recorder.loop)
    yielding.running_with(recorder)
    yield recorder
    yielding.running_with(None)
    recorder.loop.run_until_complete(recorder.loop.shutdown_default_executor())
    recorder.loop.close()


def test_a_thread_blocks() -> None:
    """Without a switch, everything happens in the calling thread."""
    assert yielding.switch() is None
    assert yielding.caller() == threading.get_ident()
    assert yielding.elsewhere(threading.get_ident) == threading.get_ident()
    yielding.sleep(0)
    lock = threading.Lock()
    assert yielding.acquire(lock)
    assert not yielding.acquire(lock, timeout=0.001)


def test_what_blocks_goes_to_another_thread(recorder: Recorder) -> None:
    """With a switch, what can only block is called in a thread, and awaited."""
    assert yielding.elsewhere(threading.get_ident) != threading.get_ident()
    yielding.sleep(0)
    assert recorder.waits == 2
    with pytest.raises(ZeroDivisionError):
        yielding.elsewhere(lambda: 1 / 0)


def test_a_free_lock_is_taken_at_once(recorder: Recorder) -> None:
    """Nothing is awaited for a lock that nobody has."""
    assert yielding.acquire(threading.Lock())
    assert recorder.waits == 0


def test_a_lock_is_awaited(recorder: Recorder) -> None:
    """For one that somebody has, the loop goes on until it is free or the time is up."""
    lock = threading.Lock()
    lock.acquire()
    assert not yielding.acquire(lock, timeout=0.001)
    threading.Timer(0, lock.release).start()
    assert yielding.acquire(lock, timeout=PATIENCE)
    lock.release()
    assert recorder.waits >= 1


def test_a_switch_is_of_its_thread(recorder: Recorder) -> None:
    """Another thread blocks all the same, and is another caller."""
    seen: list[Any] = []
    thread = threading.Thread(target=lambda: seen.extend((yielding.switch(), yielding.caller())))
    thread.start()
    thread.join(PATIENCE)
    assert yielding.switch() is recorder
    assert seen[0] is None
    assert seen[1] != yielding.caller()


def test_callers_differ(recorder: Recorder) -> None:
    """Two greenlets of one thread are two callers."""
    first = yielding.caller()
    other = Recorder()
    yielding.running_with(other)
    try:
        assert yielding.caller() != first
    finally:
        yielding.running_with(recorder)
        other.loop.close()
    assert yielding.caller() == first
