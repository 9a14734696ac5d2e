"""Every call to the disk fails once in every operation of the file queue, or is the last one."""

from __future__ import annotations

import errno
import json
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import StorageError, StorageUnusable
from pq_core.testing.faults import Call, Crash, FaultyDisk
from tests.fault.quick import quick_directory
from tests.fault.scenes import NEW, OPERATIONS, Scene

SYNCS = ("datasync", "sync_directory")
#: Operations whose syncs are those of puts, and of settling.
PUTS = ("put", "put_many", "roll", "redrive")
SETTLES = ("settle", "settle a segment", "settle out of order", "clear behind one out")
operations = pytest.mark.parametrize("name", OPERATIONS)
durabilities = pytest.mark.parametrize("durability", ["normal", "full"])
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


@cache
def calls_of(name: str, durability: str) -> list[Call]:
    """The calls that an operation makes when nothing fails."""
    disk = FaultyDisk()
    with quick_directory() as path:
        scene = Scene(path / "queue", disk, durability)
        prepare, act = OPERATIONS[name]
        prepare(scene)
        before = len(disk.calls)
        act(scene)
        calls = disk.calls[before:]
        scene.close()
        scene.check_fresh()
    return calls


def is_long(call: Call) -> bool:
    """Whether a call is a write that can be torn: of a mark's four bytes nobody sees a part."""
    return call.name == "pwrite" and call.detail[0] > 4


def perform(
    name: str, durability: str, path: Path, plan: Callable[[FaultyDisk], object]
) -> tuple[Scene, StorageError | None]:
    """Does an operation on a disk with a fault; what it raised, if it did."""
    disk = FaultyDisk()
    scene = Scene(path, disk, durability)
    prepare, act = OPERATIONS[name]
    prepare(scene)
    plan(disk)
    try:
        act(scene)
    except StorageError as error:
        return scene, error
    finally:
        disk.heal()
    return scene, None


def goes_on(scene: Scene) -> None:
    """The same queue object puts, gets and settles as if nothing had been."""
    scene.put(NEW + 10)
    scene.put_many([NEW + 11, NEW + 12, NEW + 13])
    assert scene.queue.qsize() >= 4
    assert scene.get() in {*scene.kept, *scene.loose}
    with scene.settling(*scene.out):
        scene.queue.task_done()
    assert scene.damaged or scene.queue.damage == []


@durabilities
@operations
def test_a_call_fails(name: str, durability: Any, tmp_path: Path) -> None:
    """A StorageError or none; the same object goes on; what was acknowledged is there, no more."""
    for k, call in enumerate(calls_of(name, durability), 1):
        if call.name in SYNCS:
            continue
        for error in (errno.EIO, errno.ENOSPC):
            where = f"{k} {call.name} {errno.errorcode[error]}"
            scene, _ = perform(
                name, durability, tmp_path / where, partial(FaultyDisk.fail, k=k, error=error)
            )
            goes_on(scene)
            scene.close()
            scene.check_fresh()


@durabilities
@operations
def test_a_sync_fails(name: str, durability: Any, tmp_path: Path) -> None:
    """A sync that failed is not tried again: all is refused until the queue is opened anew."""
    for k, call in enumerate(calls_of(name, durability), 1):
        if call.name not in SYNCS:
            continue
        scene, raised = perform(name, durability, tmp_path / str(k), partial(FaultyDisk.fail, k=k))
        if raised is not None and name in PUTS and not call.path.endswith("dead"):
            with pytest.raises(StorageUnusable):
                scene.queue.put(NEW + 20)
            with pytest.raises(StorageUnusable):
                scene.queue.put_many([NEW + 21, NEW + 22])
        if raised is not None and name in SETTLES:
            with pytest.raises(StorageUnusable):
                scene.get()
        scene.close()
        goes_on(scene)
        scene.close()
        scene.check_fresh()


@durabilities
@operations
def test_a_disk_that_stays_full(name: str, durability: Any, tmp_path: Path) -> None:
    """With no room left from some call on, a StorageError or none; later the object goes on."""
    for k, _ in enumerate(calls_of(name, durability), 1):
        scene, _ = perform(
            name,
            durability,
            tmp_path / str(k),
            partial(FaultyDisk.fail_for_good, k=k, only={"pwrite", "mkdir", "open"}),
        )
        goes_on(scene)
        scene.close()
        scene.check_fresh()


@durabilities
@operations
def test_a_short_write(name: str, durability: Any, tmp_path: Path) -> None:
    """A write that takes only a part is gone on with, and nothing is raised."""
    writes = [c for c in calls_of(name, durability) if c.name == "pwrite"]
    for k, _ in enumerate(writes, 1):
        for keep in (1, 30):
            scene, raised = perform(
                name,
                durability,
                tmp_path / f"{k} {keep}",
                partial(FaultyDisk.write_short, k=k, keep=keep),
            )
            assert raised is None
            goes_on(scene)
            scene.close()
            scene.check_fresh()


@durabilities
@operations
def test_a_short_write_and_no_more(name: str, durability: Any, tmp_path: Path) -> None:
    """A write that takes only a part, with no room for the rest, is taken back."""
    writes = [c for c in calls_of(name, durability) if c.name == "pwrite"]
    for k, call in enumerate(writes, 1):
        if not is_long(call):
            continue

        def plan(disk: FaultyDisk, k: int = k) -> None:
            disk.write_short(k, 3)
            disk.fail(k + 1, errno.ENOSPC, only={"pwrite"})

        scene, _ = perform(name, durability, tmp_path / str(k), plan)
        goes_on(scene)
        scene.close()
        scene.check_fresh()


def crashed(name: str, durability: str, path: Path, k: int, keep: int | None) -> Scene:
    """Does an operation in a child process that dies in its k-th call."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        # Helper threads of earlier tests do not matter to a child that only uses this queue.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        scene = Scene(path, FaultyDisk(), durability)
        try:
            prepare, act = OPERATIONS[name]
            prepare(scene)
            assert isinstance(scene.disk, FaultyDisk)
            scene.disk.crash(k, keep=keep)
            with suppress(Crash):
                act(scene)
            account = [scene.kept, list(scene.loose), list(scene.whole & scene.loose)]
            os.write(writing, json.dumps(account).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        kept, loose, whole = json.load(answer)
    os.waitpid(child, 0)
    scene = Scene(path, FaultyDisk(), durability, damaged=name == "repair")
    scene.kept, scene.loose, scene.whole = kept, set(loose), set(whole)
    return scene


@pytest.mark.slow
@forks
@durabilities
@operations
def test_a_crash(name: str, durability: Any, tmp_path: Path) -> None:
    """Whatever call a process dies in, the next one finds what was acknowledged, undamaged."""
    for k, call in enumerate(calls_of(name, durability), 1):
        for keep in (None, 0, 3, 50) if is_long(call) else (None,):
            scene = crashed(name, durability, tmp_path / f"{k} {keep}", k, keep)
            goes_on(scene)
            scene.close()
            scene.check_fresh()
