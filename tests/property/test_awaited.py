"""Every awaited kind against the same model, each call in a task."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.property.kinds import awaited
from tests.property.model import Kind
from tests.property.test_model import run

#: What tells the class, what the model has to know, and with which options it is opened.
KINDS: Final[dict[str, tuple[str, Kind, dict[str, Any]]]] = {
    "file": ("AsyncQueue", Kind(settles=False, renews_ids=True, passes_over=True), {}),
    "file autosave": (
        "AsyncQueue",
        Kind(renews_ids=True, passes_over=True),
        {"autosave": True},
    ),
    "sqlite": ("AsyncSQLiteQueue", Kind(), {}),
    "sqlite filo": ("AsyncFILOSQLiteQueue", Kind(newest_first=True), {}),
    "sqlite unique": ("AsyncUniqueQ", Kind(is_unique=True), {}),
    "sqlite hold": ("AsyncSQLiteQueue", Kind(settles=False), {"auto_commit": False}),
    "sqlite priority hold": (
        "AsyncPriorityQueue",
        Kind(settles=False, has_priority=True),
        {"auto_commit": False},
    ),
    "sqlite ack": ("AsyncSQLiteAckQueue", Kind(settles=False, is_acked=True), {}),
    "sqlite unique ack": (
        "AsyncUniqueAckQ",
        Kind(settles=False, is_acked=True, is_unique=True),
        {},
    ),
    "sqlite ack leased": (
        "AsyncSQLiteAckQueue",
        Kind(settles=False, is_acked=True, lease=10.0, max_attempts=3),
        {},
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
def test_an_awaited_queue_is_its_model(name: str) -> None:
    """Whatever is awaited in whatever order, the queue does what the model does."""
    pq_async = pytest.importorskip("pq_async")
    cls, kind, options = KINDS[name]
    run(awaited(getattr(pq_async, cls), kind, **options), examples=4, steps=30)
