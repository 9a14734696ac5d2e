"""How much work SQLite has with something, in steps of its virtual machine: exact, unlike time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["steps"]


def steps(queue: Any, act: Callable[[], object]) -> int:
    """The steps that `act` takes on the connection of a queue (or dictionary)."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    # Not by transaction(), after which a queue object knows nothing of what is held.
    connection = queue._engine._connected().connection
    connection.set_progress_handler(step, 1)
    try:
        act()
    finally:
        connection.set_progress_handler(None, 0)
    return count
