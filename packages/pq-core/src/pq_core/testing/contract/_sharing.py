"""One queue with several users: threads, and several objects in one process."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any

import pytest

from pq_core.errors import Empty, Full
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.elsewhere import is_waiting
from pq_core.testing.errands import produce, settle

__all__ = ["SharingContract"]


class SharingContract(Contract):
    """Holds for every queue, however its items are settled."""

    @pytest.mark.parametrize("objects", [1, 4])
    def test_many_threads(self, objects: int) -> None:
        """Of what several threads put and others get, nothing is lost, doubled or overtaken."""
        producers, consumers, count = 3, 3, 150
        queues = [self.queue() for _ in range(objects)]
        total, all_here = producers * count, threading.Event()
        got: list[list[Any]] = [[] for _ in range(consumers)]

        def consume(queue: Any, mine: list[Any]) -> None:
            while (item := queue.get(timeout=self.patience)) != "stop":
                mine.append(item)
                settle(queue, item)
                if sum(map(len, got)) == total:
                    all_here.set()
            settle(queue, item)

        consuming = [
            self.thread().submit(consume, queues[number % objects], mine)
            for number, mine in enumerate(got)
        ]
        producing = [
            self.thread().submit(produce, queues[-1 - number % objects], str(number), count)
            for number in range(producers)
        ]
        for each in producing:
            each.result(self.patience)
        assert all_here.wait(self.patience)
        while consuming:
            # One by one, since a unique queue keeps only one of equal items.
            queues[0].put("stop")
            _one_more(consuming, self.patience)
        everything = sorted(item for mine in got for item in mine)
        expected = [[str(name), n] for name in range(producers) for n in range(count)]
        assert everything == expected
        if self.order != "filo":
            for mine in got:
                for name in map(str, range(producers)):
                    numbers = [number for producer, number in mine if producer == name]
                    assert numbers == sorted(numbers)
        assert self.again(queues[0]).empty()

    def test_any_thread_may_use_it(self) -> None:
        """An object that one thread made is used by another, and closed by a third."""
        queue = self.thread().call(self.queue)
        self.thread().call(queue.put, "a")
        assert self.thread().call(queue.get_nowait) == "a"
        self.thread().call(queue.close)
        assert queue.closed

    @needs(durable=True)
    def test_two_objects_are_one_queue(self) -> None:
        """What one object puts, another one on the same storage counts and gets, in order."""
        one, two = self.queue(), self.queue()
        one.put("a")
        two.put("b")
        one.put("c")
        order = self.in_order(["a", "b", "c"])
        assert one.qsize() == two.qsize() == 3
        assert list(two.browse()) == order
        assert [two.get_nowait(), one.get_nowait(), two.get_nowait()] == order
        assert one.empty()
        assert two.empty()
        for queue in (one, two):
            with pytest.raises(Empty):
                queue.get_nowait()

    @needs(durable=True)
    def test_ids_of_two_objects_rise_together(self) -> None:
        """Ids are unique in the queue, whichever object has put the item."""
        one, two = self.queue(), self.queue()
        ids = [queue.put(number) for number, queue in enumerate([one, two, two, one, two, one])]
        assert ids == sorted(set(ids))

    @needs(durable=True)
    def test_two_objects_wake_each_other(self) -> None:
        """A get that waits on one object is woken by a put on another one."""
        one, two = self.queue(), self.queue()
        getting = self.thread().submit(one.get)
        assert is_waiting(getting)
        two.put("a")
        assert getting.result(self.patience) == "a"

    @needs(durable=True)
    def test_two_objects_share_their_room(self) -> None:
        """A put that waits for room on one object is woken by a get on another one."""
        one, two = self.queue(maxsize=1), self.queue(maxsize=1)
        one.put("a")
        with pytest.raises(Full):
            two.put_nowait("b")
        putting = self.thread().submit(one.put, "b")
        assert is_waiting(putting)
        assert two.get_nowait() == "a"
        putting.result(self.patience)
        assert two.get_nowait() == "b"

    @needs(durable=True)
    def test_closing_one_object_leaves_the_other(self) -> None:
        """Closing one of two objects does not disturb a get that waits on the other one."""
        one, two = self.queue(), self.queue()
        getting = self.thread().submit(one.get)
        assert is_waiting(getting, 0.02)
        two.close()
        assert is_waiting(getting, 0.02)
        one.put("a")
        assert getting.result(self.patience) == "a"

    @needs(durable=True, at_least_once=True)
    def test_a_second_opener_takes_nothing_from_the_first(self) -> None:
        """Opening and closing another object does not give back what the first has out."""
        one = self.queue()
        one.put_many(["a", "b"])
        first = one.get_nowait()
        two = self.queue()
        assert two.qsize() == 1
        assert two.stats().leased == 1
        assert drain(two) == [item for item in ("a", "b") if item != first]
        two.close()
        assert one.get_nowait() != first
        settle(one, first)

    @needs(durable=True, at_least_once=True, gives_back=True)
    def test_what_a_closed_object_had_out_comes_again(self) -> None:
        """What an object had out when it was closed is ready for the other object."""
        one, two = self.queue(), self.queue()
        one.put("a")
        assert one.get_nowait() == "a"
        with pytest.raises(Empty):
            two.get_nowait()
        getting = self.thread().submit(two.get)
        assert is_waiting(getting)
        one.close()
        assert getting.result(self.patience) == "a"


def _one_more(calls: list[Future[None]], patience: float) -> None:
    """Waits until one more of these calls is over, raises what it raised, and forgets it."""
    done = wait(calls, timeout=patience, return_when=FIRST_COMPLETED).done
    assert done, "none of the calls came back"
    for each in done:
        each.result()
        calls.remove(each)
