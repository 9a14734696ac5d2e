"""Messages: settled once, in one way."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from pq_core import LeaseLost, Message, StorageBusy


class Leases:
    """A storage of leases in memory that obeys the rules of a settler."""

    def __init__(self) -> None:
        self.tokens = {7: "lease-1"}
        self.calls: list[tuple[object, ...]] = []
        self.busy = False

    def _settle(self, id: int, token: str) -> None:
        if self.busy:
            raise StorageBusy("the storage is busy; try again")
        if self.tokens.get(id) != token:
            raise LeaseLost(f"the lease of {id} has ended; receive it again")

    def ack(self, id: int, token: str, /) -> None:
        self._settle(id, token)
        del self.tokens[id]
        self.calls.append(("ack", id))

    def nack(self, id: int, token: str, delay: float, /) -> None:
        self._settle(id, token)
        del self.tokens[id]
        self.calls.append(("nack", id, delay))

    def fail(self, id: int, token: str, reason: str, /) -> None:
        self._settle(id, token)
        del self.tokens[id]
        self.calls.append(("fail", id, reason))

    def extend(self, id: int, token: str, seconds: float, /) -> None:
        self._settle(id, token)
        self.calls.append(("extend", id, seconds))


def message_of(leases: Leases) -> Message[str]:
    """A message that holds the one lease there is."""
    return Message(
        "the payload", id=7, attempts=2, enqueued_at=1.5, settler=leases, token="lease-1"
    )


Settle = Callable[[Message[str]], None]
WAYS: dict[str, Settle] = {
    "ack": lambda message: message.ack(),
    "nack": lambda message: message.nack(),
    "fail": lambda message: message.fail(),
}
DONE = {"ack": "acked", "nack": "nacked", "fail": "failed"}
PAIRS = [(first, second) for first in WAYS for second in WAYS if first != second]


@pytest.fixture
def leases() -> Leases:
    """A storage with one lease."""
    return Leases()


def test_a_message_shows_what_was_received(leases: Leases) -> None:
    """Item, id, attempts and time are attributes, and a new message is not settled."""
    message = message_of(leases)

    assert (message.item, message.id, message.attempts, message.enqueued_at) == (
        "the payload",
        7,
        2,
        1.5,
    )
    assert not message.settled


@pytest.mark.parametrize(
    ("settle", "call"),
    [
        (lambda m: m.ack(), ("ack", 7)),
        (lambda m: m.nack(), ("nack", 7, 0.0)),
        (lambda m: m.nack(2.5), ("nack", 7, 2.5)),
        (lambda m: m.nack(delay=2.5), ("nack", 7, 2.5)),
        (lambda m: m.fail(), ("fail", 7, "")),
        (lambda m: m.fail(reason="no such customer"), ("fail", 7, "no such customer")),
    ],
)
def test_settling_reaches_the_storage(
    leases: Leases, settle: Settle, call: tuple[object, ...]
) -> None:
    """Each way of settling reaches the storage with its arguments and settles the message."""
    message = message_of(leases)
    settle(message)

    assert leases.calls == [call]
    assert message.settled


def test_extend_does_not_settle(leases: Leases) -> None:
    """A lease can be extended any number of times before the message is settled."""
    message = message_of(leases)
    message.extend(30)
    message.extend(0.5)

    assert leases.calls == [("extend", 7, 30), ("extend", 7, 0.5)]
    assert not message.settled


@pytest.mark.parametrize("way", WAYS)
def test_settling_again_in_the_same_way_does_nothing(leases: Leases, way: str) -> None:
    """The second of two equal settlements is quiet and does not reach the storage."""
    message = message_of(leases)
    WAYS[way](message)
    WAYS[way](message)

    assert len(leases.calls) == 1


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_settling_again_in_another_way_is_refused(leases: Leases, first: str, second: str) -> None:
    """A settled message cannot change its outcome; the error says what it is."""
    message = message_of(leases)
    WAYS[first](message)

    with pytest.raises(LeaseLost, match=rf"message 7 .* already {DONE[first]}"):
        WAYS[second](message)
    assert len(leases.calls) == 1
    assert message.settled


@pytest.mark.parametrize("way", WAYS)
def test_a_settled_message_cannot_be_extended(leases: Leases, way: str) -> None:
    """Extending a settled message raises LeaseLost."""
    message = message_of(leases)
    WAYS[way](message)

    with pytest.raises(LeaseLost, match="cannot be extended"):
        message.extend(1)
    assert len(leases.calls) == 1


@pytest.mark.parametrize("way", WAYS)
def test_a_lost_lease_stays_lost(leases: Leases, way: str) -> None:
    """After LeaseLost nothing settles the message, not even once more in the same way."""
    message = message_of(leases)
    leases.tokens[7] = "lease-2"

    with pytest.raises(LeaseLost):
        WAYS[way](message)
    leases.tokens[7] = "lease-1"
    for again in WAYS.values():
        with pytest.raises(LeaseLost, match="its lease has ended"):
            again(message)
    assert not message.settled
    assert leases.calls == []


@pytest.mark.parametrize("way", WAYS)
def test_a_busy_storage_settles_nothing(leases: Leases, way: str) -> None:
    """A settlement that failed in the storage can be tried again."""
    message = message_of(leases)
    leases.busy = True
    with pytest.raises(StorageBusy):
        WAYS[way](message)
    assert not message.settled

    leases.busy = False
    WAYS[way](message)
    assert message.settled


@pytest.mark.parametrize("delay", [-1, -0.001, float("nan")])
def test_a_delay_is_not_negative(leases: Leases, delay: float) -> None:
    """A delay that is negative or no number is refused and settles nothing."""
    message = message_of(leases)
    with pytest.raises(ValueError, match="delay"):
        message.nack(delay)
    assert not message.settled


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_an_extension_is_positive(leases: Leases, seconds: float) -> None:
    """An extension by nothing, by less or by no number is refused."""
    with pytest.raises(ValueError, match="seconds"):
        message_of(leases).extend(seconds)
    assert leases.calls == []


def test_a_clean_exit_acks(leases: Leases) -> None:
    """Leaving the with block normally acks."""
    with message_of(leases) as message:
        assert message.item == "the payload"

    assert leases.calls == [("ack", 7)]


@pytest.mark.parametrize("error", [RuntimeError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_an_exception_nacks_and_goes_on(leases: Leases, error: BaseException) -> None:
    """Leaving the with block by any exception nacks, and the exception is not swallowed."""
    with pytest.raises(type(error)) as caught, message_of(leases):
        raise error

    assert caught.value is error
    assert leases.calls == [("nack", 7, 0.0)]


@pytest.mark.parametrize("way", WAYS)
def test_the_exit_does_not_settle_again(leases: Leases, way: str) -> None:
    """What the body has settled stays as it is, also when the body then fails."""
    with message_of(leases) as message:
        WAYS[way](message)
    assert [call[0] for call in leases.calls] == [way]

    leases.tokens[7] = "lease-1"
    with pytest.raises(RuntimeError), message_of(leases) as message:
        WAYS[way](message)
        raise RuntimeError
    assert [call[0] for call in leases.calls] == [way, way]


def test_a_lease_lost_before_a_clean_exit_is_told(leases: Leases) -> None:
    """Work that was finished too late raises LeaseLost at the exit: it will be done again."""
    with pytest.raises(LeaseLost), message_of(leases):
        leases.tokens[7] = "lease-2"


def test_a_lease_lost_before_an_exception_does_not_hide_it(leases: Leases) -> None:
    """Where the nack at the exit fails, the caller still sees the exception of the body."""
    with pytest.raises(ZeroDivisionError), message_of(leases):
        leases.tokens[7] = "lease-2"
        raise ZeroDivisionError

    leases.tokens[7] = "lease-1"
    leases.busy = True
    with pytest.raises(ZeroDivisionError), message_of(leases):
        raise ZeroDivisionError


def test_a_lost_lease_that_the_body_dealt_with_is_not_told_twice(leases: Leases) -> None:
    """Where the body has caught LeaseLost, the exit is quiet."""
    with message_of(leases) as message:
        leases.tokens[7] = "lease-2"
        with pytest.raises(LeaseLost):
            message.extend(1)
    assert leases.calls == []


def test_a_message_is_settled_once_by_many_threads() -> None:
    """Of two threads that ack at the same time one reaches the storage, and both succeed."""
    second_came = threading.Event()

    class Slow(Leases):
        inside = 0

        def ack(self, id: int, token: str, /) -> None:
            self.inside += 1
            if self.inside > 1:
                second_came.set()
            else:
                second_came.wait(0.3)
            super().ack(id, token)

    leases = Slow()
    message = message_of(leases)
    errors: list[Exception] = []
    start = threading.Barrier(2)

    def settle() -> None:
        start.wait()
        try:
            message.ack()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=settle) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert leases.inside == 1


def test_the_repr_shows_no_item(leases: Leases) -> None:
    """A message in a log shows its id and state and nothing of the payload."""
    message = message_of(leases)
    assert repr(message) == "<Message id=7 attempts=2 leased>"
    message.fail("wrong")
    assert repr(message) == "<Message id=7 attempts=2 failed>"
    assert not hasattr(message, "__dict__")
