"""Operations of the SQLite queues, each with the state that it starts from and what it may change."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from pq_core.errors import DecodeError, Empty, StorageError, StorageUnusable
from pq_sqlite import FILOSQLiteQueue, PriorityQueue, SQLiteAckQueue, SQLiteQueue, UniqueQ
from tests.fault.scenes import BAD, NEW, Serializer

__all__ = ["OPERATIONS", "Scene"]

_FIXTURES: Final = Path(__file__).parent.parent / "fixtures" / "legacy" / "sqlite"


@dataclass
class Scene:
    """A queue, and what it has to hold.

    Attributes:
        path: its directory.
        cls: of the queue.
        options: of the queue.
        kept: the items that must be delivered.
        loose: those that may be: with a failed operation nobody promises either way.
        dead: how many dead letters there must be.
        out: what the open object has out, and task_done settles.
        unusable: whether a failed sync was told.
    """

    path: Path
    cls: Any = SQLiteQueue
    options: dict[str, Any] = field(default_factory=dict)
    kept: list[int] = field(default_factory=list)
    loose: set[int] = field(default_factory=set)
    dead: int = 0
    out: list[int] = field(default_factory=list)
    unusable: bool = False
    opened: list[Any] = field(default_factory=list)

    def open(self, cls: Any = None, **options: Any) -> Any:
        """A queue object."""
        self.cls = cls or self.cls
        self.options.update(options)
        queue = self.cls(self.path, serializer=Serializer, **self.options)
        self.opened.append(queue)
        return queue

    @property
    def queue(self) -> Any:
        """The open object, opened if there is none."""
        return self.opened[0] if self.opened else self.open()

    def close(self) -> None:
        """Closes the objects; a last sync that fails is no matter here."""
        self.out.clear()
        while self.opened:
            with suppress(StorageError):
                self.opened.pop().close()

    @contextmanager
    def putting(self, *items: int) -> Iterator[None]:
        """The items are there where nothing is raised, and not there after a StorageError."""
        yield
        self.kept += items

    @contextmanager
    def settling(self, *items: int) -> Iterator[None]:
        """The items are gone where nothing is raised, and still there after a StorageError."""
        yield
        for item in items:
            self.kept.remove(item)

    def put(self, item: int) -> None:
        with self.putting(item):
            self.queue.put(item)

    def put_many(self, *items: int) -> None:
        with self.putting(*items):
            self.queue.put_many(items)

    def _get(self) -> int:
        """The next item that can be read."""
        try:
            item: int = self.queue.get_nowait()
        except DecodeError:
            self.dead += 1
            item = self.queue.get_nowait()
        return item

    def drained(self, queue: Any) -> list[int]:
        """All that comes, each settled."""
        got = []
        with suppress(Empty):
            while True:
                with suppress(DecodeError):
                    got.append(queue.get_nowait())
                    if isinstance(queue, SQLiteAckQueue):
                        queue.ack(got[-1])
                    elif not queue.auto_commit:
                        queue.task_done()
        return got

    def goes_on(self) -> None:
        """The same object puts, gets and settles; after a failed sync a new one."""
        if self.unusable:
            for call in (lambda: self.queue.put(1), self.queue.get_nowait, self.queue.stats):
                with pytest.raises(StorageUnusable):
                    call()
            self.close()
        self.put(NEW + 10)
        self.put_many(NEW + 11, NEW + 12)
        assert self.queue.qsize() >= 3
        if isinstance(self.queue, SQLiteAckQueue):
            item = self._get()
            with self.settling(item):
                assert self.queue.ack(item)
        elif self.queue.auto_commit:
            self.kept.remove(self._get())
        else:
            self.out.append(self._get())
            # What the failed operation may have had out is settled with it.
            with self.settling(*self.out):
                self.queue.task_done()

    def check_fresh(self, path: Path | None = None) -> None:
        """Opens the queue as another process would: it is sound and holds what it must."""
        with self.cls(path or self.path, serializer=Serializer, **self.options) as queue:
            assert queue.verify() == []
            assert len(queue.dead_letters()) == self.dead
            got = self.drained(queue)
            assert [item for item in got if item not in self.loose] == sorted(
                self.kept, reverse=self.cls is FILOSQLiteQueue
            )
            assert set(got) <= {*self.kept, *self.loose}
            assert queue.verify() == []


Step = Callable[[Scene], object]


def _of(cls: Any, **options: Any) -> Step:
    """Five items in a queue."""

    def prepare(scene: Scene) -> None:
        scene.open(cls, **options)
        scene.put_many(1, 2, 3)
        for item in (4, 5):
            scene.put(item)

    return prepare


def _closed(scene: Scene) -> None:
    _of(SQLiteQueue)(scene)
    scene.close()


def _nothing(scene: Scene) -> None:
    """The directory is not there yet."""


def _create(scene: Scene) -> None:
    scene.open()


def _create_ack(scene: Scene) -> None:
    scene.open(SQLiteAckQueue)


def _put(scene: Scene) -> None:
    scene.put(NEW)


def _put_many(scene: Scene) -> None:
    scene.put_many(*(NEW + number for number in range(5)))


def _put_delayed(scene: Scene) -> None:
    scene.queue.put(NEW, delay=1000)


def _get(scene: Scene) -> None:
    with scene.settling(scene.kept[0]):
        assert scene.queue.get_nowait() == scene.kept[0]


def _get_last(scene: Scene) -> None:
    with scene.settling(scene.kept[-1]):
        assert scene.queue.get_nowait() == scene.kept[-1]


def _get_many(scene: Scene) -> None:
    with scene.settling(1, 2, 3):
        assert scene.queue.get_many(3) == [1, 2, 3]


def _hold(scene: Scene) -> None:
    assert scene.queue.get_nowait() == 1
    scene.out.append(1)


def _held(scene: Scene) -> None:
    _of(SQLiteQueue, auto_commit=False)(scene)
    assert scene.queue.get_many(2) == [1, 2]
    scene.out += [1, 2]


def _task_done(scene: Scene) -> None:
    with scene.settling(1, 2):
        scene.queue.task_done()
    scene.out.clear()


def _leased(scene: Scene) -> None:
    _of(SQLiteAckQueue)(scene)
    assert scene.queue.get_many(2) == [1, 2]


def _ack(scene: Scene) -> None:
    with scene.settling(1):
        assert scene.queue.ack(1)


def _ack_many(scene: Scene) -> None:
    with scene.settling(1, 2):
        assert scene.queue.ack_many([1, 2]) == 2


def _nack(scene: Scene) -> None:
    scene.queue.nack(1)


def _fail(scene: Scene) -> None:
    with scene.settling(1):
        scene.queue.ack_failed(1, reason="refused")
        scene.dead += 1


def _failed(scene: Scene) -> None:
    _leased(scene)
    _fail(scene)


def _redrive(scene: Scene) -> None:
    assert scene.queue.redrive() == 1
    scene.dead -= 1
    scene.kept.append(1)


def _extend(scene: Scene) -> None:
    scene.queue.receive_nowait().extend(100)


def _clear(scene: Scene) -> None:
    items = list(scene.queue.browse())
    with scene.settling(*items):
        assert scene.queue.clear() == len(items)


def _update(scene: Scene) -> None:
    scene.queue.update(NEW, id=5)
    scene.kept[scene.kept.index(5)] = NEW


def _bad_first(scene: Scene) -> None:
    scene.open(SQLiteQueue)
    scene.queue.put(BAD)
    scene.put_many(1, 2, 3)


def _bury(scene: Scene) -> None:
    with pytest.raises(DecodeError):
        scene.queue.get_nowait()
    scene.dead += 1


def _close(scene: Scene) -> None:
    scene.out.clear()
    scene.opened.pop().close()


def _shrink(scene: Scene) -> None:
    scene.queue.shrink_disk_usage()


def _acked(scene: Scene) -> None:
    _leased(scene)
    _ack_many(scene)


def _trim(scene: Scene) -> None:
    assert scene.queue.clear_acked_data(keep_latest=0) == 2


def _transaction(scene: Scene) -> None:
    with scene.settling(1), scene.putting(NEW), scene.queue.transaction():
        scene.queue.put(NEW)
        assert scene.queue.get_nowait() == 1


def _repair(scene: Scene) -> None:
    scene.queue.repair()


def _legacy(scene: Scene) -> None:
    """A predecessor's database, of items that this serializer reads."""
    scene.path.mkdir()
    shutil.copy(_FIXTURES / "1.1.0-SQLiteAckQueue.db", scene.path / "data.db")
    database = sqlite3.connect(scene.path / "data.db")
    with database:
        (table,) = (
            name
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            if name.startswith("ack_queue")
        )
        database.execute(f'DELETE FROM "{table}"')
        for number in (1, 2, 3):
            row = Serializer.dumps(number), 1.0, 1
            database.execute(
                f'INSERT INTO "{table}" (data, timestamp, status) VALUES (?, ?, ?)', row
            )
    database.close()
    # It has been there for long.
    for place in (scene.path / "data.db", scene.path, scene.path.parent):
        fd = os.open(place, os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)
    scene.options["name"] = table.removeprefix("ack_queue_")
    scene.kept = [1, 2, 3]
    scene.cls = SQLiteAckQueue


