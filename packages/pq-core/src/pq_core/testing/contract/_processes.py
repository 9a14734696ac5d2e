"""One queue with several processes: started afresh, forked, stopped and killed."""

from __future__ import annotations

import os
import pickle
import signal
import sys
from concurrent.futures import Future
from typing import Any

import pytest

from pq_core.errors import Empty
from pq_core.testing import errands
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.elsewhere import is_waiting
from pq_core.testing.errands import settle

__all__ = ["ProcessContract"]

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class ProcessContract(Contract):
    """Holds for every queue, however its items are settled."""

    @needs(durable=True)
    def test_a_pickled_queue_is_the_same_queue(self) -> None:
        """A queue object is pickled as its parameters, and opened again where it is unpickled."""
        queue = self.queue(maxsize=3, serializer="json")
        queue.put("a")
        copy = pickle.loads(pickle.dumps(queue))
        self._queues.callback(copy.close)
        assert type(copy) is type(queue)
        assert copy.maxsize == 3
        assert copy.get_nowait() == "a"
        assert queue.empty()

    @needs(multiprocess=True)
    def test_a_put_in_another_process(self) -> None:
        """What another process puts is counted and got here, at once, and the other way round."""
        queue = self.queue()
        other = self.process(queue)
        queue.put("from here")
        assert other.call("qsize") == 1
        assert other.call("get_nowait") == "from here"
        assert queue.empty()
        other.call("put_many", ["a", "b"])
        assert queue.qsize() == 2
        assert drain(queue) == self.in_order(["a", "b"])
        assert other.call("empty")

    @needs(multiprocess=True)
    def test_ids_of_two_processes_rise_together(self) -> None:
        """Ids are unique in the queue, whichever process has put the item."""
        queue = self.queue()
        other = self.process(queue)
        ids = [queue.put(0), other.call("put", 1), queue.put(2), *other.call("put_many", [3, 4])]
        ids.append(queue.put(5))
        assert ids == sorted(set(ids))

    @needs(multiprocess=True)
    def test_a_put_wakes_a_get_in_another_process(self) -> None:
        """A get that waits in another process has the item within 50 ms of the put."""
        queue = self.queue()
        other = self.process(queue)

        # So long that whoever polls polls as seldom as it ever does.
        pauses = [0.1 if number % 3 else 0.4 for number in range(7)]
        self.check_wake_ups(queue, lambda: other.submit(errands.get_and_when), pauses)

    @needs(multiprocess=True)
    def test_a_get_wakes_a_put_in_another_process(self) -> None:
        """A put that waits for room is woken by a get in another process."""
        queue = self.queue(maxsize=1)
        other = self.process(queue)
        queue.put("a")
        putting: Future[int] = other.submit("put", "b")
        assert is_waiting(putting, 0.1)
        assert queue.get_nowait() == "a"
        putting.result(self.patience)
        assert queue.get_nowait() == "b"

    @needs(multiprocess=True)
    def test_two_producers_and_two_consumers(self) -> None:
        """Of what two processes put and two get, nothing is lost, doubled or overtaken."""
        count = 400
        queue = self.queue()
        producers, consumers = ([self.process(queue) for _ in range(2)] for _ in range(2))
        producing: list[Future[None]] = [
            each.submit(errands.produce, str(number), count)
            for number, each in enumerate(producers)
        ]
        consuming: list[Future[list[Any]]] = [
            each.submit(errands.get_and_settle, count) for each in consumers
        ]
        for one in producing:
            one.result(self.patience)
        got = [each.result(self.patience) for each in consuming]
        everything = sorted(item for mine in got for item in mine)
        assert everything == [[str(name), number] for name in range(2) for number in range(count)]
        if self.order != "filo":
            for mine in got:
                for name in ("0", "1"):
                    numbers = [number for producer, number in mine if producer == name]
                    assert numbers == sorted(numbers)
        assert queue.empty()
        assert self.again(queue).empty()

    @needs(multiprocess=True, at_least_once=True, gives_back=True)
    def test_a_killed_consumer_gives_its_items_back(self) -> None:
        """What a process had out when it was killed comes again; what it had settled does not."""
        queue = self.queue()
        queue.put_many(range(20))
        order = self.in_order(range(20))
        other = self.process(queue)
        assert other.call(errands.get_and_settle, 5) == order[:5]
        assert other.call("get_many", 3) == order[5:8]
        assert queue.get_nowait() == order[8]
        other.kill()
        got = [queue.get(timeout=self.patience) for _ in range(14)]
        assert sorted(got) == sorted(order[5:8] + order[9:])
        with pytest.raises(Empty):
            queue.get(timeout=0.1)

    @needs(multiprocess=True, at_least_once=True, gives_back=True)
    def test_a_get_that_waits_has_what_a_killed_consumer_gives_back(self) -> None:
        """Nobody need come by: a get that waits takes the item of a process that is killed."""
        queue = self.queue()
        queue.put("a")
        other = self.process(queue)
        assert other.call("get_nowait") == "a"
        getting = self.thread().submit(queue.get)
        assert is_waiting(getting, 0.1)
        other.kill()
        assert getting.result(self.patience) == "a"

    @needs(multiprocess=True, at_least_once=True, gives_back=True)
    def test_a_live_consumer_is_never_robbed(self) -> None:
        """While one consumer is killed and the queue opened anew, another keeps what it has out."""
        queue = self.queue()
        queue.put_many(["a", "b"])
        live, dying = self.process(queue), self.process(queue)
        kept: str = live.call("get_nowait")
        lost: str = dying.call("get_nowait")
        stops = hasattr(signal, "SIGSTOP") and not self.needs_pulse
        if stops:
            os.kill(live.pid, signal.SIGSTOP)
        dying.kill()
        assert queue.get(timeout=self.patience) == lost
        settle(queue, lost)
        queue = self.again(queue)
        with pytest.raises(Empty):
            queue.get(timeout=0.3)
        if stops:
            os.kill(live.pid, signal.SIGCONT)
        live.call(errands.settle, kept)
        live.end()
        assert self.again(queue).empty()

    @needs(multiprocess=True, durable=True)
    def test_a_killed_producer_loses_nothing(self) -> None:
        """An item is in the queue once its put has returned, whatever happens to the process."""
        queue = self.queue()
        other = self.process(queue)
        other.call("put_many", range(100))
        other.call("put", 100)
        other.kill()
        assert queue.qsize() == 101
        assert drain(queue) == self.in_order(range(101))

    @forks
    @needs(multiprocess=True)
    def test_a_forked_child_goes_on(self) -> None:
        """A queue object that was used before a fork works in the child and in the parent."""
        queue = self.queue()
        parent = self.process(queue)
        parent.call("put", "a")
        assert parent.call(errands.in_fork, errands.put_and_get, "b") == self.in_order("ab")[0]
        assert (
            parent.call(errands.put_and_get, "c") == self.in_order([self.in_order("ab")[1], "c"])[0]
        )
        assert queue.qsize() == 1

    @forks
    @needs(multiprocess=True, at_least_once=True, gives_back=True)
    def test_a_forked_child_leaves_what_the_parent_has_out(self) -> None:
        """A child that ends neither settles nor gives back what its parent has out."""
        queue = self.queue()
        queue.put_many(["a", "b"])
        parent = self.process(queue)
        first: str = parent.call("get_nowait")
        assert parent.call(errands.in_fork, "get_nowait") != first
        assert queue.get(timeout=self.patience) != first
        with pytest.raises(Empty):
            queue.get(timeout=0.2)
        parent.kill()
        assert queue.get(timeout=self.patience) == first

    @forks
    @needs(multiprocess=True, at_least_once=True, gives_back=True)
    def test_a_forked_child_is_no_sign_of_life_of_its_parent(self) -> None:
        """What a killed process had out comes again though a child that it forked lives on."""
        queue = self.queue()
        queue.put("a")
        parent = self.process(queue)
        assert parent.call("get_nowait") == "a"
        bystander = parent.call(errands.fork_bystander)
        try:
            parent.kill()
            assert queue.get(timeout=self.patience) == "a"
        finally:
            os.kill(bystander, signal.SIGKILL)

    @forks
    @needs(multiprocess=True)
    @pytest.mark.skipif(sys.platform == "darwin", reason="threads and fork do not mix on macOS")
    def test_forks_while_threads_put(self) -> None:
        """A fork at any moment leaves neither side with a lock that nobody holds."""
        queue = self.queue()
        put = self.process(queue).call(errands.fork_under_load, 8)
        assert sorted(drain(queue)) == sorted(put)
