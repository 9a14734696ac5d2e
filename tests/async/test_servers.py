"""Cancelling on queues in a server that threads call: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import itertools
import os
from typing import Any

import pytest

from pq_async import AsyncAdapter

from .kinds import drain, run
from .test_cancelling import cancelled_at_random

NUMBERS = itertools.count()


@pytest.fixture(params=["mysql", "postgres"])
def place(request: pytest.FixtureRequest) -> tuple[Any, Any, dict[str, Any]]:
    """The classes of plain and ack queues of a server, and the way to a queue there."""
    name = f"cancelling {os.getpid()} {next(NUMBERS)}"
    if request.param == "mysql":
        pq_mysql = pytest.importorskip("pq_mysql")
        where = {**request.getfixturevalue("mysql_place"), "name": name}
        return pq_mysql.MySQLQueue, pq_mysql.MySQLAckQueue, where
    pq_postgres = pytest.importorskip("pq_postgres")
    where = {"dsn": request.getfixturevalue("postgres"), "name": name}
    return pq_postgres.PostgresQueue, pq_postgres.PostgresAckQueue, where


@pytest.mark.parametrize(
    ("kind", "workers"),
    [
        ("holding", 1),
        *(
            pytest.param(kind, workers, marks=pytest.mark.slow)
            for kind, workers in (("holding", 3), ("settling", 1), ("settling", 3), ("ack", 3))
        ),
    ],
)
def test_every_item_is_accounted_for(kind: str, workers: int, place: Any) -> None:
    """After many random cancellations each item was got once or is still there."""
    plain, acked, where = place
    options = {"auto_commit": False} if kind == "holding" else {}

    def make() -> Any:
        cls = acked if kind == "ack" else plain
        return AsyncAdapter(cls(**where, durability="normal", **options), workers)

    async def main() -> None:
        count = 60
        queue = make()
        got, unsettled = await cancelled_at_random(queue, 5, count)
        await queue.close()
        async with make() as again:
            left = await drain(again)
            assert len(set(got)) == len(got)
            assert len(set(left)) == len(left)
            assert sorted({*got, *left}) == list(range(count))
            assert set(got) & set(left) <= unsettled

    run(main())
