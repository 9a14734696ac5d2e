"""Operations of the file queue, each with the state that it starts from and what it may change.

A scene keeps account of what was acknowledged, so that whoever opens the queue next can say
whether it holds what it has to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from pq_core.disk import Disk
from pq_core.errors import DecodeError, Empty, StorageError
from pq_core.testing.faults import Crash
from pq_file import Queue

__all__ = ["BAD", "NEW", "OPERATIONS", "Scene", "Serializer"]

#: An item that is stored, and cannot be read back.
BAD: Final = -1
#: The item that the operations put; those of put_many follow.
NEW: Final = 50


class Serializer:
    """Numbers as text of 40 digits; `BAD` cannot be read."""

    @staticmethod
    def dumps(item: int) -> bytes:
        return b"%040d" % item

    @staticmethod
    def loads(data: bytes) -> int:
        if int(data) == BAD:
            raise ValueError("cannot be read")
        return int(data)


class Forgiving(Serializer):
    """The same, and `BAD` can be read."""

    @staticmethod
    def loads(data: bytes) -> int:
        return int(data)


@dataclass
class Scene:
    """A queue, and what it has to hold.

    Attributes:
        path: its directory.
        disk: the port under test.
        durability: of the queue under test.
        kept: must be delivered, in this order.
        loose: may be delivered as well: their settling, or with a crash their put, was under way.
        whole: a set of loose items of which all or none are there.
        out: what the first object has got since it was opened.
        damaged: whether there is damage that a failed repair may have left.
    """

    path: Path
    disk: Disk
    durability: str = "normal"
    serializer: Any = Serializer
    options: dict[str, Any] = field(default_factory=dict)
    kept: list[int] = field(default_factory=list)
    loose: set[int] = field(default_factory=set)
    whole: set[int] = field(default_factory=set)
    out: set[int] = field(default_factory=set)
    damaged: bool = False
    queues: list[Queue[int]] = field(default_factory=list)

    def open(self, **options: Any) -> Queue[int]:
        """Another queue object on the disk under test."""
        queue: Queue[int] = Queue(
            self.path,
            chunksize=2,
            serializer=self.serializer,
            durability=self.durability,  # type: ignore[arg-type]
            disk=self.disk,
            **{**self.options, **options},
        )
        self.queues.append(queue)
        return queue

    @property
    def queue(self) -> Queue[int]:
        """The first object that is open, opened if there is none."""
        return self.queues[0] if self.queues else self.open()

    def close(self) -> None:
        """Closes all objects; that a last sync fails is no matter here."""
        self.out.clear()
        while self.queues:
            with suppress(StorageError):
                self.queues.pop().close()

    # -- operations with their accounts -----------------------------------------------------

    def get(self) -> int:
        """Gets an item with the first object; one that cannot be read is passed over."""
        item = self._get()
        self.out.add(item)
        return item

    def _get(self) -> int:
        with suppress(DecodeError):
            return self.queue.get_nowait()
        return self.queue.get_nowait()

    def put(self, item: int) -> None:
        with self.putting(item):
            self.queue.put(item)

    def put_many(self, items: list[int]) -> None:
        with self.putting(*items):
            self.queue.put_many(items)

    @contextmanager
    def putting(self, *items: int) -> Iterator[None]:
        """The items are there where nothing is raised, and not there after a StorageError."""
        self.loose |= self.whole | set(items)
        self.whole = set(items)
        try:
            yield
        except StorageError:
            self.loose -= set(items)
            raise
        self.loose -= set(items)
        self.kept += items

    @contextmanager
    def settling(self, *items: int) -> Iterator[None]:
        """The items are gone where nothing is raised, and may come again otherwise."""
        self.kept = [item for item in self.kept if item not in items]
        self.loose |= set(items)
        yield
        self.loose -= set(items)

    @contextmanager
    def taking(self, count: int) -> Iterator[None]:
        """With autosave: where it raises, nobody has the items, and they are still there."""
        items = self.kept[:count]
        try:
            yield
        except StorageError as error:
            # A failed sync comes too late to take them back: they are gone, at most once.
            if "sync failed" not in str(error):
                raise
            self.kept = self.kept[count:]
            self.loose |= set(items)
            raise
        except Crash:
            self.kept = self.kept[count:]
            self.loose |= set(items)
            raise

    def check(self, got: list[int]) -> None:
        """Whether what a fresh handle got is what it had to."""
        assert [item for item in got if item in self.kept] == self.kept
        assert got == sorted(got)
        assert len(set(got)) == len(got)
        assert set(got) <= {*self.kept, *self.loose}
        assert not self.whole or set(got) & self.whole in (set(), self.whole)

    def check_fresh(self) -> None:
        """Opens the queue as another process would, checks what it holds, and settles it."""
        with Queue[int](self.path, serializer=self.serializer, disk=Disk()) as queue:
            if self.damaged:
                queue.repair()
            else:
                assert queue.damage == []
            assert queue.verify() == []
            got = []
            with suppress(Empty):
                while True:
                    with suppress(DecodeError):
                        got.append(queue.get_nowait())
            self.check(got)
            queue.task_done() if got else None
            assert queue.verify() == []


Step = Callable[[Scene], object]


def _filled(scene: Scene) -> None:
    scene.put_many([1, 2, 3])
    for item in (4, 5):
        scene.put(item)


def _nothing(scene: Scene) -> None:
    """The directory is not there yet."""


def _create(scene: Scene) -> None:
    scene.open()


def _closed(scene: Scene) -> None:
    _filled(scene)
    scene.close()


def _put(scene: Scene) -> None:
    scene.put(NEW)


def _put_many(scene: Scene) -> None:
    scene.put_many([NEW + number for number in range(5)])


def _one_behind(scene: Scene) -> None:
    """The next put begins a segment."""
    _filled(scene)
    scene.put(6)


def _got(count: int) -> Step:
    def prepare(scene: Scene) -> None:
        _filled(scene)
        for item in scene.kept[:count]:
            assert scene.get() == item

    return prepare


def _settle(count: int) -> Step:
    def act(scene: Scene) -> None:
        with scene.settling(*scene.kept[:count]):
            scene.queue.task_done()

    return act


def _two_out(scene: Scene) -> None:
    """Another object has got the second item."""
    _filled(scene)
    other = scene.queue and scene.open()
    assert scene.get() == 1
    assert other.get_nowait() == 2


def _settle_second(scene: Scene) -> None:
    with scene.settling(2):
        scene.queues[1].task_done()


def _first_left(scene: Scene) -> None:
    """Of all the items only the first is not settled."""
    _two_out(scene)
    other = scene.queues[1]
    for item in (3, 4, 5):
        assert other.get_nowait() == item
    with scene.settling(2, 3, 4, 5):
        other.task_done()


def _get(scene: Scene) -> None:
    assert scene.get() == 1


def _autosaving(scene: Scene) -> None:
    scene.options["autosave"] = True
    _filled(scene)


def _get_autosave(scene: Scene) -> None:
    for item in (1, 2, 3):
        with scene.taking(1):
            assert scene.queue.get_nowait() == item
        scene.kept.remove(item)


def _get_many_autosave(scene: Scene) -> None:
    # It may be less than was asked for; what nobody has is still there.
    with scene.taking(4):
        got = scene.queue.get_many(4)
    assert got == scene.kept[: len(got)]
    del scene.kept[: len(got)]


def _clear(scene: Scene) -> None:
    ready = list(scene.queue.browse())
    with scene.settling(*ready):
        assert scene.queue.clear() == len(ready)


def _close(scene: Scene) -> None:
    scene.out.clear()
    scene.queues.pop().close()


def _bad_first(scene: Scene) -> None:
    scene.queue.put(BAD)
    _filled(scene)


def _bury(scene: Scene) -> None:
    with pytest.raises(DecodeError):
        scene.queue.get_nowait()


def _buried(scene: Scene) -> None:
    _bad_first(scene)
    _bury(scene)


def _redrive(scene: Scene) -> None:
    scene.queue.redrive()


def _damaged(scene: Scene) -> None:
    """The third item is damaged on the disk."""
    for item in (1, 2, 3, 4, 5):
        scene.put(item)
    scene.close()
    segment = scene.path / "q00001"
    data = bytearray(segment.read_bytes())
    at = data.index(Serializer.dumps(3))
    data[at] ^= 1
    segment.write_bytes(data)
    scene.kept.remove(3)
    scene.damaged = True
    scene.open()


def _repair(scene: Scene) -> None:
    scene.queue.repair()


#: What to do, by name: how to get there, and the operation.
OPERATIONS: Final[dict[str, tuple[Step, Step]]] = {
    "create": (_nothing, _create),
    "create and put": (_nothing, _put),
    "open": (_closed, _create),
    "put": (_filled, _put),
    "put_many": (_filled, _put_many),
    "roll": (_one_behind, _put),
    "get": (_filled, _get),
    "settle": (_got(1), _settle(1)),
    "settle a segment": (_got(3), _settle(3)),
    "settle all": (_got(5), _settle(5)),
    "settle out of order": (_two_out, _settle_second),
    "settle the first last": (_first_left, _settle(1)),
    "autosave": (_autosaving, _get_autosave),
    "autosave many": (_autosaving, _get_many_autosave),
    "clear": (_filled, _clear),
    "clear behind one out": (_got(1), _clear),
    "close": (_filled, _close),
    "close with items out": (_got(3), _close),
    "bury": (_bad_first, _bury),
    "redrive": (_buried, _redrive),
    "repair": (_damaged, _repair),
}
