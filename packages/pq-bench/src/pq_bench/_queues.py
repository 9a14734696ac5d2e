"""The queues under test: what is installed, and how each is opened to be played on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from pq_bench.floors import FLOORS, HopFloor, MemoryFloor
from pq_bench.stage.mapping import MappingPlayer
from pq_bench.stage.player import Player
from pq_bench.stage.spec import Spec
from pq_bench.stage.tables import table_name
from pq_bench.stage.tasks import TaskPlayer
from pq_core.registry import QueueURL, backends, open_queue
from pq_core.serializers import codec

__all__ = ["Backend", "OpenFloor", "OpenQueue", "SERVERS", "installed"]

_SQL_KINDS: Final = ("fifo", "filo", "unique", "priority", "ack", "filo-ack", "unique-ack")
#: The kinds of queues of each scheme; one that is not here has FIFO queues.
_KINDS: Final = {
    "file": ("fifo",),
    "sqlite": (*_SQL_KINDS, "dict"),
    "mysql": _SQL_KINDS,
    "mariadb": _SQL_KINDS,
    "postgres": _SQL_KINDS,
    "postgresql": _SQL_KINDS,
    "memory": ("fifo",),
}
#: Other names of a scheme that stands here already.
_ALIASES: Final = {"mariadb": "mysql", "postgres": "postgresql"}
#: The schemes whose get settles unless told otherwise.
_GET_SETTLES: Final = ("sqlite", "mysql", "mariadb", "postgres", "postgresql")
#: The schemes that need a server, and so a URL.
SERVERS: Final = ("mysql", "mariadb", "postgres", "postgresql")
#: The async classes of pq_async, by scheme and kind.
_ASYNC: Final = {
    ("file", "fifo"): "AsyncQueue",
    ("sqlite", "fifo"): "AsyncSQLiteQueue",
    ("sqlite", "filo"): "AsyncFILOSQLiteQueue",
    ("sqlite", "unique"): "AsyncUniqueQ",
    ("sqlite", "priority"): "AsyncPriorityQueue",
    ("sqlite", "ack"): "AsyncSQLiteAckQueue",
}


@dataclass(frozen=True)
class Backend:
    """One place where queues can be.

    Attributes:
        name: its scheme; "memory" is the standard library's queue.
        url: of the server, or "" where a directory is enough.
    """

    name: str
    url: str = ""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of queues it has."""
        return _KINDS.get(self.name, ("fifo",))

    @property
    def is_server(self) -> bool:
        """Whether it takes a URL to reach."""
        return self.name in SERVERS

    @property
    def has_floor(self) -> bool:
        """Whether its bare calls are known."""
        return self.name in FLOORS

    def asking(self, option: str) -> Backend:
        """The same server, with one more option of its queues."""
        return replace(self, url=f"{self.url}{'&' if '?' in self.url else '?'}{option}")

    def can_play(self, spec: Spec) -> bool:
        """Whether it has what the workload is for."""
        if self.name == "memory":
            return spec.kind == "fifo" and not (spec.processes or spec.tasks)
        if spec.tasks:
            return (self.name, spec.kind) in _ASYNC and _has_async(self.name, spec.kind)
        return spec.kind in self.kinds

    def settles(self, spec: Spec) -> str:
        """How a got item is settled on the queue of this workload."""
        if "ack" in spec.kind:
            return "ack"
        return "get" if self.name in _GET_SETTLES and not spec.deferred else "task_done"


def installed(urls: dict[str, str] | None = None) -> list[Backend]:
    """The backends that can be used: those of the entry points, and the standard library's queue.

    Args:
        urls: of servers, by scheme. A scheme that needs a server and has no URL is left out.
    """
    urls = urls or {}
    found = [
        Backend(name, urls.get(name, ""))
        for name in backends()
        if name not in SERVERS or name in urls
    ]
    return [each for each in found if _ALIASES.get(each.name) not in {b.name for b in found}]


@dataclass(frozen=True)
class OpenQueue:
    """Makes the player of one of our queues; can be pickled.

    Attributes:
        backend: where the queue is.
        spec: the workload.
        durability: of the queue; "": the default of its class.
        serializer: its name.
    """

    backend: Backend
    spec: Spec
    durability: str
    serializer: str = "pickle"

    def __call__(self, directory: Path) -> Any:
        """The player whose storage is in this directory."""
        return self.with_options(directory, {})

    def with_options(self, directory: Path, more: dict[str, Any]) -> Any:
        """The same with more parameters of the queue."""
        spec, name = self.spec, self.backend.name
        if name == "memory":
            return MemoryFloor()
        path = directory / "queue"
        options: dict[str, Any] = {"serializer": self.serializer}
        if self.durability:
            options["durability"] = self.durability
        settles = self.backend.settles(spec)
        if spec.tasks:
            made = getattr(import_module("pq_async"), _ASYNC[name, spec.kind])
            return TaskPlayer(lambda: made(str(path), **options), spec.tasks, settles)
        if spec.kind == "dict":
            # Not a queue, so no entry point of its own: it stands beside the one of its scheme.
            module = import_module(backends()[name].module.partition(".")[0])
            del options["serializer"]
            return MappingPlayer(module.PDict(path, "numbers", **options))
        if len(self.backend.kinds) > 1:
            options["kind"] = spec.kind
        if spec.deferred and "ack" not in spec.kind and len(self.backend.kinds) > 1:
            options["auto_commit"] = False
        if spec.history:
            options["keep_acked"] = 10 * spec.history
        return Player(open_queue(self._url(directory), **options, **more), settles)

    def _url(self, directory: Path) -> QueueURL:
        if not self.backend.is_server:
            return QueueURL(self.backend.name, str(directory / "queue"))
        url = QueueURL.parse(self.backend.url)
        return replace(url, query={**url.query, "name": table_name(directory)})


@dataclass(frozen=True)
class OpenFloor:
    """Makes the player of a backend's floor.

    Attributes:
        backend: whose floor.
        spec: the workload.
        durability: at which it writes.
        serializer: the name of what it serializes with.
    """

    backend: Backend
    spec: Spec
    durability: str
    serializer: str = "pickle"

    def __call__(self, directory: Path) -> Any:
        """The player whose storage is in this directory."""
        of_items = codec(self.serializer)  # type: ignore[arg-type]
        acked = "ack" in self.spec.kind
        make: Callable[[], Any] = lambda: FLOORS[self.backend.name](  # noqa: E731
            directory,
            QueueURL.parse(self.backend.url) if self.backend.is_server else None,
            table_name(directory) if self.backend.is_server else "",
            self.durability,
            acked,
            of_items.dumps,
            of_items.loads,
        )
        return HopFloor(make()) if self.spec.tasks else make()


def _has_async(scheme: str, kind: str) -> bool:
    return find_spec("pq_async") is not None and hasattr(
        import_module("pq_async"), _ASYNC[scheme, kind]
    )
