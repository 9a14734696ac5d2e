"""What a power cut leaves: with `full` all that was acknowledged, with `normal` a prefix."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from pq_core.disk import Disk
from pq_core.errors import Empty, StorageError
from pq_core.log.frame import scan
from pq_core.log.segment import Header
from pq_core.protocols import Damage
from pq_core.testing.elsewhere import PATIENCE, InThread, is_waiting
from pq_core.testing.faults import Crash
from pq_file import Queue
from tests.fault.medium import Medium
from tests.fault.scenes import Scene, Serializer


class Life:
    """A queue that is used at random, and cut off now and then."""

    def __init__(self, path: Path, seed: int, durability: str) -> None:
        self.random = Random(seed)
        self.path = path
        self.medium = Medium()
        (path / "queue").mkdir()
        self.scene = Scene(path / "queue", self.medium, durability)
        self.next = 1
        self.cuts = 0
        #: All that was put, in order, and what was settled.
        self.put: list[int] = []
        self.settled: set[int] = set()
        self.damage: list[Damage] = []

    def step(self) -> None:
        """One operation."""
        random, scene = self.random, self.scene
        what = random.choice(
            ["put", "put", "put_many", "get", "settle", "settle", "other", "again"]
        )
        if what == "put":
            self._put(1)
        elif what == "put_many":
            self._put(random.randint(2, 5))
        elif what == "get":
            with suppress(Empty):
                scene.get()
        elif what == "settle" and scene.out:
            with self._settling(*scene.out):
                scene.queue.task_done()
            scene.out.clear()
        elif what == "other":
            # Another object gets and settles: out of order where the first one has some out.
            other = scene.queue and (scene.queues[1:] or [scene.open()])[0]
            with suppress(Empty):
                item = other.get_nowait()
                with self._settling(item):
                    other.task_done()
        elif what == "again" and random.random() < 0.3:
            while scene.queues:
                scene.queues.pop().close()
            scene.out.clear()

    def _put(self, count: int) -> None:
        items = list(range(self.next, self.next + count))
        self.next += count
        self.put += items
        if count == 1:
            self.scene.put(items[0])
        else:
            self.scene.put_many(items)

    @contextmanager
    def _settling(self, *items: int) -> Iterator[None]:
        self.settled |= set(items)
        with self.scene.settling(*items):
            yield

    def check_cut(self) -> None:
        """Cuts the power, starts the machine anew, and looks at what is there.

        No damage is to be reported: nothing but the power has failed.
        """
        self.cuts += 1
        target = self.path / f"cut {self.cuts}"
        taste = self.medium.cut(self.scene.path, target, self.random)
        boot = self.random.randbytes(16)
        with Queue[int](
            target, chunksize=2, serializer=Serializer, disk=Disk(boot_id=lambda: boot)
        ) as queue:
            got = []
            with suppress(Empty):
                while True:
                    got.append(queue.get_nowait())
            said = taste, target.name, got, self.scene.kept, self.scene.loose, queue.damage
            assert got == sorted(set(got)), said
            assert queue.verify() == [], said
            if self.scene.durability == "full":
                assert [item for item in got if item in self.scene.kept] == self.scene.kept, said
                assert set(got) <= {*self.scene.kept, *self.scene.loose}, said
            else:
                reached = [item for item in self.scene.kept if got and item <= got[-1]]
                assert [item for item in got if item in self.scene.kept] == reached, said
                assert set(got) <= {*self.put}, said
            id = queue.put(1000)
            assert queue.get_nowait() == 1000
            assert self.scene.durability == "normal" or id > len(self.settled)
            self.damage += queue.damage
        with Queue[int](target, serializer=Serializer, disk=Disk(boot_id=lambda: boot)) as queue:
            # Nothing was settled since.
            assert list(queue.browse()) == [*got, 1000], said

    def end(self) -> None:
        """Lets go of the files."""
        self.medium.crashed = False
        self.medium.heal()
        self.scene.close()
        assert self.damage == []


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["normal", "full"])
@pytest.mark.parametrize("seed", range(20))
def test_between_operations(seed: int, durability: str, tmp_path: Path) -> None:
    """Cut after any operation: `full` has all that returned, `normal` a prefix; no damage."""
    life = Life(tmp_path, seed, durability)
    try:
        for _ in range(12):
            life.step()
            life.check_cut()
    finally:
        life.end()


@pytest.mark.parametrize("durability", ["normal", "full"])
@pytest.mark.parametrize("seed", range(20))
def test_in_an_operation(seed: int, durability: str, tmp_path: Path) -> None:
    """Cut in the middle of any operation, and what returned before it is there all the same."""
    life = Life(tmp_path, 1000 + seed, durability)
    try:
        with suppress(Crash):
            life.medium.crash(life.random.randint(12, 60), keep=life.random.choice([None, 0, 30]))
            for _ in range(60):
                life.step()
        for _ in range(6):
            life.check_cut()
    finally:
        life.end()


@pytest.mark.parametrize("seed", range(20))
def test_after_a_failed_sync(seed: int, tmp_path: Path) -> None:
    """What a failed sync has dropped was never acknowledged, whatever syncs came after it."""
    life = Life(tmp_path, 2000 + seed, "full")
    try:
        life.scene.put(0)
        life.medium.fail(life.random.randint(1, 25), only={"datasync"})
        for _ in range(30):
            try:
                life.step()
            except StorageError:
                life.scene.out.clear()
                life.scene.close()
        for _ in range(6):
            life.check_cut()
    finally:
        life.end()


def test_a_failed_sync_of_a_neighbour(tmp_path: Path) -> None:
    """An item whose frame another thread's failed sync has dropped is not acknowledged."""
    life = Life(tmp_path, 1, "full")
    medium, scene = life.medium, life.scene
    datasync = medium.datasync
    neighbours = []

    def hooked(fd: int) -> None:
        """Between the write and the sync of 2, another thread syncs the same file for a roll."""
        medium.datasync = datasync
        medium.fail(1, only={"datasync"})
        neighbours.append(thread.submit(scene.queue.put, 3))
        is_waiting(neighbours[0], 0.3)
        medium.heal()
        datasync(fd)

    try:
        with InThread() as thread:
            scene.put(1)
            medium.datasync = hooked
            with suppress(StorageError):
                scene.put(2)
            with suppress(StorageError), scene.putting(3):
                neighbours[0].result(PATIENCE)
        for _ in range(8):
            life.check_cut()
    finally:
        life.end()


