"""Counts what the tests of docs/guarantees.md do, where they are asked to.

With the environment variable `PQ_FIGURES` set to a directory each process adds up its own counts
in a file there; `tests.guarantees.render` puts them into the page.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Final

__all__ = ["VARIABLE", "record", "recorded"]

VARIABLE: Final = "PQ_FIGURES"
_COUNTS: Final[Counter[str]] = Counter()


def record(what: str, count: int = 1) -> None:
    """Counts `what` up."""
    directory = os.environ.get(VARIABLE)
    if directory is None:
        return
    _COUNTS[what] += count
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{os.getpid()}.json").write_text(json.dumps(_COUNTS))


def recorded(directory: Path) -> dict[str, int]:
    """The sums of what all processes have counted."""
    total: Counter[str] = Counter()
    for file in directory.glob("*.json"):
        total.update(json.loads(file.read_text()))
    return dict(total)
