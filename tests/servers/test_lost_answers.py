"""A connection that is lost while the server answers: what was done is found out, or told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from typing import Any

import pytest

from pq_core.errors import DecodeError, Empty, OutcomeUnknown, StorageError
from tests.servers.relay import Relay

_NUMBERS = itertools.count()
Open = Callable[..., tuple[Any, Relay]]

#: What a statement has in it that leases an item, holds it, and makes a dead letter of it.
LEASE, HOLD, BURY = b"SET status = 2", b"SET owner = ", b"SET status = 9"

#: The ways to get the first of two items; what each returns of it.
PLAIN: dict[str, Callable[[Any], Any]] = {
    "get": lambda queue: queue.get(block=False),
    "get_many": lambda queue: queue.get_many(1, block=False)[0],
    "get(id=)": lambda queue: queue.get(block=False, id=1),
}
WAYS: dict[str, Callable[[Any], Any]] = {
    **PLAIN,
    "receive": lambda queue: queue.receive(block=False).item,
    "next_in_order": lambda queue: queue.get(block=False, id=0, next_in_order=True),
}
every_way = pytest.mark.parametrize("lease", WAYS.values(), ids=WAYS)
every_plain_way = pytest.mark.parametrize("hold", PLAIN.values(), ids=PLAIN)


@pytest.fixture(params=["mysql", "postgres"])
def opened(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Opens a queue behind a relay, with an item in it."""
    with ExitStack() as stack:

        def open_it(kind: str, **options: Any) -> tuple[Any, Relay]:
            name = f"lost {next(_NUMBERS)}"
            if request.param == "mysql":
                module = pytest.importorskip("pq_mysql")
                place = request.getfixturevalue("mysql_place")
                relay = Relay(place["host"], place["port"])
                arguments = {
                    **place,
                    "port": relay.port,
                    "durability": "normal",
                    "connect_options": {"ssl_disabled": True},
                }
            else:
                module = pytest.importorskip("pq_postgres")
                psycopg = pytest.importorskip("psycopg")
                conninfo = request.getfixturevalue("postgres")
                parts = psycopg.conninfo.conninfo_to_dict(conninfo)
                relay = Relay(parts.get("host", "127.0.0.1"), int(parts.get("port", 5432)))
                way = {"host": "127.0.0.1", "port": relay.port, "sslmode": "disable"}
                arguments = {"dsn": psycopg.conninfo.make_conninfo(conninfo, **way)}
            stack.callback(relay.close)
            cls = getattr(module, kind.format("MySQL" if request.param == "mysql" else "Postgres"))
            queue = stack.enter_context(cls(**arguments, name=name, **options))
            queue.put("item")
            return queue, relay

        yield open_it


@every_way
def test_a_lease_whose_answer_was_lost(opened: Open, lease: Callable[[Any], Any]) -> None:
    """The item is handed out all the same, once, as if nothing had been."""
    queue, relay = opened("{}AckQueue")
    queue.put("second")
    relay.lose_answer_to(LEASE)
    assert lease(queue) == "item"
    assert (queue.unack_count(), queue.ready_count()) == (1, 1)
    queue.ack("item")
    with queue.receive(block=False) as message:
        assert (message.item, message.attempts) == ("second", 1)
    assert (queue.unack_count(), queue.acked_count()) == (0, 2)


@every_way
def test_a_lease_of_which_nobody_could_be_asked(opened: Open, lease: Callable[[Any], Any]) -> None:
    """An item that may be out to nobody is in its place once there is a server again."""
    queue, relay = opened("{}AckQueue", timeout=0.2)
    queue.put("second")
    relay.lose_answer_to(LEASE)
    relay.is_shut = True
    with pytest.raises(StorageError):
        lease(queue)
    relay.is_shut = False
    with queue.receive(block=False) as message:
        assert (message.item, message.attempts) == ("item", 1)
    assert queue.get(block=False) == "second"


@every_way
def test_a_lease_that_happens_late(opened: Open, lease: Callable[[Any], Any]) -> None:
    """A server may execute what was sent long after its client has given up."""
    queue, relay = opened("{}AckQueue")
    relay.delay(LEASE)
    with suppress(Empty):  # unless the late one has locked it already
        assert lease(queue) == "item"
        queue.nack("item")
    relay.deliver()
    assert queue.get(timeout=30) == "item"


def test_items_that_came_with_one_that_cannot_be_read(opened: Open) -> None:
    """Where it could not be set aside, nothing of a get_many is out to nobody."""
    queue, relay = opened("{}AckQueue", timeout=0.2)
    queue.put_many(["second", "third"])
    main = queue._server.layout.main
    with queue.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(f"UPDATE {main} SET crc = 1 WHERE _id = 2")
    relay.lose_answer_to(BURY)
    relay.is_shut = True
    with pytest.raises(StorageError):
        queue.get_many(3)
    relay.is_shut = False
    assert queue.get_many(1) == ["item"]
    with pytest.raises(DecodeError):
        queue.get_many(2)
    assert queue.get_many(2) == ["third"]


@every_plain_way
def test_an_item_that_is_held_and_the_answer_lost(opened: Open, hold: Callable[[Any], Any]) -> None:
    """With auto_commit=False, too, the item is handed out once, and settled by task_done."""
    queue, relay = opened("{}Queue", auto_commit=False)
    queue.put("second")
    relay.lose_answer_to(HOLD)
    assert hold(queue) == "item"
    assert queue.get(block=False) == "second"
    with pytest.raises(Empty):
        queue.get(block=False)
    queue.task_done()
    assert queue.total == 0


@every_plain_way
def test_an_item_that_is_held_and_nobody_could_be_asked(
    opened: Open, hold: Callable[[Any], Any]
) -> None:
    """The item is in its place once there is a server again, and task_done knows what was got."""
    queue, relay = opened("{}Queue", auto_commit=False, timeout=0.2)
    queue.put_many(["second", "third"])
    relay.lose_answer_to(HOLD)
    relay.is_shut = True
    with pytest.raises(StorageError):
        hold(queue)
    relay.is_shut = False
    assert queue.get_many(2) == ["item", "second"]
    assert queue.get(block=False) == "third"
    queue.task_done()
    assert queue.total == 0


@pytest.mark.parametrize("happens", [True, False], ids=["late", "never"])
@every_plain_way
def test_an_item_that_is_held_late_or_never(
    opened: Open, hold: Callable[[Any], Any], happens: bool
) -> None:
    """A claim that the server makes after its client has given up is undone, and no later one."""
    queue, relay = opened("{}Queue", auto_commit=False)
    relay.delay(HOLD)
    with pytest.raises(Empty):  # the lost one has locked it
        hold(queue)
    relay.deliver() if happens else relay.drop()
    assert queue.get(timeout=30) == "item"
    with pytest.raises(Empty):
        queue.get(block=False)
    queue.task_done()
    assert queue.total == 0


def test_a_put_whose_answer_was_lost(opened: Open) -> None:
    """The caller is told that nobody knows; here the item is there, once."""
    queue, relay = opened("{}Queue")
    relay.lose_answer_to(b"INSERT INTO")
    with pytest.raises(OutcomeUnknown, match="may have happened or not"):
        queue.put("second")
    assert queue.get_many(10) == ["item", "second"]