#: What to do, by name: how to get there, and the operation.
OPERATIONS: Final[dict[str, tuple[Step, Step]]] = {
    "create": (_nothing, _create),
    "create ack": (_nothing, _create_ack),
    "create and put": (_nothing, _put),
    "open": (_closed, _create),
    "take over": (_legacy, _create),
    "put": (_of(SQLiteQueue), _put),
    "put_many": (_of(SQLiteQueue), _put_many),
    "put unique": (_of(UniqueQ), _put),
    "put priority": (_of(PriorityQueue), _put),
    "get": (_of(SQLiteQueue), _get),
    "get filo": (_of(FILOSQLiteQueue), _get_last),
    "get_many": (_of(SQLiteQueue), _get_many),
    "hold": (_of(SQLiteQueue, auto_commit=False), _hold),
    "task_done": (_held, _task_done),
    "close with items held": (_held, _close),
    "put ack": (_of(SQLiteAckQueue), _put),
    "ack": (_leased, _ack),
    "ack_many": (_leased, _ack_many),
    "nack": (_leased, _nack),
    "ack_failed": (_leased, _fail),
    "extend": (_of(SQLiteAckQueue), _extend),
    "redrive": (_failed, _redrive),
    "trim": (_acked, _trim),
    "put delayed": (_of(SQLiteAckQueue), _put_delayed),
    "close with items leased": (_leased, _close),
    "bury": (_bad_first, _bury),
    "clear": (_of(SQLiteQueue), _clear),
    "update": (_of(SQLiteQueue), _update),
    "transaction": (_of(SQLiteQueue), _transaction),
    "shrink": (_of(SQLiteQueue), _shrink),
    "close": (_of(SQLiteQueue), _close),
    "repair": (_of(SQLiteQueue), _repair),
}
