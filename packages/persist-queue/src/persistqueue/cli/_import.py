"""``persistqueue import``: the queue of another library into one of ours."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from persistqueue.cli._lines import write
from persistqueue.cli._progress import items_done
from persistqueue.cli._queues import options_of, url_of
from persistqueue.cli._status import DONE

if TYPE_CHECKING:
    import argparse

__all__ = ["import_"]


def import_(arguments: argparse.Namespace) -> int:
    """Puts everything that SOURCE holds into DEST."""
    from persistqueue.importing import Reading, filled, opened

    reading = Reading(arguments.source_name, arguments.allow_pickle, arguments.salvage)
    url = url_of(arguments)
    count = 0

    with opened(arguments.source, arguments.source_format, reading) as source:
        with items_done("imported", source.count) as advance:

            def tell(done: int) -> None:
                nonlocal count
                count += done
                advance(done)

            held = filled(url, options_of(arguments, url), source.items, tell)
        told = [f"imported {count} items of {source.format}", *source.notes]
    if held != count:
        told.append(f"the queue holds {held} items: it keeps one of equal ones")
    write(sys.stdout.buffer, told)
    return DONE
