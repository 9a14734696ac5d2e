"""What goes wrong with an item: it cannot be written, cannot be read, and must not be shown."""

from __future__ import annotations

import logging
import pickle
from typing import Any

import pytest

from pq_core.errors import DecodeError, Empty, EncodeError, QueueError
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.errands import settle

__all__ = ["ErrorContract"]

SECRET = "Ep3-cr3t-marker"


class Moody:
    """A serializer that cannot read items that hold a "bad", as long as it is in the mood."""

    def __init__(self) -> None:
        self.mood = True

    def dumps(self, value: object) -> bytes:
        return pickle.dumps(value)

    def loads(self, data: bytes) -> Any:
        item = pickle.loads(data)
        if self.mood and "bad" in str(item):
            raise RuntimeError(f"cannot read {item!r}")
        return item


class Unwritable:
    """An item that no serializer takes, and that tells its secret to whoever looks at it."""

    def __reduce__(self) -> Any:
        raise TypeError(f"no bytes for {SECRET}")

    def __repr__(self) -> str:
        return SECRET

    __str__ = __repr__


def shown(error: BaseException) -> str:
    """Everything that an error says of itself."""
    return f"{error} {error!r} {error.args!r} {getattr(error, '__notes__', '')} {vars(error)!r}"


class ErrorContract(Contract):
    """Holds for every queue, however its items are settled."""

    def test_an_item_that_cannot_be_serialized(self) -> None:
        """Put raises EncodeError, also a ValueError, and the queue is as before."""
        queue = self.queue()
        queue.put("before")
        for refused in (lambda: None, Unwritable(), {"deep": [Unwritable()]}):
            with pytest.raises(EncodeError) as raised:
                queue.put(refused)
            assert isinstance(raised.value, ValueError)
            assert isinstance(raised.value, QueueError)
            assert raised.value.__cause__ is not None
        assert queue.qsize() == 1
        if self.durable:
            queue = self.again(queue)
        queue.put("after")
        assert drain(queue) == self.in_order(["before", "after"])

    def test_a_serializer_that_refuses(self) -> None:
        """What json cannot write is an EncodeError too."""
        queue = self.queue(serializer="json")
        with pytest.raises(EncodeError):
            queue.put({1, 2})
        assert queue.empty()

    def test_an_item_that_cannot_be_read_back(self) -> None:
        """Get raises DecodeError with its id once; it is a dead letter, and the next get goes on."""
        moody = Moody()
        queue = self.queue(serializer=moody)
        id = queue.put("bad")
        with pytest.raises(DecodeError) as raised:
            queue.get_nowait()
        assert raised.value.id == id
        assert str(id) in str(raised.value)
        assert isinstance(raised.value, ValueError)
        with pytest.raises(Empty):
            queue.get_nowait()
        queue.put("good")
        assert queue.get_nowait() == "good"

    def test_a_dead_letter_has_the_bytes(self) -> None:
        """The dead letter holds id, reason and the bytes as they were stored."""
        moody = Moody()
        queue = self.queue(serializer=moody)
        id = queue.put("bad")
        assert queue.dead_letters() == []
        with pytest.raises(DecodeError):
            queue.get_nowait()
        (letter,) = queue.dead_letters()
        assert letter.id == id
        assert letter.data == moody.dumps("bad")
        assert letter.reason
        assert queue.stats().dead == 1
        assert queue.stats().ready == 0

    @needs(durable=True)
    def test_dead_letters_are_durable(self) -> None:
        """Dead letters are there after re-opening, oldest first, and their items are not."""
        moody = Moody()
        queue = self.queue(serializer=moody)
        ids = [queue.put(item) for item in ("bad one", "good", "bad two")]
        for _ in range(2):
            with pytest.raises(DecodeError):
                while True:
                    settle(queue, queue.get_nowait())
        queue = self.again(queue)
        assert sorted(letter.id for letter in queue.dead_letters()) == [ids[0], ids[2]]
        assert drain(queue) == []

    def test_redrive_puts_a_dead_letter_back(self) -> None:
        """What was redriven is got like any other item, and is no dead letter any more."""
        moody = Moody()
        queue = self.queue(serializer=moody)
        ids = [queue.put(item) for item in ("bad one", "bad two", "bad three")]
        for _ in ids:
            with pytest.raises(DecodeError):
                queue.get_nowait()
        moody.mood = False
        assert queue.redrive([ids[1]]) == 1
        assert queue.get_nowait() == "bad two"
        assert sorted(letter.id for letter in queue.dead_letters()) == [ids[0], ids[2]]
        assert queue.redrive() == 2
        assert queue.dead_letters() == []
        assert sorted(drain(queue)) == ["bad one", "bad three"]
        assert queue.redrive() == 0

    def test_redrive_of_what_still_cannot_be_read(self) -> None:
        """An item that was redriven and still cannot be read is a dead letter again."""
        queue = self.queue(serializer=Moody())
        queue.put("bad")
        for _ in range(3):
            with pytest.raises(DecodeError):
                queue.get_nowait()
            with pytest.raises(Empty):
                queue.get_nowait()
            assert len(queue.dead_letters()) == 1
            assert queue.redrive() == 1
        queue.clear()

    def test_redrive_of_an_unknown_id(self) -> None:
        """An id that is no dead letter is passed over."""
        queue = self.queue()
        id = queue.put("a")
        assert queue.redrive([id, id + 1000]) == 0
        assert queue.qsize() == 1

    def test_get_many_passes_over_what_cannot_be_read(self) -> None:
        """An item among others that cannot be read takes none of them with it."""
        queue = self.queue(serializer=Moody())
        items = ["a", "bad 1", "b", "bad 2", "c"]
        queue.put_many(items)
        good: list[str] = []
        for _ in range(2 * len(items)):
            try:
                good += queue.get_many(10, block=False)
            except DecodeError:
                continue
            except Empty:
                break
        assert good == self.in_order(["a", "b", "c"])
        assert len(queue.dead_letters()) == 2

    @needs(durable=True)
    def test_the_neighbours_of_a_dead_letter_are_settled_as_ever(self) -> None:
        """A dead letter settles neither what was got before it nor what comes after."""
        queue = self.queue(serializer=Moody())
        order = self.in_order(["a", "bad", "b"])
        queue.put_many(["a", "bad", "b"])
        assert queue.get_nowait() == order[0]
        with pytest.raises(DecodeError):
            queue.get_nowait()
        queue = self.again(queue)
        left = [order[0], order[2]] if self.at_least_once else [order[2]]
        assert drain(queue) == left
        assert len(queue.dead_letters()) == 1

    def test_an_item_that_cannot_be_read_wakes_a_blocked_get(self) -> None:
        """A get that waits is told of it as well."""
        queue = self.queue(serializer=Moody())
        getting = self.thread().submit(queue.get)
        queue.put("bad")
        assert isinstance(getting.exception(self.patience), DecodeError)

    def test_no_error_shows_an_item(self, caplog: pytest.LogCaptureFixture) -> None:
        """Neither an error nor the log shows anything of an item."""
        caplog.set_level(logging.DEBUG)
        queue = self.queue(serializer=Moody(), maxsize=1)
        errors: list[BaseException] = []
        for refused in (Unwritable(), [SECRET, lambda: None], {SECRET: Unwritable()}):
            with pytest.raises(EncodeError) as raised:
                queue.put(refused)
            errors.append(raised.value)
        with pytest.raises(EncodeError) as raised:
            queue.put_many([SECRET, Unwritable()])
        errors.append(raised.value)
        queue.put({"bad": SECRET})
        with pytest.raises(QueueError) as full:
            queue.put_nowait(SECRET)
        errors.append(full.value)
        with pytest.raises(DecodeError) as unreadable:
            queue.get_nowait()
        errors.append(unreadable.value)
        assert not any(SECRET in shown(error) for error in errors)
        assert SECRET not in caplog.text
        assert SECRET not in repr(queue)
        (letter,) = queue.dead_letters()
        assert SECRET not in repr(letter)
        assert SECRET not in letter.reason
        assert SECRET.encode() in letter.data
