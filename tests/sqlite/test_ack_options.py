"""Delay, ttl, attempts, back-off and dedupe keys, by a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import Empty, LeaseLost
from pq_sqlite import DuplicateKey, SQLiteAckQueue

Open = Callable[..., SQLiteAckQueue[Any]]


@pytest.fixture
def now() -> list[float]:
    """The time, in seconds since the epoch."""
    return [1_700_000_000.0]


@pytest.fixture
def opened(tmp_path: Path, now: list[float]) -> Iterator[Open]:
    """Opens queues on one path and closes them in the end."""
    with ExitStack() as queues:
        yield lambda **options: queues.enter_context(
            SQLiteAckQueue(tmp_path, clock=lambda: now[0], **options)
        )


def test_a_delayed_item(opened: Open, now: list[float]) -> None:
    """An item with a delay is not visible before, for any object on the queue."""
    one, two = opened(), opened()
    one.put("later", delay=10)
    assert (two.size, two.stats().delayed, two.active_size()) == (0, 1, 1)
    with pytest.raises(Empty):
        two.get(block=False)
    now[0] += 10
    assert two.get(block=False) == "later"


def test_an_item_that_outlives_its_ttl(opened: Open, now: list[float]) -> None:
    """An item is dropped after its ttl, and counted."""
    queue = opened()
    queue.put("short", ttl=5)
    queue.put("long", ttl=50)
    now[0] += 6
    assert queue.get(block=False) == "long"
    with pytest.raises(Empty):
        queue.get(block=False)
    assert opened().expired_count() == 1


def test_priorities(opened: Open) -> None:
    """The lowest priority comes first, the oldest of them first."""
    queue = opened()
    for item, priority in (("c", 5), ("a", -1), ("d", 5), ("b", 0)):
        queue.put(item, priority=priority)
    assert list(queue) == queue.get_many(4) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="priority"):
        queue.put("e", priority=1 << 70)


def test_attempts_and_back_off(opened: Open, now: list[float]) -> None:
    """A nacked item comes again after the back-off, doubled each time, then is a dead letter."""
    queue = opened(max_attempts=3, backoff=10)
    id = queue.put("a")
    queue.nack(queue.get(block=False))
    for pause in (10, 20):
        now[0] += pause - 1
        with pytest.raises(Empty):
            queue.get(block=False)
        now[0] += 1
        queue.nack(queue.get(block=False))
    (letter,) = opened().dead_letters()
    assert (letter.id, letter.attempts, letter.failed_at) == (id, 3, now[0])
    assert "3 times" in letter.reason
    assert queue.redrive() == 1
    assert queue.receive(block=False).attempts == 1


def test_extend_keeps_a_lease(opened: Open, now: list[float]) -> None:
    """A lease that is extended in time does not end when it would have."""
    queue = opened(lease=10)
    queue.put("a")
    message = queue.receive(block=False)
    now[0] += 9
    message.extend(20)
    now[0] += 9
    with pytest.raises(Empty):
        opened(lease=10).get(block=False)
    message.ack()
    now[0] += 100
    with pytest.raises(Empty):
        queue.get(block=False)


def test_a_late_ack_by_item(opened: Open, now: list[float]) -> None:
    """ack(item) raises LeaseLost once somebody else may have the item."""
    one, two = opened(lease=10), opened(lease=10)
    one.put("a")
    item = one.get(block=False)
    now[0] += 11
    assert two.get(block=False) == "a"
    with pytest.raises(LeaseLost):
        one.ack(item)
    assert two.ack("a") == 1


def test_dedupe_ignore(opened: Open, now: list[float]) -> None:
    """A second item with the key of one that is not settled is not stored, within the window."""
    queue = opened(dedupe_window=60)
    first = queue.put("a", dedupe_key="k")
    assert queue.put("b", dedupe_key="k") == first
    queue.ack(queue.get(block=False))
    assert queue.put("c", dedupe_key="k") == first
    now[0] += 61
    assert queue.put("d", dedupe_key="k") != first
    assert list(queue) == ["d"]


def test_dedupe_replace(opened: Open) -> None:
    """With "replace" the item that waits is replaced, and keeps its id."""
    queue = opened(dedupe="replace")
    first = queue.put("a", dedupe_key="k")
    assert queue.put("b", dedupe_key="k") == first
    assert list(queue) == ["b"]
    queue.get(block=False)
    assert queue.put("c", dedupe_key="k") != first


def test_dedupe_raise(opened: Open) -> None:
    """With "raise" a second item with the key is a DuplicateKey."""
    queue = opened(dedupe="raise")
    queue.put("a", dedupe_key="k")
    with pytest.raises(DuplicateKey, match="'k'"):
        queue.put("b", dedupe_key="k")
    assert list(queue) == ["a"]


def test_what_was_left_is_acked_by_id(opened: Open) -> None:
    """With auto_resume=False what a closed object had out can be settled or resumed."""
    queue = opened(auto_resume=False)
    ids = queue.put_many("ab")
    queue.get_many(2)
    queue.close()
    again = opened(auto_resume=False)
    assert again.unack_count() == 2
    assert again.ack(id=ids[0]) == ids[0]
    assert again.resume_unack_tasks() == 1
    assert again.get(block=False) == "b"


def test_what_is_behind_an_unreadable_item_was_not_handed_out(opened: Open) -> None:
    """A get_many ends at an item that cannot be read; to those behind it nothing has happened."""
    queue = opened(max_attempts=1)
    queue.put_many("abc")
    with queue.transaction() as connection:
        connection.execute(f"UPDATE {queue._sqlite.layout.main} SET crc = 1 WHERE _id = 2")
    assert queue.get_many(3) == ["a"]
    assert [letter.id for letter in queue.dead_letters()] == [2]
    assert queue.receive(block=False).attempts == 1


@pytest.mark.parametrize(
    "options",
    [
        {"lease": 0},
        {"max_attempts": 0},
        {"backoff": -1},
        {"keep_acked": -1},
        {"dedupe": "maybe"},
        {"durability": "some"},
    ],
)
def test_options_out_of_range(opened: Open, options: dict[str, Any]) -> None:
    """An option out of range is a ValueError that names it."""
    with pytest.raises(ValueError, match=next(iter(options))):
        opened(**options)


def test_consumers_that_live_for_few_acks_leave_no_acked_items(tmp_path: Path) -> None:
    """However few items each object acks, `keep_acked` of them stay and no more."""
    for _ in range(5):
        with closing(SQLiteAckQueue[int](tmp_path, keep_acked=3)) as queue:
            queue.put_many(range(10))
            for item in queue.get_many(10):
                queue.ack(item)
    with closing(SQLiteAckQueue[int](tmp_path, keep_acked=3)) as queue:
        assert queue.acked_count() == 3
