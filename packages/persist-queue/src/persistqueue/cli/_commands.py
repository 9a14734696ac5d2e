"""What the words of the command do: all of them but ``import``."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from persistqueue.cli._lines import lines_of, opened_source, write
from persistqueue.cli._progress import bytes_read
from persistqueue.cli._queues import existing, opened
from persistqueue.cli._status import DAMAGED, DONE, FAILED, NOTHING, complain
from pq_core.errors import DecodeError, Empty, StorageCorrupt

if TYPE_CHECKING:
    import argparse

    from pq_core.protocols import Damage, LocalQueue

__all__ = ["get", "peek", "put", "repair", "stats", "verify"]

#: Items handed out at once: enough to share the cost of a flush, few to come again after a crash.
_BATCH: Final = 256


def put(arguments: argparse.Namespace) -> int:
    with (
        opened_source(arguments.file) as source,
        bytes_read(source) as advance,
        opened(arguments) as queue,
    ):
        for lines in lines_of(source, advance):
            queue.put_many(lines)
    return DONE


def get(arguments: argparse.Namespace) -> int:
    left = sys.maxsize if arguments.all else arguments.n
    status = NOTHING
    with existing(arguments) as queue:
        settle = _settling(queue)
        while left:
            try:
                items = queue.get_many(min(left, _BATCH), timeout=arguments.timeout)
            except Empty:
                break
            except DecodeError as error:
                # It was set aside; the items behind it are as good as ever.
                complain(error)
                status = FAILED
                continue
            write(sys.stdout.buffer, items)
            settle(items)
            left -= len(items)
            if status == NOTHING:
                status = DONE
    return status


def _settling(queue: Any) -> Callable[[Iterable[object]], None]:
    """What settles items that were got and written out."""
    if not hasattr(queue, "ack"):
        return lambda _items: queue.task_done()

    def ack(items: Iterable[object]) -> None:
        with queue.transaction():
            for item in items:
                queue.ack(item)

    return ack


def peek(arguments: argparse.Namespace) -> int:
    with existing(arguments) as queue:
        count = write(sys.stdout.buffer, islice(queue.browse(), arguments.n))
    return DONE if count else NOTHING


def stats(arguments: argparse.Namespace) -> int:
    with existing(arguments) as queue:
        stats = asdict(queue.stats())
    if arguments.json:
        write(sys.stdout.buffer, [stats])
        return DONE
    age = stats["oldest_age"]
    stats["oldest_age"] = "-" if age is None else f"{age:.1f} s"
    write(sys.stdout.buffer, (f"{name:<11} {value!s:>14}" for name, value in stats.items()))
    return DONE


def verify(arguments: argparse.Namespace) -> int:
    try:
        with existing(arguments) as queue:
            damages = _local(queue).verify()
    except StorageCorrupt as error:
        # So damaged that it does not open: that, too, is what was asked.
        write(sys.stdout.buffer, [str(error)])
        return DAMAGED
    return DAMAGED if write(sys.stdout.buffer, map(_told, damages)) else DONE


def repair(arguments: argparse.Namespace) -> int:
    with existing(arguments) as queue:
        write(sys.stdout.buffer, map(_told, _local(queue).repair()))
    return DONE


def _local(queue: LocalQueue[Any]) -> LocalQueue[Any]:
    """The queue, known to be one whose storage can be checked from here."""
    if not hasattr(queue, "verify"):
        raise ValueError(f"{queue!r}: its server looks after the storage; use the server's tools")
    return queue


def _told(damage: Damage) -> str:
    where = "" if damage.offset is None else f" at byte {damage.offset}"
    return f"{damage.path}{where}: {damage.reason}"
