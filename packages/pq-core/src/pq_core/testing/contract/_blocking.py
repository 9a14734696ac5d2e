"""Blocking: timeouts, room, closing, and who wakes whom."""

from __future__ import annotations

import math
import queue as standard
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, wait
from typing import Any

import pytest

from pq_core.errors import Empty, Full, QueueClosed, QueueError
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.elsewhere import is_waiting
from pq_core.testing.errands import get_and_when, settle

__all__ = ["BlockingContract"]

#: Seconds of a timeout that is waited out. Short, for it is spent.
SHORT = 0.06
#: What a closed queue refuses.
CALLS: dict[str, Callable[[Any], object]] = {
    "put": lambda queue: queue.put("a"),
    "put_nowait": lambda queue: queue.put_nowait("a"),
    "put_many": lambda queue: queue.put_many(["a"]),
    "get": lambda queue: queue.get(timeout=1),
    "get_nowait": lambda queue: queue.get_nowait(),
    "get_many": lambda queue: queue.get_many(2, timeout=1),
    "peek": lambda queue: queue.peek(),
    "browse": lambda queue: list(queue.browse()),
    "clear": lambda queue: queue.clear(),
    "qsize": lambda queue: queue.qsize(),
    "len": len,
    "empty": lambda queue: queue.empty(),
    "stats": lambda queue: queue.stats(),
    "dead_letters": lambda queue: queue.dead_letters(),
    "redrive": lambda queue: queue.redrive(),
}


