"""The blocking queues behind the awaited ones: checked when they are made, opened by the worker."""

from __future__ import annotations

from pathlib import Path
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
    "absolute",
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


def absolute(path: str | Path) -> str:
    """The directory of a queue, wherever the process may be when it is opened."""
    return ":memory:" if str(path) == ":memory:" else str(Path(path).absolute())


def opener(cls: Any, arguments: dict[str, Any]) -> Any:
    """A function that opens a queue; the arguments are checked now, and nothing is touched.

    Raises:
        ValueError: one of them is out of range.
    """
    checked = dict(arguments)
    if checked.get("db_file_name", "") is None:
        checked["db_file_name"] = "data.db"  # else it would look whether `path` is a database
    cls(**checked)
    return lambda: cls(**_located(arguments)).open()


def _located(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments for who is given the database file, as by the async classes of persist-queue.

    The blocking class knows such a file once there are queues in it. Here an empty one, such as
    `tempfile` makes, is one as well.
    """
    path = Path(arguments["path"])
    if arguments.get("db_file_name", "") is None and path.is_file() and not path.stat().st_size:
        return {**arguments, "path": str(path.parent), "db_file_name": path.name}
    return arguments
