"""What is being measured, live, where somebody looks at a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

__all__ = ["Ticker", "ticking"]


class Ticker(Protocol):
    """Is told what happens."""

    def begin(self, what: str) -> None:
        """The next row begins."""
        ...

    def advance(self, what: str) -> None:
        """Something happens within the row."""
        ...


class _Silent:
    def begin(self, what: str) -> None:
        """Nobody looks."""

    def advance(self, what: str) -> None:
        """Nobody looks."""


class _Shown:
    def __init__(self, progress: Progress, total: int) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=total, detail="")
        self._begun = False

    def begin(self, what: str) -> None:
        self._progress.update(
            self._task, description=what, detail="", advance=1 if self._begun else 0
        )
        self._begun = True

    def advance(self, what: str) -> None:
        self._progress.update(self._task, detail=what)


@contextmanager
def ticking(total: int) -> Iterator[Ticker]:
    """A line on the terminal for as long as `total` rows take; nothing where there is none."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _Silent()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("[dim]{task.fields[detail]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield _Shown(progress, total)
