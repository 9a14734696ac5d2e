"""The players of other libraries; each imports its library when it is opened."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from .mapping import MappingPlayer
from .player import Player
from .spec import Spec
from .tables import table_name
from .tasks import TaskPlayer

__all__ = ["PEERS", "OpenPeer", "Unplayable"]


class Unplayable(Exception):
    """The peer has nothing to play this workload on."""


@dataclass(frozen=True)
class OpenPeer:
    """Makes the player of a peer; can be pickled.

    Attributes:
        peer: what pip calls it.
        backend: which of its queues: "file", "sqlite" or "mysql".
        spec: the workload.
        url: of the server, where there is one.
    """

    peer: str
    backend: str
    spec: Spec
    url: str = ""

    def __call__(self, directory: Path) -> Any:
        """The player whose storage is in this directory.

        Raises:
            Unplayable: the peer has no such queue.
        """
        opened = PEERS[self.peer].get(self.backend)
        player = None if opened is None else opened(directory / "queue", self.spec, self.url)
        shape = self.spec.shape
        is_async = isinstance(player, TaskPlayer)
        if player is None or is_async != (self.spec.tasks > 0) or not _can(player, shape):
            raise Unplayable(f"{self.peer} has nothing like {self.backend} {shape}")
        return player


def _can(player: Any, shape: str) -> bool:
    return shape == "through" or hasattr(player, shape)


class _OneByOne(Player):
    """What is one call elsewhere is a loop of single calls here: that is what its users write."""

    def put_many(self, batches: Iterator[list[Any]]) -> None:
        """As many puts as the batch has items, for each."""
        put = self.queue.put
        for batch in batches:
            for item in batch:
                put(item)

    def take_many(self, batches: Iterator[Any], size: int) -> None:
        """As many gets, settled together where it can be, for each."""
        get = self.queue.get
        for _ in batches:
            self.settle_all([get() for _ in range(size)])


class _Predecessor(_OneByOne):
    """The SQL queues of persist-queue: not all of them have a qsize."""

    def size(self) -> int:
        """How many items can be got."""
        return int(self.queue.size)


def _persist_queue_file(path: Path, spec: Spec, _url: str) -> Any:
    if spec.tasks:
        from persistqueue import AsyncQueue

        return TaskPlayer(lambda: AsyncQueue(str(path)), spec.tasks, "task_done")
    if spec.kind != "fifo":
        return None
    from persistqueue import Queue

    return _OneByOne(Queue(str(path)))


def _persist_queue_sqlite(path: Path, spec: Spec, _url: str) -> Any:
    import persistqueue

    if spec.tasks:
        path.mkdir()
        return TaskPlayer(
            lambda: persistqueue.AsyncSQLiteQueue(str(path / "data.db")), spec.tasks, "get"
        )
    if spec.kind == "dict":
        return MappingPlayer(persistqueue.PDict(str(path), "numbers"))
    names = {
        "fifo": "SQLiteQueue",
        "filo": "FILOSQLiteQueue",
        "unique": "UniqueQ",
        "priority": "PriorityQueue",
        "ack": "SQLiteAckQueue",
        "filo-ack": "FILOSQLiteAckQueue",
        "unique-ack": "UniqueAckQ",
    }
    made: Any = getattr(persistqueue, names[spec.kind])
    options: dict[str, Any] = {"multithreading": True}
    if spec.deferred:
        options["auto_commit"] = False
    settles = "ack" if "ack" in spec.kind else "task_done" if spec.deferred else "get"
    return _Predecessor(made(str(path), **options), settles)


def _persist_queue_mysql(path: Path, spec: Spec, url: str) -> Any:
    if spec.kind != "fifo" or spec.tasks:
        return None
    from persistqueue import MySQLQueue

    place = urlsplit(url)
    queue: Any = MySQLQueue(
        host=place.hostname,
        port=place.port or 3306,
        user=unquote(place.username or ""),
        passwd=unquote(place.password or ""),
        db_name=unquote(place.path.strip("/")),
        name=table_name(path.parent),
    )
    return _Predecessor(queue, "get")


def _pqueue(path: Path, spec: Spec, _url: str) -> Any:
    from pqueue import Queue

    path.mkdir()
    # Its temporary files have to be on the disk of the queue.
    return _OneByOne(Queue(str(path), tempdir=str(path))) if spec.kind == "fifo" else None


class _Pickled:
    """The names of `queue.Queue` for something that stores bytes (or text) and never waits."""

    def __init__(
        self,
        whole: Any,
        put: Callable[[bytes], Any],
        get: Callable[[], Any],
        size: Callable[[], int],
    ) -> None:
        self._whole, self._put, self._get, self.qsize = whole, put, get, size

    def put(self, item: Any) -> None:
        """Pickles and stores."""
        self._put(pickle.dumps(item, 4))

    def get(self) -> Any:
        """Takes and unpickles."""
        return pickle.loads(self._get())

    def close(self) -> None:
        """Gives back what it holds."""
        if hasattr(self._whole, "close"):
            self._whole.close()


def _queuelib(path: Path, spec: Spec, _url: str) -> Any:
    if spec.kind != "fifo" or spec.threads > 1 or spec.producers:
        return None  # it is for one thread
    from queuelib import FifoDiskQueue

    queue = FifoDiskQueue(str(path))
    return _OneByOne(_Pickled(queue, queue.push, queue.pop, queue.__len__), "get")


class _LiteQueue:
    """litequeue stores texts, and forgets a message when `done` is told its id."""

    def __init__(self, queue: Any) -> None:
        self._queue = queue
        self.qsize = queue.qsize

    def put(self, item: Any) -> None:
        """Stores JSON."""
        self._queue.put(json.dumps(item))

    def get(self) -> Any:
        """Takes a message and reads it."""
        message = self._queue.pop()
        json.loads(message.data)
        return message

    def ack(self, message: Any) -> None:
        """Settles it."""
        self._queue.done(message.message_id)

    def close(self) -> None:
        """Gives back what it holds."""
        self._queue.close()


def _litequeue(path: Path, spec: Spec, _url: str) -> Any:
    if spec.kind not in ("fifo", "ack") or spec.threads > 1 or spec.producers:
        return None
    from litequeue import LiteQueue

    path.mkdir()
    return _OneByOne(_LiteQueue(LiteQueue(str(path / "queue.db"))), "ack")


class _Deque:
    """diskcache pickles by itself."""

    def __init__(self, deque: Any) -> None:
        self._deque = deque
        self.put = deque.append
        self.get = deque.popleft
        self.qsize = deque.__len__

    def close(self) -> None:
        """Gives back what it holds."""
        self._deque.cache.close()


def _diskcache(path: Path, spec: Spec, _url: str) -> Any:
    import diskcache

    if spec.kind == "dict":
        return MappingPlayer(diskcache.Index(str(path)))
    if spec.kind != "fifo" or spec.producers:
        return None
    return _OneByOne(_Deque(diskcache.Deque(directory=str(path))), "get")


def _huey(path: Path, spec: Spec, _url: str) -> Any:
    if spec.kind != "fifo" or spec.producers:
        return None
    from huey.storage import SqliteStorage

    path.mkdir()
    store = SqliteStorage(filename=str(path / "huey.db"))
    return _OneByOne(_Pickled(store, store.enqueue, store.dequeue, store.queue_size), "get")


#: By the name that pip knows: what can be played on which kind of storage.
PEERS: Final[dict[str, dict[str, Callable[[Path, Spec, str], Any]]]] = {
    "persist-queue": {
        "file": _persist_queue_file,
        "sqlite": _persist_queue_sqlite,
        "mysql": _persist_queue_mysql,
    },
    "pqueue": {"file": _pqueue},
    "queuelib": {"file": _queuelib},
    "litequeue": {"sqlite": _litequeue},
    "diskcache": {"sqlite": _diskcache},
    "huey": {"sqlite": _huey},
}
