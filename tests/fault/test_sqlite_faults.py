"""Every change that SQLite asks the system for fails once, in every operation of every kind."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable, Iterator
from random import Random

import pytest

from pq_core.errors import StorageError, StorageUnusable
from tests.fault.events import Event
from tests.fault.mounted import CHANGING, Mounted, mounted, why_not
from tests.fault.quick import quick_directory
from tests.fault.replay import Replay
from tests.fault.sqlite_scenes import OPERATIONS, Scene
from tests.figures import record

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"no FUSE here: {why_not()}")
#: In the default run a few; all of them take their time.
QUICK = ("put", "ack")
operations = pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in OPERATIONS],
)


@pytest.fixture(scope="module")
def medium() -> Iterator[Mounted]:
    """The recording file system, mounted."""
    with mounted() as medium:
        yield medium


def check_cut(scene: Scene, events: list[Event]) -> None:
    """Cuts the power after all that has happened: with "full" it is all there."""
    replay = Replay()
    for event in events:
        replay.apply(event)
    with quick_directory() as scratch:
        for taste in ("forgotten", "torn"):
            replay.cut(scratch / taste, taste, Random(0))
            scene.check_fresh(scratch / taste / scene.path.name)


def spoiled(medium: Mounted, name: str, plan: Callable[[], object] | None) -> dict[str, int] | None:
    """Does an operation with a fault, and checks what is there afterwards.

    Returns:
        How many calls it made, None where no fault came of the plan.
    """
    prepare, act = OPERATIONS[name]
    medium.record()
    scene = Scene(medium.path / "queue")
    try:
        prepare(scene)
        medium.counts()
        if plan is not None:
            plan()
        try:
            act(scene)
        except StorageUnusable:
            scene.unusable = True
        except StorageError:
            pass
        counts = medium.counts()
        has_failed = medium.heal()
        if not scene.opened:
            scene.unusable = False
        scene.goes_on()
        scene.close()
        check_cut(scene, medium.record())
        scene.check_fresh()
    finally:
        medium.heal()
        scene.close()
        shutil.rmtree(scene.path, ignore_errors=True)
    return counts if has_failed else None


def each_fault(
    medium: Mounted, name: str, kind: str, error: int, *, stay: bool = False
) -> Iterator[int]:
    """Lets each call of one kind fail, the first in the first round and so on."""
    k = 1
    while True:
        try:
            done = spoiled(
                medium,
                name,
                lambda: medium.fail(k, error, only={kind}, stay=stay),  # noqa: B023
            )
        except BaseException as failure:
            failure.args = (f"{name}: {kind} {k} {errno.errorcode[error]}", *failure.args)
            raise
        if done is None:
            return
        record("faults")
        yield k
        k += 1


@pytest.mark.slow
def test_without_a_fault(medium: Mounted) -> None:
    """Every scene is what it is said to be when nothing fails."""
    for name in OPERATIONS:
        try:
            assert spoiled(medium, name, None) is not None
        except BaseException as failure:
            failure.args = (name, *failure.args)
            raise


@operations
def test_a_call_fails(name: str, medium: Mounted) -> None:
    """A StorageError or none; what was acknowledged is there and no more, after a power cut too."""
    for kind in CHANGING:
        for error in (errno.EIO, errno.ENOSPC):
            if kind != "sync" or error == errno.EIO:
                list(each_fault(medium, name, kind, error))


@operations
def test_a_disk_that_stays_full(name: str, medium: Mounted) -> None:
    """With no room from some write on a StorageError or none; later the queue goes on."""
    list(each_fault(medium, name, "write", errno.ENOSPC, stay=True))


@operations
def test_a_short_write(name: str, medium: Mounted) -> None:
    """A write that takes only a part is gone on with or taken back."""
    k = 1
    while spoiled(medium, name, lambda: medium.write_short(k, 3)) is not None:  # noqa: B023
        record("faults")
        k += 1


@pytest.mark.parametrize("name", ["put", "put_many", "put ack", "get", "ack", "task_done"])
def test_a_sync_fails(name: str, medium: Mounted) -> None:
    """A sync that failed is told as StorageUnusable, and all is refused until it is opened anew."""
    prepare, act = OPERATIONS[name]
    scene = Scene(medium.path / "queue")
    try:
        prepare(scene)
        medium.fail(1, only={"sync"})
        with pytest.raises(StorageUnusable, match="open the queue again"):
            act(scene)
        assert medium.heal()
        scene.unusable = True
        scene.goes_on()
        scene.close()
        scene.check_fresh()
    finally:
        medium.heal()
        scene.close()
        shutil.rmtree(scene.path, ignore_errors=True)
