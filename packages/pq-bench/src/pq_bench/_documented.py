"""The documented table: seconds for writing and reading so many items, a row per queue."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from pq_bench._progress import Ticker
from pq_bench._queues import Backend, OpenQueue
from pq_bench._tables import grid
from pq_bench.stage.session import Session
from pq_bench.stage.spec import Spec

__all__ = ["COLUMNS", "FORMATS", "Line", "measure", "queues", "show"]

#: What is timed: every item is put; and got, settled by one call at the end or by one for each.
COLUMNS: Final = {
    "Write": "put",
    "Write/Read(1 task_done)": "read_one",
    "Write/Read(many task_done)": "read_many",
}
FORMATS: Final = ("rst", "console", "json")

_SCHEMES: Final = {
    "file": "File",
    "sqlite": "SQLite3",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "postgresql": "PostgreSQL",
    "postgres": "PostgreSQL",
}
_KINDS: Final = {
    "fifo": "Queue",
    "filo": "FILO Queue",
    "unique": "Unique Queue",
    "priority": "Priority Queue",
    "ack": "Ack Queue",
    "filo-ack": "FILO Ack Queue",
    "unique-ack": "Unique Ack Queue",
}
#: The rows of the async classes bear their names.
_ASYNC: Final = {"file": "AsyncFileQueue", "sqlite": "AsyncSQLiteQueue"}


@dataclass(frozen=True)
class Line:
    """One row.

    Attributes:
        name: of the queue.
        seconds: of each column; the median of the rounds.
    """

    name: str
    seconds: dict[str, float]


def queues(backends: list[Backend]) -> list[tuple[str, Backend, Spec]]:
    """Every queue that is installed: its name, where it is, and its kind."""
    found = []
    for backend in backends:
        if backend.name == "memory":
            continue
        scheme = _SCHEMES.get(backend.name, backend.name)
        found += [
            (f"{scheme} {_KINDS[kind]}", backend, Spec("put", kind))
            for kind in backend.kinds
            if kind in _KINDS
        ]
        spec = Spec("put", tasks=1)
        if backend.can_play(spec):
            found.append((_ASYNC[backend.name], backend, spec))
    return found


def measure(
    backends: list[Backend],
    durability: str | None,
    count: int,
    rounds: int,
    root: Path,
    ticker: Ticker,
) -> Iterator[Line]:
    """The rows, each as soon as it is known.

    Args:
        backends: whose queues.
        durability: of all of them; None: the default of each class.
        count: of items.
        rounds: of which the median is told.
        root: where they store.
        ticker: is told.
    """
    for name, backend, base in queues(backends):
        ticker.begin(name)
        seconds = {}
        for column, shape in COLUMNS.items():
            ticker.advance(column)
            spec = Spec(shape, base.kind, tasks=base.tasks, deferred=shape != "put")
            session = Session(OpenQueue(backend, spec, durability or ""), spec, root)
            try:
                took = [session.play(count).seconds for _ in range(rounds)]
            finally:
                session.close()
            seconds[column] = statistics.median(took)
        yield Line(name, seconds)


def show(out: Console, lines: list[Line], count: int, form: str) -> None:
    """Prints the table as reStructuredText, as JSON or for the eye."""
    if form == "json":
        told = {
            line.name: {name: round(s, 6) for name, s in line.seconds.items()} for line in lines
        }
        out.out(json.dumps({"items": count, "unit": "seconds", "queues": told}, indent=2))
        return
    cells = [["Queue Type", *COLUMNS]]
    cells += [[line.name, *(f"{s:.4f}" for s in line.seconds.values())] for line in lines]
    if form == "console":
        grid(out, cells[0], [list(row) for row in cells[1:]])
        out.print(f"seconds for {count} items")
        return
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    for row in cells:
        out.out(rule)
        texts = (f" {cell.ljust(width)} " for cell, width in zip(row, widths, strict=True))
        out.out("|" + "|".join(texts) + "|")
    out.out(rule)
