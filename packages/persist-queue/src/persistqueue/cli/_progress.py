"""A bar on standard error for somebody who looks on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = ["bytes_read", "items_done"]


@contextmanager
def bytes_read(source: BufferedReader) -> Iterator[Callable[[int], object]]:
    """What to tell of the bytes read: a bar for somebody who looks on and does not type."""
    if not sys.stderr.isatty() or source.isatty():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("put"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    # A pipe has no size to tell; st_size is 0 there.
    total = os.fstat(source.fileno()).st_size or None
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("put", total=total)
        yield lambda count: progress.advance(task, count)


@contextmanager
def items_done(what: str, total: int | None) -> Iterator[Callable[[int], object]]:
    """What to tell of the items done: a bar for somebody who looks on.

    Args:
        what: is done with them, in a word.
        total: how many there are; None where that is not known.
    """
    if not sys.stderr.isatty():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(what, total=total)
        yield lambda count: progress.advance(task, count)
