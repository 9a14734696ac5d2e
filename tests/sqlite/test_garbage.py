"""Queue objects that are garbage: they end where it is collected, which is in the middle of anything."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import pytest

from pq_core.testing.elsewhere import PATIENCE, InThread
from pq_sqlite import FIFOSQLiteQueue, SQLiteAckQueue

#: Seconds that closing would wait for a lock: longer than a test does.
LONG = 3 * PATIENCE


class Cycle:
    """Keeps itself and a queue, until the collector finds it."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue
        self.me = self


@pytest.mark.parametrize(
    ("kind", "options"),
    [(SQLiteAckQueue, {}), (FIFOSQLiteQueue, {"auto_commit": False})],
    ids=["ack", "holding"],
)
def test_one_that_is_collected_in_the_middle_of_a_transaction(
    tmp_path: Path, kind: Any, options: dict[str, Any]
) -> None:
    """Its end writes to the database, which the collecting thread has locked for another object."""

    def collect(other: FIFOSQLiteQueue[str]) -> None:
        with other.transaction():
            gc.collect()

    with (
        FIFOSQLiteQueue[str](tmp_path, name="other") as other,
        kind(tmp_path, **options) as queue,
        InThread() as thread,
    ):
        queue.put("a")
        garbage = Cycle(kind(tmp_path, timeout=LONG, **options))
        assert garbage.queue.get(timeout=0) == "a"
        gc.disable()
        try:
            del garbage
            thread.call(collect, other)
        finally:
            gc.enable()
        assert queue.get(timeout=PATIENCE) == "a"
