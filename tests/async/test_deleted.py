"""What a cancelled get had taken, where the awaited queue is deleted before it is back."""

from __future__ import annotations

import asyncio
import gc
import threading
from pathlib import Path

import pytest

from pq_async._worker import Errand
from pq_core.testing.elsewhere import PATIENCE

from .kinds import MAKERS, drain, run, turn


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if "adapter" not in kind])
def test_it_comes_back_all_the_same(kind: str, tmp_path: Path) -> None:
    """The thread gives it back after the queue is gone, and opens the storage anew for that."""
    gate = threading.Event()

    async def main() -> None:
        queue = MAKERS[kind](tmp_path)
        await queue.put("a")
        worker = queue._worker
        taken = threading.Event()
        task = asyncio.create_task(queue.get())
        await turn()
        worker.submit(Errand(None, taken.set))
        assert taken.wait(PATIENCE)  # the loop has not been told yet
        task.cancel()
        worker.submit(Errand(None, lambda: gate.wait(PATIENCE)))
        await asyncio.gather(task, return_exceptions=True)
        for _ in range(3):
            await turn()
        del queue, task
        gc.collect()
        gate.set()
        back = threading.Event()
        worker.submit(Errand(None, back.set))
        assert await asyncio.to_thread(back.wait, PATIENCE)
        worker.stop()
        async with MAKERS[kind](tmp_path) as again:
            assert await again.get(timeout=PATIENCE) == "a"
            assert await drain(again) == []

    try:
        run(main())
    finally:
        gate.set()
