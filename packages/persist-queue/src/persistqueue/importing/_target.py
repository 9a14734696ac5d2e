"""Filling a queue with everything or with nothing.

- I1. A file queue is made beside its place and gets its name when it is complete and on the disk:
  there is none under that name before.
- I2. Any other queue is filled in one transaction.

So whoever is killed in the middle leaves no item behind, and the same command starts again. Both
want a queue without items: a command that was carried out already is refused, and not repeated.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from pq_core.disk import DISK
from pq_core.errors import StorageBusy
from pq_core.registry import QueueURL, open_queue

__all__ = ["filled"]

#: Items put at once.
_BATCH: Final = 256
#: What follows the name of a file queue while it is made.
_SUFFIX: Final = ".importing"


def filled(
    url: QueueURL,
    options: dict[str, Any],
    items: Iterator[object],
    advance: Callable[[int], object],
) -> int:
    """Puts all items into a queue without any, durably, or none of them.

    Args:
        url: of the queue.
        options: of the queue; they win over those in the URL.
        items: what to put, in order.
        advance: told the number of items after each few.

    Returns:
        How many items the queue holds; fewer than were put where it keeps one of equal ones.

    Raises:
        FileExistsError: the queue holds items, or it is a file queue and exists.
        StorageBusy: another import into this file queue is at work.
        ValueError: it can do nothing all at once.
        StorageError, EncodeError, Full: as in put; nothing was put.
    """
    if url.scheme == "file":
        return _new_directory(url, options, items, advance)
    with open_queue(url, **options) as queue:
        if not hasattr(queue, "transaction"):
            raise ValueError(
                f"the queues of {url.scheme} have no transaction(), so that an import could leave "
                "a part of the items; import into a file or SQLite queue"
            )
        with queue.transaction():
            held = queue.stats()
            if count := held.ready + held.delayed + held.leased + held.dead:
                raise FileExistsError(
                    f"{queue!r} holds {count} items already; import into one without items"
                )
            return _put_all(queue, items, advance)


def _put_all(queue: Any, items: Iterator[object], advance: Callable[[int], object]) -> int:
    while batch := list(islice(items, _BATCH)):
        queue.put_many(batch, block=False)
        advance(len(batch))
    count: int = queue.qsize()
    return count


def _new_directory(
    url: QueueURL,
    options: dict[str, Any],
    items: Iterator[object],
    advance: Callable[[int], object],
) -> int:
    path = Path(url.local_path()).absolute()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(
            f"{path}: there is something here already; import makes a new file queue, so give a "
            "path where there is none"
        )
    # close() syncs everything at once; with "full" each few items would be synced by themselves,
    # though nobody can have them yet.
    options = {**options, "durability": "normal"}
    with _workshop(path) as workshop:
        made = workshop / path.name
        with open_queue(replace(url, path=made.as_posix()), **options) as queue:
            count = _put_all(queue, items, advance)
        DISK.rename(made, path)
        DISK.sync_directory(path.parent)
    return count


@contextmanager
def _workshop(path: Path) -> Iterator[Path]:
    """A directory beside `path`, empty and of this process alone, and gone afterwards."""
    workshop = path.with_name(path.name + _SUFFIX)
    workshop.mkdir(DISK.directory_mode, parents=True, exist_ok=True)
    lock = workshop / "lock"
    fd = DISK.open(lock, create=True)
    try:
        if not DISK.try_lock(fd) or not _is_still(fd, lock):
            raise StorageBusy(f"{path}: another import into it is at work; wait for its end")
        try:
            for left in workshop.iterdir():
                if left != lock:
                    shutil.rmtree(left)
            yield workshop
        finally:
            shutil.rmtree(workshop / path.name, ignore_errors=True)
            # Removed while it is locked: whoever gets the lock then has that of a file without
            # a name, and can tell.
            with suppress(OSError):
                lock.unlink()
                workshop.rmdir()
    finally:
        os.close(fd)


def _is_still(fd: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(fd), path.stat())
    return False
