"""Every kind in a database server against the same model, by a clock that is wound by hand."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import pytest

from tests.property.kinds import Backend, served
from tests.property.model import Kind
from tests.property.test_model import run

#: What the model has to know, what tells the class, and with which options it is opened.
KINDS: Final[dict[str, tuple[Kind, str, dict[str, Any]]]] = {
    "plain": (Kind(), "{}Queue", {}),
    "filo": (Kind(newest_first=True), "FILO{}Queue", {}),
    "unique": (Kind(is_unique=True), "{}UniqueQ", {}),
    "priority": (Kind(has_priority=True), "{}PriorityQueue", {}),
    "hold": (Kind(settles=False), "{}Queue", {"auto_commit": False}),
    "ack": (Kind(settles=False, is_acked=True), "{}AckQueue", {}),
    "filo ack": (Kind(newest_first=True, settles=False, is_acked=True), "FILO{}AckQueue", {}),
    "unique ack": (Kind(is_unique=True, settles=False, is_acked=True), "{}UniqueAckQ", {}),
    "ack leased": (
        Kind(settles=False, is_acked=True, lease=10.0, max_attempts=3),
        "{}AckQueue",
        {},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_in_mysql(kind: str, mysql_place: dict[str, Any]) -> None:
    """Whatever is called in whatever order, a queue in MySQL does what the model does."""
    pq_mysql = pytest.importorskip("pq_mysql")
    facts, name, options = KINDS[kind]
    run(_backend(facts, getattr(pq_mysql, name.format("MySQL")), mysql_place, options))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_in_postgres(kind: str, postgres: str) -> None:
    """So does one in PostgreSQL."""
    pq_postgres = pytest.importorskip("pq_postgres")
    facts, name, options = KINDS[kind]
    cls = getattr(pq_postgres, name.format("Postgres"))
    run(_backend(facts, partial(cls, postgres), {}, options))


def _backend(kind: Kind, make: Any, place: dict[str, Any], options: dict[str, Any]) -> Backend:
    return served(kind, partial(make, **place), **options)
