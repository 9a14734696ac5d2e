"""A connection that is lost while the server answers: what was done is found out, or told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pq_core.errors import OutcomeUnknown
from tests.servers.relay import Relay

_NUMBERS = itertools.count()
Open = Callable[..., tuple[Any, Relay]]


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
                arguments = {**place, "port": relay.port, "durability": "normal"}
            else:
                module = pytest.importorskip("pq_postgres")
                psycopg = pytest.importorskip("psycopg")
                conninfo = request.getfixturevalue("postgres")
                parts = psycopg.conninfo.conninfo_to_dict(conninfo)
                relay = Relay(parts.get("host", "127.0.0.1"), int(parts.get("port", 5432)))
                arguments = {"dsn": conninfo, "host": "127.0.0.1", "port": relay.port}
            stack.callback(relay.close)
            cls = getattr(module, kind.format("MySQL" if request.param == "mysql" else "Postgres"))
            queue = stack.enter_context(cls(**arguments, name=name, **options))
            queue.put("item")
            return queue, relay

        yield open_it


#: Which answer of a claim tells of its commit: MySQL says two things, PostgreSQL one.
ANSWERS = {"mysql": 2, "postgres": 1}


def test_a_claim_whose_answer_was_lost(opened: Open, request: pytest.FixtureRequest) -> None:
    """The item that was leased is looked up and handed out, once, and can be acked."""
    queue, relay = opened("{}AckQueue")
    queue.put("second")
    queue.ack(queue.get())  # the object has its number, and has seen to what is due
    relay.lose(ANSWERS[request.node.callspec.params["opened"]])
    message = queue.receive(block=False)
    assert (message.item, message.attempts) == ("second", 1)
    assert queue.unack_count() == 1
    message.ack()
    assert (queue.unack_count(), queue.acked_count()) == (0, 2)


def test_a_put_whose_answer_was_lost(opened: Open) -> None:
    """The caller is told that nobody knows; here the item is there, once."""
    queue, relay = opened("{}Queue")
    relay.lose(1)
    with pytest.raises(OutcomeUnknown, match="may have happened or not"):
        queue.put("second")
    assert queue.get_many(10) == ["item", "second"]
