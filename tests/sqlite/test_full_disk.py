"""A disk that is full: puts are refused, consumers go on, and nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import Empty, StorageError
from pq_sqlite import PriorityQueue, SQLiteAckQueue, SQLiteQueue

CLASSES = [SQLiteQueue, SQLiteAckQueue]


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """Makes a disk of so many MiB."""
    where = tmp_path / "disk"
    where.mkdir()

    def mount(size: int) -> Path:
        made = (
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(where)],
                capture_output=True,
                check=False,
            )
            if os.name == "posix" and os.geteuid() == 0
            else None
        )
        if made is None or made.returncode:
            pytest.skip("a small tmpfs cannot be mounted here")
        return where

    yield mount
    if os.path.ismount(where):
        subprocess.run(["umount", "-l", str(where)], check=True)


def fill(file: Path) -> None:
    """Leaves not a byte of room."""
    with suppress(OSError), file.open("wb", buffering=0) as ballast:
        for size in (1 << 16, 1 << 12, 1):
            with suppress(OSError):
                while ballast.write(b"x" * size) == size:
                    pass


def drained(queue: Any) -> list[Any]:
    """The first parts of all items, each settled."""
    got = []
    with suppress(Empty):
        while True:
            item = queue.get(block=False)
            got.append(item[0])
            if isinstance(queue, SQLiteAckQueue):
                queue.ack(item)
            elif not queue.auto_commit:
                queue.task_done()
    return got


@pytest.mark.parametrize("size", [pytest.param(2000, marks=pytest.mark.slow), 20_000])
@pytest.mark.parametrize(
    ("cls", "options"),
    [
        (SQLiteQueue, {}),
        (SQLiteQueue, {"auto_commit": False}),
        (PriorityQueue, {}),
        (SQLiteAckQueue, {"keep_acked": 0}),
    ],
    ids=["fifo", "fifo that holds", "priority", "ack"],
)
def test_19_consumers_go_on_when_the_disk_is_full(
    cls: Any,
    options: dict[str, Any],
    size: int,
    disk_of: Callable[[int], Path],
) -> None:
    """With not a byte of room every item can be got and settled; puts work once there is room."""
    disk = disk_of(20)
    options = {"durability": "off", **options}
    queue = cls(disk, **options)
    stored: list[int] = []
    with pytest.raises(StorageError, match="full"):
        while True:
            batch = range(len(stored), len(stored) + max(1, 10_000 // size))
            queue.put_many([(n, b"x" * size) for n in batch])
            stored.extend(batch)
    fill(disk / "ballast")
    with closing(queue):
        assert drained(queue) == stored
        for ballast in disk.glob("*ballast"):
            ballast.unlink()
        queue.put(("there is room",))
        assert drained(queue) == ["there is room"]
        assert queue.verify() == []


def filled(queue: Any) -> list[int]:
    """The first parts of the items that found room."""
    stored: list[int] = []
    with suppress(StorageError):
        while True:
            batch = range(len(stored), len(stored) + 10)
            queue.put_many([(n, b"x" * 2000) for n in batch])
            stored.extend(batch)
    return stored


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("is_closed_before", [True, False])
def test_a_queue_opens_on_a_full_disk(
    cls: Any, is_closed_before: bool, disk_of: Callable[[int], Path]
) -> None:
    """With the help of the reserve a queue is opened, and drained, with not a byte of room."""
    disk = disk_of(12)
    first = cls(disk, durability="off")
    if is_closed_before:  # so that it could empty its log, and took it away
        stored = list(range(1000))
        for n in range(0, 1000, 20):
            first.put_many([(n + more, b"x" * 2000) for more in range(20)])
        assert (disk / "data.db-reserve").exists()
        first.close()
        fill(disk / "ballast")
    else:
        stored = filled(first)
        fill(disk / "ballast")
        first.close()
    with closing(cls(disk, durability="off")) as queue:
        assert drained(queue) == stored
        assert queue.verify() == []


def test_room_that_the_queue_has_freed_is_its_own(disk_of: Callable[[int], Path]) -> None:
    """Where others take the rest of the disk, what the log and free pages hold serves new puts."""
    disk = disk_of(12)
    with closing(SQLiteQueue[Any](disk, durability="off")) as queue:
        for n in range(0, 2400, 40):
            queue.put_many([(n + more, b"x" * 500) for more in range(40)])
        assert (disk / "data.db-reserve").exists()
        assert drained(queue) == list(range(2400))
        fill(disk / "ballast")
        queue.put((0, b"x" * 500))
        queue.put((1, b"x" * 500))
        assert drained(queue) == [0, 1]
        assert queue.verify() == []


def test_room_serves_a_put_right_after_one_was_refused(disk_of: Callable[[int], Path]) -> None:
    """Who was told that the disk is full can put as soon as consumers have freed as much."""
    disk = disk_of(12)
    with closing(SQLiteQueue[Any](disk, durability="off")) as queue:
        stored = filled(queue)
        with pytest.raises(StorageError, match="full"):
            queue.put((0, b"x" * 500))
        assert drained(queue) == stored
        fill(disk / "ballast")
        queue.put((0, b"x" * 500))
        assert drained(queue) == [0]


@pytest.mark.parametrize("cls", CLASSES)
def test_19_a_full_disk(cls: Any, disk_of: Callable[[int], Path]) -> None:
    """A put on a full disk raises, what was put before is delivered, and then there is room."""
    disk = disk_of(1)
    ballast = disk / "ballast"
    ballast.write_bytes(b"x" * 700_000)
    with closing(cls(disk)) as queue:
        stored = []
        with pytest.raises(StorageError, match="full"):
            for n in range(10_000):
                queue.put((n, b"x" * 5000))
                stored.append(n)
        assert len(stored) > 5
        ballast.unlink()
        first = queue.get(block=False)
        assert first[0] == stored[0]
        if cls is SQLiteAckQueue:
            queue.ack(first)
        got = [first[0]]
        while True:
            try:
                item = queue.get(block=False)
            except Empty:
                break
            got.append(item[0])
            if cls is SQLiteAckQueue:
                queue.ack(item)
        assert got == stored
        if cls is SQLiteAckQueue:
            queue.clear_acked_data(max_delete=-1, keep_latest=0)
        queue.put("there is room")
        assert queue.get(block=False) == "there is room"
        assert queue.verify() == []


@pytest.mark.parametrize("cls", CLASSES)
def test_a_disk_that_is_read_only(cls: Any, disk_of: Callable[[int], Path]) -> None:
    """Neither a new queue nor one that is there opens: StorageError, with the name of the file."""
    disk = disk_of(2)
    with closing(cls(disk / "old")) as queue:
        queue.put("a")
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    for name in ("old", "new"):
        with pytest.raises(StorageError, match=rf"{name}/data\.db"):
            cls(disk / name)
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    with closing(cls(disk / "old")) as queue:
        assert queue.get() == "a"
