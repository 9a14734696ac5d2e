"""The floor of an async queue: the same calls, each made by a worker thread for the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["HopFloor"]


class HopFloor:
    """Awaits one bare worker hop for each operation of another floor.

    Args:
        floor: whose loops run in the worker, one step at a time.
    """

    def __init__(self, floor: Any) -> None:
        self._floor = floor
        self._loop = asyncio.new_event_loop()
        self._worker = ThreadPoolExecutor(1)

    def put(self, items: Iterator[Any]) -> None:
        """One hop and one put for each."""
        self._hop(self._floor.put, items)

    def take(self, items: Iterator[Any]) -> None:
        """One hop and one take for each."""
        self._hop(self._floor.take, items)

    def alternate(self, items: Iterator[Any]) -> None:
        """One hop and both for each."""
        self._hop(self._floor.alternate, items)

    def fill(self, items: Iterable[Any]) -> None:
        """Puts items, as fast as it goes."""
        self._worker.submit(self._floor.fill, items).result()

    def size(self) -> int:
        """How many items are left."""
        return int(self._worker.submit(self._floor.size).result())

    def close(self) -> None:
        """Ends the worker and closes the floor under it."""
        self._worker.submit(self._floor.close).result()
        self._worker.shutdown()
        self._loop.close()

    def _hop(self, step: Any, items: Iterator[Any]) -> None:
        async def every() -> None:
            hop, worker = self._loop.run_in_executor, self._worker
            for item in items:
                await hop(worker, step, iter((item,)))

        self._loop.run_until_complete(every())
