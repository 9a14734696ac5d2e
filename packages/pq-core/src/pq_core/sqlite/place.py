"""From constructor arguments to an engine: the part that all classes of this wheel share."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pq_core.protocols import Durability, check_durability
from pq_core.sql import SQLITE, Dialect, Layout
from pq_core.sqlite.engine import SQLiteEngine
from pq_core.sqlite.files import database_path

__all__ = ["DIALECT", "Place", "clock"]

DIALECT: Final[Dialect] = SQLITE


def clock() -> tuple[float]:
    """What the dialect's `now` is given: seconds since the epoch."""
    return (time.time(),)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a queue object was opened: enough to open it again elsewhere."""

    path: Path | None
    timeout: float
    durability: Durability

    @classmethod
    def of(
        cls, path: str | Path, db_file_name: str | None, timeout: float, durability: str
    ) -> Place:
        """Checked constructor arguments.

        Raises:
            ValueError: `timeout` is negative, `durability` is none of the three words, or the
                path holds a NUL character.
        """
        if not timeout >= 0:
            raise ValueError(f"'timeout' must be a non-negative number of seconds, not {timeout!r}")
        return cls(database_path(path, db_file_name), timeout, check_durability(durability))

    def engine(self, layout: Layout, *, deferred: bool = False) -> SQLiteEngine:
        """An engine on the tables of `layout`."""
        return SQLiteEngine(
            self.path,
            layout,
            timeout=self.timeout,
            durability=self.durability,
            deferred=deferred,
        )


def reopened(cls: type[Any], arguments: dict[str, Any]) -> Any:
    """A queue object on the same storage as one that was pickled."""
    return cls(**arguments)
