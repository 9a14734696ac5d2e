"""Closing while other threads are in the middle of a call."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from pq_core.disk import DISK
from pq_core.errors import QueueClosed
from pq_core.testing.elsewhere import InThread, is_waiting
from pq_file import Queue

PATIENCE = 20.0


@pytest.mark.parametrize("call", ["put", "task_done"])
def test_a_sync_under_way_comes_first(call: str, tmp_path: Path) -> None:
    """What syncs has its file until it is through; `close` waits for that."""
    held: list[int] = []
    syncs, goes_on = threading.Event(), threading.Event()

    def datasync(fd: int) -> None:
        if threading.get_ident() in held:
            syncs.set()
            assert goes_on.wait(PATIENCE)
        os.fdatasync(fd)

    disk = replace(DISK, datasync=datasync)
    queue: Queue[str] = Queue(tmp_path, durability="full", disk=disk)
    with InThread() as other, InThread() as closer:
        queue.put("first")

        def work() -> None:
            assert queue.get() == "first"
            held.append(threading.get_ident())
            if call == "put":
                queue.put("second")
            else:
                queue.task_done()

        working = other.submit(work)
        assert syncs.wait(PATIENCE)
        closing = closer.submit(queue.close)
        assert is_waiting(closing)
        goes_on.set()
        working.result(PATIENCE)
        closing.result(PATIENCE)
    with pytest.raises(QueueClosed):
        queue.put("late")
    with Queue[str](tmp_path) as again:
        assert again.qsize() == (2 if call == "put" else 0)
