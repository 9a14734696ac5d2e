"""Items go in and come out: ids, order, batches, looking without taking, counting."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest

from pq_core.errors import Empty, EncodeError
from pq_core.protocols import Stats
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.errands import settle

__all__ = ["ItemsContract"]

ABC = ("a", "b", "c")


class ItemsContract(Contract):
    """Holds for every queue, however its items are settled."""

    def test_put_returns_rising_ids(self) -> None:
        """A put returns an int that is greater than that of every earlier put."""
        queue = self.queue()
        ids = [queue.put(number) for number in range(10)]
        assert all(isinstance(id, int) for id in ids)
        assert all(earlier < later for earlier, later in pairwise(ids))

    @needs(durable=True)
    def test_ids_rise_for_ever(self) -> None:
        """An id is not used again, also where its item was settled and the queue opened anew."""
        queue = self.queue()
        ids = []
        for item in ABC:
            ids.append(queue.put(item))
            settle(queue, queue.get_nowait())
            queue = self.again(queue)
        assert ids == sorted(set(ids))

    @pytest.mark.parametrize("item", [None, 0, "", b"", False, [], {}], ids=repr)
    def test_an_empty_value_is_an_item(self, item: object) -> None:
        """None, 0, "" and b"" are ordinary items."""
        queue = self.queue()
        queue.put(item)
        assert queue.qsize() == 1
        assert list(queue.browse()) == [item]
        got = queue.get_nowait()
        assert got == item
        assert type(got) is type(item)
        with pytest.raises(Empty):
            queue.get_nowait()

    def test_items_come_in_order(self) -> None:
        """Items come in the order that the queue is named after."""
        queue = self.queue()
        for number in range(100):
            queue.put(number)
        assert drain(queue) == self.in_order(range(100))

    @needs(durable=True)
    def test_items_come_in_order_after_reopening(self) -> None:
        """The order is kept by the storage, not by the object."""
        queue = self.queue()
        for number in range(50):
            queue.put(number)
        queue = self.again(queue)
        assert drain(queue) == self.in_order(range(50))

    @needs(unique=False)
    def test_equal_items_are_two_items(self) -> None:
        """Putting an equal item again is putting another one."""
        queue = self.queue()
        first, second = queue.put("a"), queue.put("a")
        assert first != second
        assert drain(queue) == ["a", "a"]

    @needs(unique=True)
    def test_a_unique_queue_keeps_one_of_equal_items(self) -> None:
        """An item that is there already is not put again."""
        queue = self.queue()
        queue.put({"a": 1, "b": 2})
        queue.put({"b": 2, "a": 1})
        assert queue.qsize() == 1
        assert queue.get_nowait() == {"a": 1, "b": 2}

    def test_an_item_of_every_size_comes_back(self) -> None:
        """An item is as large as it likes, around every power of two and several megabytes."""
        queue = self.queue()
        items = [bytes([size % 251]) * (1 << power) for size, power in enumerate(range(1, 23))]
        items += [items[11] + b"+", items[15] + b"+", items[15][:-1], items[-1] + b"+"]
        for item in items:
            queue.put(item)
        assert drain(queue) == self.in_order(items)

    def test_a_got_item_is_a_copy(self) -> None:
        """What the producer does to an object after the put is not in the item."""
        queue = self.queue()
        item = [1]
        queue.put(item)
        item.append(2)
        assert queue.get_nowait() == [1]

    def test_serializer_is_used_for_every_item(self, serializer: Any) -> None:
        """Every serializer gives back what was put, after re-opening too."""
        item = {"text": "grün \0 \n", "numbers": {"-1.5": -1.5, "large": 1 << 40}, "none": None}
        queue = self.queue(serializer=serializer)
        queue.put(item)
        queue.put("last")
        if self.durable:
            queue = self.again(queue)
        assert drain(queue) == self.in_order([item, "last"])

    def test_put_many_returns_the_ids_in_put_order(self) -> None:
        """put_many puts the items in their order, and returns rising ids."""
        queue = self.queue()
        before = queue.put("first")
        ids = queue.put_many(ABC)
        assert len(ids) == 3
        assert [before, *ids] == sorted({before, *ids})
        assert drain(queue) == self.in_order(["first", *ABC])

    def test_put_many_takes_any_iterable(self) -> None:
        """put_many takes an iterator, and of nothing puts nothing."""
        queue = self.queue()
        assert len(queue.put_many(iter(ABC))) == 3
        assert queue.put_many([]) == []
        assert queue.qsize() == 3

    @needs(durable=True)
    def test_put_many_is_durable(self) -> None:
        """What put_many has put is there after re-opening."""
        queue = self.queue()
        queue.put_many(range(500))
        queue = self.again(queue)
        assert queue.get_many(1000) == self.in_order(range(500))

    def test_put_many_puts_all_or_none(self) -> None:
        """One item in the middle that cannot be serialized keeps all of them out."""
        queue = self.queue()
        queue.put("before")
        with pytest.raises(EncodeError):
            queue.put_many(["a", lambda: None, "c"])
        assert queue.qsize() == 1
        if self.durable:
            queue = self.again(queue)
        queue.put("after")
        assert drain(queue) == self.in_order(["before", "after"])

    def test_put_many_of_an_iterator_that_raises(self) -> None:
        """An iterator that raises half-way puts nothing, and its error reaches the caller."""

        def items() -> Any:
            yield "a"
            raise LookupError

        queue = self.queue()
        with pytest.raises(LookupError):
            queue.put_many(items())
        assert queue.empty()

    def test_get_many_takes_what_is_there(self) -> None:
        """get_many returns up to n items in order, and does not wait for more."""
        queue = self.queue()
        queue.put_many(range(5))
        order = self.in_order(range(5))
        assert queue.get_many(3, timeout=self.patience) == order[:3]
        assert queue.get_many(3, timeout=self.patience) == order[3:]
        with pytest.raises(Empty):
            queue.get_many(3, block=False)

    def test_get_and_get_many_take_turns(self) -> None:
        """Get and get_many take from the same place."""
        queue = self.queue()
        queue.put_many(range(6))
        order = self.in_order(range(6))
        assert queue.get() == order[0]
        assert queue.get_many(2) == order[1:3]
        assert queue.get() == order[3]
        assert queue.get_many(9) == order[4:]

    def test_peek_takes_nothing(self) -> None:
        """Peek shows the item that the next get takes, as often as it is asked."""
        queue = self.queue()
        queue.put_many(ABC)
        first = self.in_order(ABC)[0]
        assert [queue.peek(), queue.peek()] == [first, first]
        assert queue.qsize() == 3
        assert queue.get_nowait() == first
        assert queue.peek() == self.in_order(ABC)[1]

    def test_peek_of_an_empty_queue(self) -> None:
        """Peek does not wait: with nothing ready it raises Empty."""
        queue = self.queue()
        with pytest.raises(Empty):
            queue.peek()
        queue.put("a")
        queue.get_nowait()
        with pytest.raises(Empty):
            queue.peek()

    def test_browse_takes_nothing(self) -> None:
        """Browse shows the ready items in order, and leaves them there."""
        queue = self.queue()
        queue.put_many(ABC)
        assert list(queue.browse()) == self.in_order(ABC)
        assert list(queue.browse()) == self.in_order(ABC)
        first = queue.get_nowait()
        assert list(queue.browse()) == self.in_order(ABC)[1:]
        assert [first, *drain(queue)] == self.in_order(ABC)

    def test_browse_while_items_are_taken(self) -> None:
        """A get in the middle of a browse does not disturb either of them."""
        queue = self.queue()
        queue.put_many(range(200))
        order = self.in_order(range(200))
        looking = queue.browse()
        assert next(looking) == order[0]
        assert queue.get_many(100) == order[:100]
        rest = list(looking)
        assert rest == sorted(rest, key=order.index)
        assert set(order[100:]) <= set(rest)
        assert drain(queue) == order[100:]

    def test_a_browse_that_is_left_holds_nothing(self) -> None:
        """A browse that nobody goes on with keeps nobody from working."""
        queue = self.queue()
        queue.put_many(ABC)
        looking = queue.browse()
        next(looking)
        queue.put("d")
        assert len(drain(queue)) == 4
        del looking

    def test_clear_removes_what_is_ready(self) -> None:
        """Clear removes the ready items and returns how many they were; it stays usable."""
        queue = self.queue()
        queue.put_many(ABC)
        assert queue.clear() == 3
        assert queue.clear() == 0
        assert queue.empty()
        with pytest.raises(Empty):
            queue.get_nowait()
        queue.put("d")
        if self.durable:
            queue = self.again(queue)
        assert drain(queue) == ["d"]

    def test_sizes_agree(self) -> None:
        """qsize(), size, len() and empty() count the ready items."""
        queue = self.queue()

        def sizes() -> tuple[int, int, int, bool]:
            return queue.qsize(), queue.size, len(queue), queue.empty()

        assert sizes() == (0, 0, 0, True)
        queue.put_many(ABC)
        assert sizes() == (3, 3, 3, False)
        queue.get_nowait()
        assert sizes() == (2, 2, 2, False)
        drain(queue)
        assert sizes() == (0, 0, 0, True)

    @needs(durable=True)
    def test_sizes_come_from_the_storage(self) -> None:
        """A queue that was opened anew has the size that it had."""
        queue = self.queue()
        queue.put_many(range(7))
        queue = self.again(queue)
        assert queue.qsize() == 7
        queue.clear()
        assert self.again(queue).qsize() == 0

    def test_stats_count_every_item_once(self) -> None:
        """Stats counts an item as ready or, between get and settle, as leased."""
        queue = self.queue()
        empty = queue.stats()
        assert isinstance(empty, Stats)
        assert (empty.ready, empty.delayed, empty.leased, empty.dead) == (0, 0, 0, 0)
        assert empty.oldest_age is None
        queue.put_many(ABC)
        assert queue.stats().ready == 3
        item = queue.get_nowait()
        out = queue.stats()
        assert (out.ready, out.leased) == (2, 1 if self.at_least_once else 0)
        settle(queue, item)
        after = queue.stats()
        assert (after.ready, after.delayed, after.leased, after.dead) == (2, 0, 0, 0)
        assert after.oldest_age is None or 0 <= after.oldest_age < self.patience

    def test_stats_count_the_bytes(self) -> None:
        """Stats tells how much storage the queue takes: at least what its items are long."""
        queue = self.queue()
        queue.put(random.Random(0).randbytes(100_000))  # nothing that compresses
        assert queue.stats().bytes >= 100_000

    @needs(at_least_once=True)
    def test_stats_are_one_snapshot(self) -> None:
        """Counts taken while items move from ready to leased never miss or double one."""
        queue = self.queue()
        queue.put_many(range(300))
        taking = self.thread().submit(drain, queue)
        seen = [queue.stats()]
        while not taking.done():
            seen.append(queue.stats())
        seen.append(queue.stats())
        assert {stats.ready + stats.leased for stats in seen} == {300}
        assert (seen[0].leased <= seen[-1].leased, seen[-1].ready) == (True, 0)
