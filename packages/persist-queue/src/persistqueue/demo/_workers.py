"""What the processes of the demo do, and what they leave for their successors.

An item is ``(producer, life, number, line)``. A *life* is one process: a worker that was killed
begins its next one. From a producer's life one can tell a line that was put twice from an item
that was delivered twice.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pq_core.errors import Empty
from pq_core.registry import open_queue

if TYPE_CHECKING:
    from pq_core.protocols import Queue

__all__ = ["ALL_PUT", "Item", "consume", "note_of", "output_of", "produce", "read_lines"]

Item = tuple[int, int, int, str]

#: The file that appears when every line has been put.
ALL_PUT: Final = "all-put"
#: How often a consumer that finds nothing looks for it, in seconds.
_PATIENCE: Final = 0.05
#: A note is as wide as this, so that one replaces the other in a single write.
_NOTE_WIDTH: Final = 12


def note_of(directory: Path, producer: int) -> Path:
    """The file that says how many lines a producer has had acknowledged."""
    return directory / f"producer-{producer}.acknowledged"


def output_of(directory: Path, consumer: int, life: int) -> Path:
    """The file that one life of a consumer writes."""
    return directory / f"consumer-{consumer}.life-{life:03}"


def read_lines(text: Path) -> list[str]:
    """The lines of a file in which each ends with a line feed and nothing else."""
    return text.read_bytes().decode().split("\n")[:-1]


def produce(
    url: str,
    options: dict[str, Any],
    text: Path,
    directory: Path,
    producers: int,
    who: int,
    life: int,
) -> None:
    """Puts every line of the text whose turn it is, on from the last one acknowledged.

    Args:
        url: the queue.
        options: for `open_queue`.
        text: the lines.
        directory: where the note is kept.
        producers: how many share the lines; this one has each of that many, from `who` on.
        who: which producer this is.
        life: which of its lives.
    """
    lines = read_lines(text)[who::producers]
    note = os.open(note_of(directory, who), os.O_RDWR | os.O_CREAT, 0o600)
    acknowledged = int(os.read(note, _NOTE_WIDTH) or b"0")
    queue: Queue[Item]
    with open_queue(url, **options) as queue:
        for number, line in enumerate(lines[acknowledged:], acknowledged):
            queue.put((who, life, number, line))
            # A kill right here leaves the line put and not noted: the next life puts it again.
            os.lseek(note, 0, os.SEEK_SET)
            os.write(note, b"%*d" % (_NOTE_WIDTH, number + 1))
    os.close(note)


def consume(url: str, options: dict[str, Any], directory: Path, who: int, life: int) -> None:
    """Writes each item as a line ``time producer life number line``, and only then settles it.

    The time is that of getting it, in nanoseconds on the clock that all processes share.

    Args:
        url: the queue.
        options: for `open_queue`.
        directory: where to write.
        who: which consumer this is.
        life: which of its lives.
    """
    output = os.open(output_of(directory, who, life), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    queue: Queue[Item]
    with open_queue(url, **options) as queue:
        while True:
            is_all_put = (directory / ALL_PUT).exists()  # asked before the look at the queue
            try:
                while True:
                    producer, producer_life, number, line = queue.get(timeout=_PATIENCE)
                    head = f"{time.monotonic_ns()} {producer} {producer_life} {number}"
                    os.write(output, f"{head} {line}\n".encode())
                    queue.task_done()
            except Empty:
                # What a killed consumer had comes again, at once or once it counts as dead.
                if is_all_put and not getattr(queue, "total", 0):
                    break
    os.close(output)
