"""Forks while another thread has a lock of a queue object."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from pq_core.testing.elsewhere import PATIENCE
from pq_core.testing.errands import in_fork
from pq_sqlite import FIFOSQLiteQueue, SQLiteAckQueue

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no os.fork")


@pytest.mark.parametrize(
    ("kind", "part", "settle"),
    [
        (FIFOSQLiteQueue, "_ledger", "task_done"),
        (FIFOSQLiteQueue, "_handouts", "task_done"),
        (SQLiteAckQueue, "_inflight", "ack"),
    ],
)
def test_locks_of_queue_objects_are_free_in_a_child(
    tmp_path: Path, kind: Any, part: str, settle: str
) -> None:
    """Another thread of the parent has them; the child's copy of that nobody would free."""

    def use(queue: Any) -> Any:
        item = queue.get(timeout=PATIENCE)
        queue.ack(item) if settle == "ack" else queue.task_done()
        assert queue.size == 0
        return item

    options = {} if settle == "ack" else {"auto_commit": part != "_handouts"}
    with kind(tmp_path, **options) as queue:
        queue.put("a")
        mutex = getattr(queue, part)._mutex
        with mutex:
            assert in_fork(queue, use) == "a"
