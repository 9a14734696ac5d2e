"""Delivery, of queues that settle by task_done or by the get itself; and join."""

from __future__ import annotations

import threading

import pytest

from pq_core.errors import Empty, Full, QueueClosed
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.elsewhere import is_waiting

__all__ = ["SettlingContract"]

ABC = ("a", "b", "c")


class SettlingContract(Contract):
    """Holds for queues with task_done and join."""

    @needs(durable=True, at_least_once=True)
    def test_what_was_not_settled_comes_again(self) -> None:
        """An item that was got and not settled comes again after re-opening, in its old place."""
        queue = self.queue()
        queue.put_many(ABC)
        order = self.in_order(ABC)
        assert [queue.get(), queue.get()] == order[:2]
        queue = self.again(queue)
        assert queue.qsize() == 3
        assert drain(queue) == order

    @needs(durable=True, at_least_once=True)
    def test_what_was_settled_never_comes_again(self) -> None:
        """task_done settles all that the thread has got so far; the rest is there afterwards."""
        queue = self.queue()
        queue.put_many(ABC)
        order = self.in_order(ABC)
        assert [queue.get(), queue.get()] == order[:2]
        queue.task_done()
        queue = self.again(queue)
        assert queue.qsize() == 1
        assert drain(queue) == order[2:]

    @needs(durable=True, at_least_once=False)
    def test_get_settles(self) -> None:
        """An item is settled when get returns it: it does not come again."""
        queue = self.queue()
        queue.put_many(ABC)
        order = self.in_order(ABC)
        assert queue.get() == order[0]
        queue = self.again(queue)
        assert queue.get_many(1) == order[1:2]
        queue = self.again(queue)
        assert drain(queue) == order[2:]

    @needs(durable=True, at_least_once=True)
    def test_get_many_is_settled_like_get(self) -> None:
        """task_done settles what get_many returned."""
        queue = self.queue()
        queue.put_many(range(10))
        order = self.in_order(range(10))
        assert queue.get_many(4) == order[:4]
        queue.task_done()
        assert queue.get_many(4) == order[4:8]
        queue = self.again(queue)
        assert drain(queue) == order[4:]

    @needs(durable=True, at_least_once=True)
    def test_what_comes_again_is_settled_in_the_end(self) -> None:
        """An item may come any number of times until it is settled, and then no more."""
        queue = self.queue()
        queue.put_many(ABC)
        first = self.in_order(ABC)[0]
        for _ in range(3):
            assert queue.get() == first
            queue = self.again(queue)
        assert queue.get() == first
        queue.task_done()
        queue = self.again(queue)
        assert drain(queue) == self.in_order(ABC)[1:]

    @needs(durable=True, at_least_once=True)
    def test_clear_leaves_what_is_out(self) -> None:
        """Clear removes what is ready; what is out comes again unless it is settled."""
        queue = self.queue()
        queue.put_many(ABC)
        first = queue.get()
        assert queue.clear() == 2
        queue.put("d")
        queue = self.again(queue)
        assert sorted(drain(queue)) == sorted([first, "d"])

    @needs(durable=True, at_least_once=True)
    def test_what_was_cleared_is_not_counted_again(self) -> None:
        """The size is that of what is ready, also where what was cleared lies behind it."""
        queue = self.queue()
        queue.put_many(ABC)
        order = self.in_order(ABC)
        assert [queue.get(), queue.get()] == order[:2]
        assert queue.clear() == 1
        queue = self.again(queue)
        assert queue.get() == order[0]
        queue.task_done()
        assert queue.get() == order[1]
        queue = self.again(queue)
        assert queue.qsize() == 1
        assert drain(queue) == order[1:2]
        assert queue.empty()

    @needs(durable=True, at_least_once=True)
    def test_task_done_leaves_the_items_of_other_threads(self) -> None:
        """Of two threads with an item each, one that says task_done settles its own only."""
        queue = self.queue()
        queue.put_many(ABC)
        order = self.in_order(ABC)
        one, two = self.thread(), self.thread()
        assert one.call(queue.get) == order[0]
        assert two.call(queue.get) == order[1]
        two.call(queue.task_done)
        queue = self.again(queue)
        assert drain(queue) == [order[0], order[2]]

    @needs(durable=True, at_least_once=True)
    def test_one_task_done_for_each_item_leaves_the_items_of_others(self) -> None:
        """A thread that has settled all it got may say so again; that settles nothing of others."""
        queue = self.queue()
        queue.put_many(ABC)
        order = self.in_order(ABC)
        one, two = self.thread(), self.thread()
        assert one.call(queue.get) == order[0]
        for item in order[1:]:
            assert two.call(queue.get) == item
        for _ in order[1:]:
            two.call(queue.task_done)
        queue = self.again(queue)
        assert drain(queue) == order[:1]

    @needs(durable=True, at_least_once=True)
    def test_a_thread_with_older_items_leaves_the_newer_of_others(self) -> None:
        """It is who got an item that counts, not which item is older."""
        queue = self.queue()
        queue.put_many(range(6))
        order = self.in_order(range(6))
        one, two = self.thread(), self.thread()
        assert one.call(queue.get) == order[0]
        assert two.call(queue.get_many, 2) == order[1:3]
        assert one.call(queue.get_many, 2) == order[3:5]
        one.call(queue.task_done)
        queue = self.again(queue)
        assert drain(queue) == [*order[1:3], order[5]]

    @needs(durable=True, at_least_once=True)
    def test_what_was_settled_takes_no_room(self) -> None:
        """An item that was settled before an older one leaves its room, after re-opening too."""
        queue = self.queue(maxsize=3)
        queue.put_many(ABC)
        one, two = self.thread(), self.thread()
        one.call(queue.get)
        two.call(queue.get)
        two.call(queue.task_done)
        queue = self.again(queue)
        assert queue.qsize() == 2
        assert not queue.full()
        queue.put_nowait("d")
        assert queue.full()
        with pytest.raises(Full):
            queue.put_nowait("e")

    @needs(durable=True, at_least_once=True)
    def test_a_thread_that_got_nothing_settles_the_oldest(self) -> None:
        """Where one thread gets and others work, each task_done settles the oldest item out."""
        queue = self.queue()
        queue.put_many(ABC)
        getter, worker = self.thread(), self.thread()
        order = self.in_order(ABC)
        assert [getter.call(queue.get), getter.call(queue.get)] == order[:2]
        oldest = min(order[:2])
        worker.call(queue.task_done)
        queue = self.again(queue)
        assert drain(queue) == [item for item in order if item != oldest]

    @needs(durable=True, at_least_once=True)
    def test_two_workers_settle_what_one_thread_got(self) -> None:
        """As many task_done as there were items settle them all, whoever says them."""
        queue = self.queue()
        queue.put_many(ABC)
        getter = self.thread()
        for _ in ABC:
            getter.call(queue.get)
        for _ in ABC:
            self.thread().call(queue.task_done)
        queue = self.again(queue)
        assert queue.empty()

    def test_one_task_done_for_each_item(self) -> None:
        """As with queue.Queue, task_done may be said once for every item that was got."""
        queue = self.queue()
        queue.put_many(ABC)
        for _ in ABC:
            queue.get()
        for _ in ABC:
            queue.task_done()
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()

    def test_task_done_too_often(self) -> None:
        """task_done without an item is a ValueError, and does no harm."""
        queue = self.queue()
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()
        queue.put("a")
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()
        assert queue.get() == "a"
        queue.task_done()
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()
        queue.put("b")
        assert queue.get() == "b"
        queue.task_done()

    def test_join_of_an_empty_queue(self) -> None:
        """Join returns at once where nothing waits to be settled."""
        queue = self.queue()
        self.thread().submit(queue.join).result(self.patience)
        queue.put("a")
        queue.get()
        queue.task_done()
        self.thread().submit(queue.join).result(self.patience)

    @needs(at_least_once=True)
    def test_join_waits_until_all_is_settled(self) -> None:
        """Join returns once every item was settled, not when it was got."""
        queue = self.queue()
        queue.put_many(["a", "b"])
        joining = self.thread().submit(queue.join)
        assert is_waiting(joining)
        queue.get()
        queue.task_done()
        assert is_waiting(joining)
        queue.get()
        assert is_waiting(joining)
        queue.task_done()
        joining.result(self.patience)

    def test_join_with_a_worker_loop(self) -> None:
        """The documented loop: workers get and say task_done, and join waits for their work."""
        queue = self.queue()
        go_on = threading.Event()
        done = []

        def worker() -> None:
            while True:
                item = queue.get()
                assert go_on.wait(self.patience)
                done.append(item)
                queue.task_done()

        workers = [self.thread().submit(worker) for _ in range(3)]
        for number in range(3):
            queue.put(number)
        joining = self.thread().submit(queue.join)
        assert is_waiting(joining)
        go_on.set()
        for number in range(3, 60):
            queue.put(number)
        joining.result(self.patience)
        self.thread().submit(queue.join).result(self.patience)
        assert sorted(done) == list(range(60))
        queue.close()
        assert all(isinstance(each.exception(self.patience), QueueClosed) for each in workers)

    @needs(at_least_once=False)
    def test_join_with_a_loop_that_only_gets(self) -> None:
        """Where get settles, workers that never say task_done do not keep join waiting."""
        queue = self.queue()

        def worker() -> None:
            while True:
                queue.get()

        self.thread().submit(worker)
        queue.put_many(range(30))
        self.thread().submit(queue.join).result(self.patience)
        assert queue.empty()

    @needs(durable=True)
    def test_join_waits_for_what_was_there_before(self) -> None:
        """What an earlier object put is waited for as well."""
        queue = self.queue()
        queue.put("a")
        queue = self.again(queue)
        joining = self.thread().submit(queue.join)
        assert is_waiting(joining)
        assert queue.get() == "a"
        queue.task_done()
        joining.result(self.patience)

    def test_clear_lets_join_return(self) -> None:
        """What was cleared is not waited for."""
        queue = self.queue()
        queue.put_many(ABC)
        joining = self.thread().submit(queue.join)
        assert is_waiting(joining)
        queue.clear()
        joining.result(self.patience)

    @needs(durable=True)
    def test_close_wakes_a_blocked_join(self) -> None:
        """A join that waits while another thread closes the queue raises QueueClosed."""
        queue = self.queue()
        queue.put("a")
        joining = self.thread().submit(queue.join)
        assert is_waiting(joining)
        queue.close()
        assert isinstance(joining.exception(self.patience), QueueClosed)

    @pytest.mark.parametrize("call", ["task_done", "join"])
    def test_a_closed_queue_refuses_to_settle(self, call: str) -> None:
        """task_done and join on a closed queue raise QueueClosed."""
        queue = self.queue()
        queue.put("a")
        queue.get()
        queue.close()
        with pytest.raises(QueueClosed):
            getattr(queue, call)()

    @needs(durable=True, at_least_once=True)
    def test_an_item_of_a_thread_that_has_ended(self) -> None:
        """What a thread got that has ended is not lost: it is out until it is settled or re-opened."""
        queue = self.queue()
        queue.put("a")
        thread = self.thread()
        thread.call(queue.get)
        thread.end()
        with pytest.raises(Empty):
            queue.get_nowait()
        queue = self.again(queue)
        assert drain(queue) == ["a"]
