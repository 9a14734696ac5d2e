"""The contract of queues whose items are settled one by one: leases, messages, dead letters."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest

from pq_core.errors import DecodeError, Empty, LeaseLost, QueueClosed
from pq_core.message import Message
from pq_core.protocols import AckQueue
from pq_core.testing.clock import FakeClock
from pq_core.testing.contract._base import drain, needs
from pq_core.testing.contract._blocking import BlockingContract
from pq_core.testing.contract._drop_in import DropInContract
from pq_core.testing.contract._errors import ErrorContract, Moody
from pq_core.testing.contract._items import ItemsContract
from pq_core.testing.contract._processes import ProcessContract
from pq_core.testing.contract._sharing import SharingContract
from pq_core.testing.contract._storage import StorageContract
from pq_core.testing.elsewhere import is_waiting

__all__ = ["AckQueueContract"]

ABC = ("a", "b", "c")


class AckQueueContract(
    ItemsContract,
    BlockingContract,
    SharingContract,
    ProcessContract,
    ErrorContract,
    StorageContract,
    DropInContract,
):
    """What every queue with `receive` and `ack` promises; the tools are in `Contract`."""

    def test_it_is_an_ack_queue(self) -> None:
        """It has every name of the protocol AckQueue."""
        assert isinstance(self.queue(), AckQueue)

    # -- messages -----------------------------------------------------------------------------

    def test_a_message_tells_of_its_item(self) -> None:
        """A message has the item, its id, the attempt it is, and when the item was put."""
        queue = self.queue()
        begin = time.time()
        id = queue.put("a")
        message = queue.receive()
        assert isinstance(message, Message)
        assert (message.item, message.id, message.attempts) == ("a", id, 1)
        # A server's clock is not ours.
        assert abs(message.enqueued_at - begin) < 120
        message.ack()

    def test_receive_of_an_empty_queue(self) -> None:
        """Receive raises Empty like get, at once or after the timeout."""
        queue = self.queue()
        with pytest.raises(Empty):
            queue.receive_nowait()
        with pytest.raises(Empty):
            queue.receive(block=False)
        with pytest.raises(Empty):
            queue.receive(timeout=0.02)
        with pytest.raises(ValueError, match="timeout"):
            queue.receive(timeout=-1)

    def test_a_blocked_receive_is_woken_by_a_put(self) -> None:
        """A receive without a timeout waits until something is put."""
        queue = self.queue()
        receiving = self.thread().submit(queue.receive)
        assert is_waiting(receiving)
        queue.put("a")
        assert receiving.result(self.patience).item == "a"

    def test_close_wakes_a_blocked_receive(self) -> None:
        """A receive that waits while another thread closes the queue raises QueueClosed."""
        queue = self.queue()
        receiving = self.thread().submit(queue.receive)
        assert is_waiting(receiving)
        queue.close()
        assert isinstance(receiving.exception(self.patience), QueueClosed)

    def test_an_acked_item_never_comes_again(self) -> None:
        """What was acked is gone, after re-opening too."""
        queue = self.queue()
        queue.put_many(ABC)
        queue.receive().ack()
        assert queue.stats().leased == 0
        queue = self.again(queue)
        assert drain(queue) == self.in_order(ABC)[1:]

    @needs(durable=True, gives_back=True)
    def test_an_item_that_was_not_acked_comes_again(self) -> None:
        """What was received and not settled comes again after re-opening."""
        queue = self.queue()
        queue.put("a")
        assert queue.receive().attempts == 1
        queue = self.again(queue)
        message = queue.receive(timeout=self.patience)
        assert (message.item, message.attempts) == ("a", 2)

    @needs(durable=True, gives_back=True)
    def test_an_object_that_is_open_gets_what_a_closed_one_had(self) -> None:
        """The other objects of the process need not be told, nor wait."""
        one = self.queue()
        with self.open(self.place, **self.options) as two:
            one.put("a")
            one.receive()
            with pytest.raises(Empty):
                two.receive_nowait()
            one.close()
            assert two.receive_nowait().item == "a"

    def test_a_nacked_item_is_ready_again(self) -> None:
        """What was nacked comes again in its old place, as another attempt."""
        queue = self.queue()
        queue.put_many(ABC)
        first = queue.receive()
        first.nack()
        again = queue.receive()
        assert (again.item, again.id, again.attempts) == (first.item, first.id, 2)
        assert queue.qsize() == 2

    def test_a_nack_wakes_a_blocked_receive(self) -> None:
        """A receive that waits takes what another consumer nacks."""
        queue = self.queue()
        queue.put("a")
        message = queue.receive()
        receiving = self.thread().submit(queue.receive)
        assert is_waiting(receiving)
        message.nack()
        assert receiving.result(self.patience).item == "a"

    def test_a_clean_exit_acks(self) -> None:
        """A message as a context manager is acked where the body ends without an exception."""
        queue = self.queue()
        queue.put("a")
        with queue.receive() as message:
            assert message.item == "a"
        assert message.settled
        assert drain(self.again(queue)) == []

    def test_an_exception_nacks(self) -> None:
        """Where the body raises, the message is nacked and the exception goes on."""
        queue = self.queue()
        queue.put("a")
        with pytest.raises(LookupError), queue.receive():
            raise LookupError
        assert queue.receive_nowait().attempts == 2

    def test_a_message_is_settled_once(self) -> None:
        """Settling again in the same way does nothing, in another way it is LeaseLost."""
        queue = self.queue()
        queue.put("a")
        message = queue.receive()
        message.ack()
        message.ack()
        for settle in (message.nack, message.fail, lambda: message.extend(1)):
            with pytest.raises(LeaseLost):
                settle()
        assert queue.stats().ready == 0

    def test_messages_are_settled_in_any_order(self) -> None:
        """Messages are settled in any order, each for itself, from any thread."""
        queue = self.queue()
        queue.put_many(range(6))
        messages = [queue.receive() for _ in range(6)]
        order = [message.item for message in messages]
        for number in (4, 0, 3):
            self.thread().call(messages[number].ack)
        for number in (5, 1):
            messages[number].nack()
        assert queue.stats().leased == 1
        assert sorted(drain(queue)) == sorted([order[5], order[1]])

    # -- settling by item, id and raw ------------------------------------------------------------

    def test_ack_by_id(self) -> None:
        """ack, nack and ack_failed take the id that put returned, and return it."""
        queue = self.queue()
        ids = queue.put_many(ABC)
        for _ in ids:
            queue.get()
        assert queue.ack(id=ids[0]) == ids[0]
        assert queue.nack(id=ids[1]) == ids[1]
        assert queue.ack_failed(id=ids[2]) == ids[2]
        assert drain(queue) == ["b"]

    def test_ack_by_item(self) -> None:
        """ack, nack and ack_failed take the very object that get returned."""
        queue = self.queue()
        ids = queue.put_many([["a"], ["b"], ["c"]])
        items = sorted(queue.get() for _ in ids)
        assert queue.ack_failed(items[2]) == ids[2]
        assert queue.nack(items[1]) == ids[1]
        assert queue.ack(items[0]) == ids[0]
        assert drain(queue) == [["b"]]

    def test_ack_by_an_equal_item(self) -> None:
        """An item that equals one that is out stands for it."""
        queue = self.queue()
        id = queue.put({"a": [1]})
        queue.get()
        assert queue.ack({"a": [1]}) == id
        assert drain(self.again(queue)) == []

    @needs(unique=False)
    def test_identity_comes_before_equality(self) -> None:
        """Of two equal items that are out, the object itself tells which one is meant."""
        queue = self.queue()
        first_id, second_id = queue.put([1]), queue.put([1])
        first, second = queue.get(), queue.get()
        ids = [first_id, second_id] if self.order != "filo" else [second_id, first_id]
        assert queue.ack(second) == ids[1]
        assert queue.ack(first) == ids[0]

    @needs(unique=False)
    def test_equal_small_values(self) -> None:
        """Two items that are the same object in memory are settled one by one."""
        queue = self.queue()
        ids = {queue.put(1), queue.put(1)}
        items = [queue.get(), queue.get()]
        assert {queue.ack(item) for item in items} == ids
        assert drain(self.again(queue)) == []

    @pytest.mark.parametrize("item", [None, 0, "", b""], ids=repr)
    def test_an_empty_value_is_settled(self, item: object) -> None:
        """None, 0, "" and b"" are settled by item like any other; None, for which it stands, by id."""
        queue = self.queue()
        id = queue.put(item)
        assert queue.get() == item
        assert (queue.ack(id=id) if item is None else queue.ack(item)) == id
        assert drain(self.again(queue)) == []

    @needs(has_raw=True)
    def test_ack_by_the_raw_item(self) -> None:
        """What get(raw=True) returned can be settled like the item."""
        queue = self.queue()
        ids = queue.put_many(ABC)
        raws = sorted((queue.get(raw=True) for _ in ids), key=lambda raw: int(raw["pqid"]))
        assert [raw["pqid"] for raw in raws] == ids
        assert [raw["data"] for raw in raws] == list(ABC)
        assert queue.ack(raws[0]) == ids[0]
        assert queue.nack(raws[1]) == ids[1]
        assert queue.ack_failed(raws[2]) == ids[2]
        assert drain(queue) == ["b"]

    @pytest.mark.parametrize("way", ["ack", "nack", "ack_failed"])
    def test_settling_twice_counts_once(self, way: str) -> None:
        """A second ack, nack or ack_failed of the same lease changes nothing."""
        queue = self.queue()
        id = queue.put("a")
        queue.get()
        getattr(queue, way)(id=id)
        before = queue.stats()
        with suppress(LeaseLost):
            getattr(queue, way)(id=id)
        after = queue.stats()
        assert (after.ready, after.leased, after.dead) == (before.ready, before.leased, before.dead)

    def test_ack_many(self) -> None:
        """ack_many settles the items with these ids, and returns how many were still out."""
        queue = self.queue()
        ids = queue.put_many(range(5))
        queue.get_many(5)
        queue.ack(id=ids[0])
        assert queue.ack_many(ids[:3]) == 2
        assert queue.ack_many([]) == 0
        assert queue.stats().leased == 2

    # -- dead letters -----------------------------------------------------------------------------

    def test_a_failed_item_is_a_dead_letter(self) -> None:
        """Fail keeps the item with its reason, its bytes and its attempts."""
        queue = self.queue(serializer="json")
        id = queue.put("a")
        queue.receive().fail(reason="no such customer")
        (letter,) = queue.dead_letters()
        assert (letter.id, letter.reason, letter.attempts) == (id, "no such customer", 1)
        assert letter.data == b'"a"'
        assert queue.stats().dead == 1
        assert drain(queue) == []
        assert len(self.again(queue).dead_letters()) == 1

    def test_ack_failed_keeps_its_reason(self) -> None:
        """ack_failed is fail by item or id."""
        queue = self.queue()
        queue.put("a")
        queue.ack_failed(queue.get(), reason="no such customer")
        assert [letter.reason for letter in queue.dead_letters()] == ["no such customer"]

    def test_a_redriven_item_is_ready_again(self) -> None:
        """Redrive makes dead letters ready, all or those with these ids."""
        queue = self.queue()
        ids = queue.put_many(ABC)
        for _ in ids:
            queue.receive().fail()
        assert queue.redrive([ids[1]]) == 1
        assert queue.receive().item == "b"
        assert queue.redrive() == 2
        assert sorted(drain(queue)) == ["a", "c"]
        assert queue.dead_letters() == []

    def test_max_attempts(self) -> None:
        """The failure of the last attempt makes the item a dead letter."""
        queue = self.queue(max_attempts=2)
        queue.put("a")
        queue.receive().nack()
        last = queue.receive()
        assert last.attempts == 2
        last.nack()
        with pytest.raises(Empty):
            queue.receive_nowait()
        assert [letter.attempts for letter in queue.dead_letters()] == [2]

    def test_receive_of_what_cannot_be_read(self) -> None:
        """Receive raises DecodeError once, and the item is a dead letter."""
        queue = self.queue(serializer=Moody())
        id = queue.put("bad")
        with pytest.raises(DecodeError) as raised:
            queue.receive_nowait()
        assert raised.value.id == id
        assert [letter.id for letter in queue.dead_letters()] == [id]
        assert queue.stats().leased == 0

    # -- time -------------------------------------------------------------------------------------

    @needs(has_clock=True)
    def test_a_lease_ends(self) -> None:
        """An item is ready again once its lease has ended, and no moment before."""
        clock = FakeClock()
        queue = self.queue(lease=30, clock=clock)
        queue.put("a")
        queue.receive()
        clock.advance(29)
        with pytest.raises(Empty):
            queue.receive_nowait()
        clock.advance(2)
        assert queue.receive_nowait().attempts == 2

    @needs(has_clock=True)
    def test_a_lease_that_has_ended_settles_nothing(self) -> None:
        """Whoever comes too late gets LeaseLost; the item is the next consumer's."""
        clock = FakeClock()
        queue = self.queue(lease=30, clock=clock)
        queue.put("a")
        late = queue.receive()
        clock.advance(31)
        message = queue.receive_nowait()
        with pytest.raises(LeaseLost):
            late.ack()
        with pytest.raises(LeaseLost):
            late.extend(30)
        assert queue.stats().leased == 1
        message.ack()
        clock.advance(31)
        assert drain(queue) == []

    @needs(has_clock=True)
    def test_extend(self) -> None:
        """An extended lease ends so many seconds after the call."""
        clock = FakeClock()
        queue = self.queue(lease=30, clock=clock)
        queue.put("a")
        message = queue.receive()
        clock.advance(29)
        message.extend(60)
        clock.advance(59)
        with pytest.raises(Empty):
            queue.receive_nowait()
        message.ack()
        clock.advance(60)
        assert drain(queue) == []

    @needs(has_clock=True)
    def test_a_nack_with_a_delay(self) -> None:
        """nack(delay=) makes the item ready so many seconds later; it is counted as delayed."""
        clock = FakeClock()
        queue = self.queue(clock=clock)
        queue.put("a")
        queue.receive().nack(delay=10)
        assert (queue.stats().ready, queue.stats().delayed, queue.qsize()) == (0, 1, 0)
        clock.advance(9)
        assert drain(queue) == []
        clock.advance(2)
        assert drain(queue) == ["a"]

    @needs(has_clock=True)
    def test_a_put_with_a_delay(self) -> None:
        """put(delay=) hides the item for so many seconds."""
        clock = FakeClock()
        queue = self.queue(clock=clock)
        queue.put("late", delay=10)
        queue.put("early")
        assert drain(queue) == ["early"]
        assert queue.stats().delayed == 1
        clock.advance(11)
        assert drain(queue) == ["late"]

    @needs(has_clock=True)
    def test_clear_takes_what_is_delayed(self) -> None:
        """Clear removes delayed items, too."""
        queue = self.queue(clock=FakeClock())
        queue.put("late", delay=10)
        queue.put("early")
        assert queue.clear() == 2
        assert queue.stats().delayed == 0

    @needs(has_clock=True)
    def test_time_to_live(self) -> None:
        """put(ttl=) drops the item if nobody has got it within so many seconds."""
        clock = FakeClock()
        queue = self.queue(clock=clock)
        queue.put("short", ttl=10)
        queue.put("long", ttl=100)
        clock.advance(11)
        assert drain(queue) == ["long"]
        assert queue.stats().ready == 0

    def test_priority(self) -> None:
        """The lowest priority comes first, and in one priority the order of the queue counts."""
        queue = self.queue()
        for item, priority in (("c", 5), ("a", -1), ("d", 5), ("b", 0)):
            queue.put(item, priority=priority)
        assert drain(queue) == ["a", "b", *self.in_order(["c", "d"])]

    def test_dedupe_key(self) -> None:
        """A second item with the same key is not stored; put returns the id of the first."""
        queue = self.queue()
        first = queue.put("a", dedupe_key="key")
        assert queue.put("b", dedupe_key="key") == first
        assert queue.put("c", dedupe_key="other") != first
        assert queue.put("d") != first
        assert drain(queue) == self.in_order(["a", "c", "d"])

    # -- who may take what ------------------------------------------------------------------------

    def test_a_live_consumer_keeps_its_lease(self) -> None:
        """Another opener, whatever it resumes, takes nothing from a consumer that lives."""
        one = self.queue()
        one.put("a")
        message = one.receive()
        with self.open(self.place, **self.options) as two:
            with pytest.raises(Empty):
                two.receive_nowait()
            assert two.stats().leased == 1
        message.ack()
        assert drain(self.again(one)) == []
