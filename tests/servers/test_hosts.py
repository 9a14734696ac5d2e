"""Consumers on two hosts, and a network between them and the server that breaks."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from tests.servers.host import Host
from tests.servers.relay import Relay

pytestmark = pytest.mark.slow

_NUMBERS = itertools.count()


@pytest.fixture(params=["mysql", "postgres"])
def hosts(request: pytest.FixtureRequest) -> Iterator[tuple[Host, Host]]:
    """Two hosts with an ack queue open on each, in one server."""
    with ExitStack() as stack:
        made = (Host(0), Host(1))
        for host in made:
            stack.callback(host.remove)
            host.make()
        where = _server(request)
        name = f"hosts{next(_NUMBERS)}"
        for host in made:
            relay = Relay(*where[0], at=host.here)
            stack.callback(relay.close)
            host.open(where[1](host.here, relay.port), kind="ack", name=name, heartbeat=0.2)
        yield made


def _server(request: pytest.FixtureRequest) -> tuple[tuple[str, int], Callable[[str, int], str]]:
    """Where it listens, and its URL for another address."""
    if request.param == "mysql":
        pytest.importorskip("pq_mysql")
        place = request.getfixturevalue("mysql_place")
        who = f"{quote(place['user'])}:{quote(place['passwd'], safe='')}"
        return (
            place["host"],
            place["port"],
        ), lambda host, port: f"mysql://{who}@{host}:{port}/{place['db_name']}?durability=normal"
    pytest.importorskip("pq_postgres")
    psycopg = pytest.importorskip("psycopg")
    parts: Any = psycopg.conninfo.conninfo_to_dict(request.getfixturevalue("postgres"))
    who = quote(parts["user"]) + (f":{quote(parts['password'])}" if "password" in parts else "")
    return (
        parts["host"],
        int(parts["port"]),
    ), lambda host, port: f"postgresql://{who}@{host}:{port}/{parts['dbname']}"


def test_they_share_a_queue(hosts: tuple[Host, Host]) -> None:
    """A put on one host wakes a receive on the other, and each item goes to one of them."""
    one, other = hosts
    one.ask("receive")
    other.call("put", "wake")
    assert one.answer() == "wake"
    one.call("settle")
    for number in range(20):
        other.call("put", number)
    got = [host.call("receive") for _ in range(10) for host in hosts]
    assert sorted(got) == list(range(20))
    assert other.call("unack_count") == 20


def test_a_host_that_is_cut_off(hosts: tuple[Host, Host]) -> None:
    """What it has out comes to the other host; back on the network it is told that it was late."""
    one, other = hosts
    one.call("put", "item")
    assert one.call("receive") == "item"
    one.cut(True)
    assert other.call("receive", True, 60) == "item"
    one.ask("settle")  # on its way as long as there is no network
    one.cut(False)
    assert one.answer() in ("LeaseLost", "OutcomeUnknown")
    assert other.call("settle") is None
    assert other.call("acked_count") == 1