def test_a_sector_that_never_reached_the_medium(tmp_path: Path) -> None:
    """Whichever sector a power cut has lost, what lay before it is left, and nothing behind it.

    It is all zeros then, or as it was before the last of the frames in it that are lost.
    """
    path = tmp_path / "queue"
    items = [(number, "x" * 600) for number in range(12)]
    with Queue[tuple[int, str]](path, disk=Disk()) as queue:
        for item in items:
            queue.put(item)
        shutil.copytree(path, tmp_path / "killed")
    size = (tmp_path / "killed" / "q00000").stat().st_size
    for at in [*range(1024, size, 512), *_ends(path)[:-1]]:
        cut = Path(shutil.copytree(tmp_path / "killed", tmp_path / f"cut {at}"))
        with (cut / "q00000").open("r+b") as segment:
            segment.seek(at)
            segment.write(bytes(min(512 - at % 512, size - at)))
        boot = at.to_bytes(16, "big")
        with Queue[tuple[int, str]](cut, disk=Disk(boot_id=partial(bytes, boot))) as queue:
            got = list(queue.browse())
            assert got == items[: len(got)]
            assert len(got) == sum(end <= at for end in _ends(path))
            assert (queue.damage, queue.verify()) == ([], [])
            queue.put((100, "goes on"))
            assert [number for number, _ in queue.browse()] == [*range(len(got)), 100]


def _ends(path: Path) -> list[int]:
    """Where the frames of the first segment end."""
    data = (path / "q00000").read_bytes()
    seed = Header.decode(data[:1024]).seed
    return [frame.end for frame in scan(lambda at, size: data[at : at + size], 1024, seed)]


@pytest.mark.parametrize("length", [0, 8, 511, 512, 1024])
def test_a_first_segment_that_never_reached_the_medium(length: int, tmp_path: Path) -> None:
    """A file of zeros, all that a power cut has left of a first open, does not stop the next one."""
    path = tmp_path / "queue"
    path.mkdir()
    (path / "q00000").write_bytes(bytes(length))
    with Queue[str](path, disk=Disk()) as queue:
        queue.put("a")
        assert queue.get() == "a"
        assert (queue.damage, queue.verify()) == ([], [])
