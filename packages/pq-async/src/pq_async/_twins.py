"""The blocking queues behind the awaited ones: checked when they are made, opened by the worker."""

from __future__ import annotations

from typing import Any

from pq_core.log.queue import LogQueue
from pq_core.sql import KINDS
from pq_core.sqlite import AckInSQLite, PlainInSQLite, PriorityInSQLite

__all__ = [
    "FIFO",
    "FILO",
    "Ack",
    "File",
    "FILOAck",
    "Priority",
    "Unique",
    "UniqueAck",
    "opener",
]


class _Unopened:
    """Comes before a class of blocking queues: only `open` opens the storage."""

    def _start(self) -> None:
        """Nothing yet."""

    def open(self) -> Any:
        """The queue itself, open."""
        super()._start()  # type: ignore[misc]
        return self


class File(_Unopened, LogQueue[Any]):
    """The file queue."""


class FIFO(_Unopened, PlainInSQLite[Any]):
    """The oldest item first."""


class FILO(FIFO):
    """The newest item first."""

    kind = KINDS["filo"]


class Unique(FIFO):
    """No two equal items."""

    kind = KINDS["unique"]


class Priority(_Unopened, PriorityInSQLite[Any]):
    """The lowest priority first."""


class Ack(_Unopened, AckInSQLite[Any]):
    """The oldest item first; settled one by one."""


class FILOAck(Ack):
    """The newest item first; settled one by one."""

    kind = KINDS["filo-ack"]


class UniqueAck(Ack):
    """No two equal items that are not settled; settled one by one."""

    kind = KINDS["unique-ack"]


def opener(cls: Any, arguments: dict[str, Any]) -> Any:
    """A function that opens a queue; the arguments are checked now, and nothing is touched.

    Raises:
        ValueError: one of them is out of range.
    """
    checked = dict(arguments)
    if checked.get("db_file_name", "") is None:
        checked["db_file_name"] = "data.db"  # else it would look whether `path` is a database
    cls(**checked)
    return lambda: cls(**arguments).open()
