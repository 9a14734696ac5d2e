"""What the standard library's queue does: nothing is stored, so it is a floor for waiting."""

from __future__ import annotations

from queue import Queue
from typing import Any

from pq_bench.stage.player import Player

__all__ = ["MemoryFloor"]


class MemoryFloor(Player):
    """Plays on `queue.Queue`."""

    def __init__(self) -> None:
        queue: Queue[Any] = Queue()
        super().__init__(queue)

    def put_many(self, batches: Any) -> None:
        """As many puts as the batch has items."""
        put = self.queue.put
        for batch in batches:
            for item in batch:
                put(item)

    def take_many(self, batches: Any, size: int) -> None:
        """As many gets."""
        get, done = self.queue.get, self.queue.task_done
        for _ in batches:
            for _ in range(size):
                get()
                done()

    def settle_all(self, items: list[Any]) -> None:
        """Settles what was got."""
        for _ in items:
            self.queue.task_done()
