"""What a reader of a format gives, and what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pq_core.errors import StorageCorrupt

__all__ = ["Reading", "Source", "damaged"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source is to be read.

    Attributes:
        name: of the queue inside of the source, where there may be several; None: the only one.
        allow_pickle: load items that are stored as pickles. Loading one runs what it says.
        salvage: go on behind damage, and note what was left out; otherwise damage is an error.
    """

    name: str | None = None
    allow_pickle: bool = False
    salvage: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A queue of another library, opened for reading.

    Attributes:
        format: its name.
        count: how many items there should be; None where only reading tells.
        items: oldest first; can be run through once.
        notes: what is not among the items, and why; complete after the last of them.
    """

    format: str
    count: int | None
    items: Iterator[object]
    notes: list[str] = field(default_factory=list)


def damaged(path: Path, offset: int | None, reason: str) -> StorageCorrupt:
    """The error for a place that cannot be read."""
    return StorageCorrupt(path, offset, reason, "import what can be read with --salvage")