class BlockingContract(Contract):
    """Holds for every queue, however its items are settled."""

    def test_empty_is_that_of_the_standard_library(self) -> None:
        """Empty is a QueueError and a queue.Empty."""
        queue = self.queue()
        with pytest.raises(standard.Empty) as raised:
            queue.get_nowait()
        assert isinstance(raised.value, Empty)
        assert isinstance(raised.value, QueueError)

    def test_full_is_that_of_the_standard_library(self) -> None:
        """Full is a QueueError and a queue.Full."""
        queue = self.queue(maxsize=1)
        queue.put("a")
        with pytest.raises(standard.Full) as raised:
            queue.put_nowait("b")
        assert isinstance(raised.value, Full)
        assert isinstance(raised.value, QueueError)

    def test_the_twins_that_do_not_wait(self) -> None:
        """block=False and the _nowait twins answer at once, whatever the timeout says."""
        queue = self.queue(maxsize=1)
        begin = time.monotonic()
        with pytest.raises(Empty):
            queue.get(block=False, timeout=self.patience)
        with pytest.raises(Empty):
            queue.get(False)
        assert isinstance(queue.put_nowait("a"), int)
        with pytest.raises(Full):
            queue.put("b", block=False, timeout=self.patience)
        with pytest.raises(Full):
            queue.put("b", False)
        with pytest.raises(Full):
            queue.put_many(["b"], block=False)
        assert queue.get_nowait() == "a"
        assert time.monotonic() - begin < self.patience

    @pytest.mark.parametrize("timeout", [-1, -0.001, -math.inf])
    def test_a_negative_timeout(self, timeout: float) -> None:
        """A negative timeout is a ValueError, with items there or room or not; nothing changes."""
        queue = self.queue(maxsize=2)
        for ready in range(3):
            with pytest.raises(ValueError, match="timeout"):
                queue.get(timeout=timeout)
            with pytest.raises(ValueError, match="timeout"):
                queue.get_many(2, timeout=timeout)
            with pytest.raises(ValueError, match="timeout"):
                queue.put("refused", timeout=timeout)
            with pytest.raises(ValueError, match="timeout"):
                queue.put_many(["refused"], timeout=timeout)
            assert queue.qsize() == ready
            if ready < 2:
                queue.put(ready)

    def test_get_waits_for_the_timeout(self) -> None:
        """Get on an empty queue raises Empty after the timeout, not before, and not much later."""
        queue = self.queue()
        begin = time.monotonic()
        with pytest.raises(Empty):
            queue.get(timeout=SHORT)
        assert SHORT * 0.99 <= time.monotonic() - begin < SHORT + 2
        with pytest.raises(Empty):
            queue.get_many(2, timeout=SHORT)
        assert time.monotonic() - begin >= SHORT * 1.98

    def test_put_waits_for_the_timeout(self) -> None:
        """Put on a full queue raises Full after the timeout, not before, and not much later."""
        queue = self.queue(maxsize=1)
        queue.put("a")
        begin = time.monotonic()
        with pytest.raises(Full):
            queue.put("b", timeout=SHORT)
        assert SHORT * 0.99 <= time.monotonic() - begin < SHORT + 2
        with pytest.raises(Full):
            queue.put_many(["b"], timeout=SHORT)
        assert drain(queue) == ["a"]

    def test_a_timeout_of_zero(self) -> None:
        """A timeout of 0 is allowed, and is the same as not to wait."""
        queue = self.queue(maxsize=1)
        with pytest.raises(Empty):
            queue.get(timeout=0)
        queue.put("a", timeout=0)
        with pytest.raises(Full):
            queue.put("b", timeout=0)
        assert queue.get(timeout=0) == "a"

    def test_a_blocked_get_is_woken_by_a_put(self) -> None:
        """A get without a timeout waits until something is put, and takes it."""
        queue = self.queue()
        getting = self.thread().submit(queue.get)
        assert is_waiting(getting)
        queue.put("a")
        assert getting.result(self.patience) == "a"

    def test_a_blocked_get_many_is_woken_by_a_put(self) -> None:
        """get_many waits for the first item only."""
        queue = self.queue()
        getting = self.thread().submit(queue.get_many, 10)
        assert is_waiting(getting)
        queue.put("a")
        assert getting.result(self.patience) == ["a"]

    def test_put_many_wakes_every_blocked_get(self) -> None:
        """Three gets that wait are all woken by one put_many of three items."""
        queue = self.queue()
        getting = [self.thread().submit(queue.get) for _ in range(3)]
        assert all(is_waiting(each, 0.02) for each in getting)
        queue.put_many(["a", "b", "c"])
        assert {each.result(self.patience) for each in getting} == {"a", "b", "c"}

    def test_one_put_wakes_one_get(self) -> None:
        """Of two gets that wait, one takes the item and the other goes on waiting."""
        queue = self.queue()
        getting = [self.thread().submit(queue.get) for _ in range(2)]
        assert all(is_waiting(each, 0.02) for each in getting)
        queue.put("a")
        (first,) = wait(getting, self.patience, FIRST_COMPLETED).done
        assert first.result() == "a"
        (second,) = (each for each in getting if each is not first)
        assert is_waiting(second)
        queue.put("b")
        assert second.result(self.patience) == "b"

    def test_a_wake_up_is_fast(self) -> None:
        """A get that waits in another thread has the item within 50 ms of the put."""
        queue, thread = self.queue(), self.thread()
        self.check_wake_ups(queue, lambda: thread.submit(get_and_when, queue), [0.01] * 15)

    def test_no_wake_up_is_lost(self) -> None:
        """A put at the very moment in which a get begins to wait wakes it all the same."""
        queue, thread = self.queue(), self.thread()
        rounds = 300

        taken = threading.Semaphore(0)

        def echo() -> None:
            for _ in range(rounds):
                item = queue.get(timeout=self.patience)
                taken.release()
                settle(queue, item)

        echoing = thread.submit(echo)
        for number in range(rounds):
            queue.put(number)
            assert taken.acquire(timeout=self.patience)
        echoing.result(self.patience)

    def test_put_waits_for_room(self) -> None:
        """A put into a full queue waits until a get has made room."""
        queue = self.queue(maxsize=2)
        queue.put_many(["a", "b"])
        assert queue.full()
        assert queue.maxsize == 2
        putting = self.thread().submit(queue.put, "c")
        assert is_waiting(putting)
        first = queue.get_nowait()
        assert isinstance(putting.result(self.patience), int)
        assert queue.full()
        assert sorted([first, *drain(queue)]) == ["a", "b", "c"]

    def test_clear_makes_room(self) -> None:
        """A put into a full queue is woken by a clear."""
        queue = self.queue(maxsize=1)
        queue.put("a")
        putting = self.thread().submit(queue.put, "b")
        assert is_waiting(putting)
        assert queue.clear() == 1
        putting.result(self.patience)
        assert drain(queue) == ["b"]

    def test_put_many_waits_for_room_for_all(self) -> None:
        """put_many waits until there is room for all of its items."""
        queue = self.queue(maxsize=2)
        queue.put_many(["a", "b"])
        putting = self.thread().submit(queue.put_many, ["c", "d"])
        assert is_waiting(putting)
        queue.get_nowait()
        assert is_waiting(putting)
        assert queue.qsize() == 1
        queue.get_nowait()
        assert len(putting.result(self.patience)) == 2
        assert drain(queue) == self.in_order(["c", "d"])

    @needs(resizes=True)
    def test_the_limit_can_be_changed(self) -> None:
        """A put that waits has room when it is raised; a lowered one holds from then on."""
        queue = self.queue()
        queue.put_many(["a", "b"])
        queue.maxsize = 2
        assert queue.full()
        putting = self.thread().submit(queue.put, "c")
        assert is_waiting(putting)
        queue.maxsize = 3
        putting.result(self.patience)
        assert (queue.qsize(), queue.maxsize) == (3, 3)
        queue.maxsize = 1
        with pytest.raises(Full):
            queue.put_nowait("d")
        queue.maxsize = 0
        queue.put_nowait("d")

    @pytest.mark.parametrize("maxsize", [0, -1])
    def test_no_limit(self, maxsize: int) -> None:
        """With a maxsize of 0 or less a queue is never full."""
        queue = self.queue(maxsize=maxsize)
        queue.put_many(range(100))
        assert not queue.full()
        assert queue.maxsize <= 0

    def test_a_limit_that_was_lowered(self) -> None:
        """A queue that holds more than maxsize when it is opened is full, and loses nothing."""
        queue = self.queue()
        queue.put_many(range(5))
        other = self.queue(maxsize=2)
        assert other.full()
        with pytest.raises(Full):
            other.put_nowait("refused")
        assert drain(other) == self.in_order(range(5))
        other.put_nowait("fits")

    def test_close_may_be_called_again(self) -> None:
        """Close is idempotent, and a context manager closes."""
        queue = self.queue()
        assert not queue.closed
        with queue as entered:
            assert entered is queue
        assert queue.closed
        queue.close()
        queue.close()
        assert queue.closed

    def test_a_context_manager_passes_errors_on(self) -> None:
        """An exception in the body of `with` reaches the caller, and the queue is closed."""
        queue = self.queue()
        with pytest.raises(LookupError), queue:
            raise LookupError
        assert queue.closed

    @pytest.mark.parametrize("call", CALLS)
    def test_a_closed_queue_refuses(self, call: str) -> None:
        """Whatever is asked of a closed queue raises QueueClosed, and changes nothing."""
        queue = self.queue()
        queue.put("there")
        queue.close()
        with pytest.raises(QueueClosed):
            CALLS[call](queue)
        if self.durable:
            assert drain(self.again(queue)) == ["there"]

    def test_close_wakes_a_blocked_get(self) -> None:
        """A get that waits while another thread closes the queue raises QueueClosed."""
        queue = self.queue()
        getting = [
            self.thread().submit(queue.get),
            self.thread().submit(queue.get, timeout=self.patience * 2),
        ]
        assert all(is_waiting(each) for each in getting)
        queue.close()
        for each in getting:
            assert isinstance(each.exception(self.patience), QueueClosed)

    def test_close_wakes_a_blocked_put(self) -> None:
        """A put that waits for room while another thread closes the queue raises QueueClosed."""
        queue = self.queue(maxsize=1)
        queue.put("a")
        putting = self.thread().submit(queue.put, "b")
        assert is_waiting(putting)
        queue.close()
        assert isinstance(putting.exception(self.patience), QueueClosed)
        if self.durable:
            assert drain(self.again(queue)) == ["a"]
