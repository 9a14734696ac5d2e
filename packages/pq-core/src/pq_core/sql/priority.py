"""The put of a queue in which the lowest priority comes first."""

from __future__ import annotations

from typing import TypeVar

from pq_core.sql.plainqueue import PlainQueue

__all__ = ["ByPriority"]

T = TypeVar("T")


class ByPriority(PlainQueue[T]):
    """Takes a priority with each item; to be put before the class of the other kinds."""

    def put(  # type: ignore[override]
        self,
        item: T,
        priority: int = 0,
        block: bool = True,
        timeout: float | None = None,
    ) -> int:
        """Stores an item; its id. See the class of the FIFO queue.

        Args:
            item: what to store.
            priority: the lowest comes first.
            block: wait for room.
            timeout: seconds to wait for room; None: for ever.
        """
        if isinstance(priority, bool):  # put(item, False), as on the other queues
            block, priority = bool(priority), 0
        return self._put(item, _checked(priority), block, timeout)

    def put_nowait(self, item: T, priority: int = 0) -> int:
        """`put` that does not wait for room."""
        return self._put(item, _checked(priority), False, None)


def _checked(value: int) -> int:
    if not -(1 << 63) < value < 1 << 63:
        raise ValueError(f"'priority' must be a 64-bit integer, not {value!r}")
    return value
