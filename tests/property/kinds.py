"""The local queues, each with what the model has to know of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any, Final

from pq_core.testing.awaited import Awaited, AwaitedAck
from pq_core.testing.clock import FakeClock
from pq_file import Queue
from pq_sqlite import (
    FILOSQLiteAckQueue,
    FILOSQLiteQueue,
    PriorityQueue,
    SQLiteAckQueue,
    SQLiteQueue,
    UniqueAckQ,
    UniqueQ,
)
from tests.property.model import BAD, Kind

__all__ = ["BACKENDS", "Backend", "awaited", "served"]


class _Serializer:
    """Text of an item; `BAD` cannot be read back."""

    @staticmethod
    def dumps(item: Any) -> bytes:
        return repr(item).encode()

    @staticmethod
    def loads(data: bytes) -> Any:
        from ast import literal_eval

        item = literal_eval(data.decode())
        if item == BAD:
            raise ValueError("it cannot be read")
        return item


def _tend(queue: Any) -> None:
    queue._tend()


@dataclass(frozen=True)
class Backend:
    """How a kind of queue is opened.

    Attributes:
        kind: what the model has to know.
        open: (path, clock, options) -> a queue object.
        is_local: whether its files lie in the path, so that they can be copied and verified.
        tend: has an ack queue do what is due.
    """

    kind: Kind
    open: Callable[[Path, FakeClock, dict[str, Any]], Any]
    is_local: bool = True
    tend: Callable[[Any], None] = _tend


def _file(kind: Kind, **fixed: Any) -> Backend:
    def open_file(path: Path, clock: FakeClock, options: dict[str, Any]) -> Any:
        del clock
        return Queue(path, serializer=_Serializer, **fixed, **options)

    return Backend(kind, open_file)


def _options(kind: Kind, clock: FakeClock, options: dict[str, Any]) -> dict[str, Any]:
    """What a queue in SQL takes of the options."""
    found = {name: value for name, value in options.items() if name != "chunksize"}
    if kind.is_acked:
        found.update(clock=clock, lease=kind.lease, max_attempts=kind.max_attempts)
    return {**found, "serializer": _Serializer}


def _sqlite(cls: Any, kind: Kind, **fixed: Any) -> Backend:
    def open_sqlite(path: Path, clock: FakeClock, options: dict[str, Any]) -> Any:
        return cls(path, **fixed, **_options(kind, clock, options))

    return Backend(kind, open_sqlite)


def awaited(cls: Any, kind: Kind, **fixed: Any) -> Backend:
    """The kind awaited, in a file where it has no options of a queue in SQL."""
    wrap = AwaitedAck if kind.is_acked else Awaited

    def open_awaited(path: Path, clock: FakeClock, options: dict[str, Any]) -> Any:
        if kind.passes_over:
            return wrap(cls, path, serializer=_Serializer, **fixed, **options)
        return wrap(cls, path, **fixed, **_options(kind, clock, options))

    def tend(queue: Any) -> None:
        queue.wait(lambda: queue.queue._ask(methodcaller("_tend")))

    return Backend(kind, open_awaited, tend=tend)


def served(kind: Kind, make: Callable[..., Any], **fixed: Any) -> Backend:
    """The kind in a database server; `make` is given the name of a queue, and options."""

    def open_served(path: Path, clock: FakeClock, options: dict[str, Any]) -> Any:
        options = {**options, "durability": "normal"}  # which the server decides
        name = f"{path.parent.name} {path.name}"
        return make(name=name, **fixed, **_options(kind, clock, options))

    return Backend(kind, open_served, is_local=False)


_PLAIN: Final = {
    "sqlite": (SQLiteQueue, {}),
    "sqlite filo": (FILOSQLiteQueue, {"newest_first": True}),
    "sqlite unique": (UniqueQ, {"is_unique": True}),
    "sqlite priority": (PriorityQueue, {"has_priority": True}),
}
_ACKED: Final = {
    "sqlite ack": (SQLiteAckQueue, {}),
    "sqlite filo ack": (FILOSQLiteAckQueue, {"newest_first": True}),
    "sqlite unique ack": (UniqueAckQ, {"is_unique": True}),
}

#: All local backends and kinds. Another backend needs no more than a line here.
BACKENDS: Final[dict[str, Backend]] = {
    "file": _file(Kind(settles=False, renews_ids=True, passes_over=True)),
    "file autosave": _file(Kind(renews_ids=True, passes_over=True), autosave=True),
    **{name: _sqlite(cls, Kind(**facts)) for name, (cls, facts) in _PLAIN.items()},
    **{
        f"{name} hold": _sqlite(cls, Kind(**facts, settles=False), auto_commit=False)
        for name, (cls, facts) in _PLAIN.items()
    },
    **{
        name: _sqlite(cls, Kind(**facts, settles=False, is_acked=True))
        for name, (cls, facts) in _ACKED.items()
    },
    "sqlite ack leased": _sqlite(
        SQLiteAckQueue, Kind(settles=False, is_acked=True, lease=10.0, max_attempts=3)
    ),
}
