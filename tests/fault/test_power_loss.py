"""Power cuts under a real file system that forgets what was not synced, SQLite's own calls included.

One run of a queue is recorded by the kernel's own requests; then the power is cut at every sync
and at random moments of that record, and what may be left is opened.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pq_core.disk import Disk
from pq_core.errors import StorageError
from pq_file import Queue
from tests.fault import accounts
from tests.fault.accounts import KINDS, Account, Keeping, Kind
from tests.fault.mounted import Mounted, mounted, why_not
from tests.fault.quick import quick_directory
from tests.fault.replay import TASTES, Replay
from tests.figures import record

pytestmark = pytest.mark.skipif(why_not() is not None, reason=f"no FUSE here: {why_not()}")


_ITEM = "put after all"


@pytest.fixture(scope="module")
def medium() -> Iterator[Mounted]:
    """The recording file system, mounted."""
    with mounted() as medium:
        yield medium


def opened_after(kind: Kind, path: Path, boot: bytes) -> Any:
    """The queue of a directory, opened after the machine has started anew."""
    if kind.open in (KINDS["file"].open, KINDS["file autosave"].open):
        return Queue(path, chunksize=12, disk=Disk(boot_id=lambda: boot))
    return kind.open(path)


def check_cut(kind: Kind, path: Path, durability: str, account: Account, size: int) -> None:
    """Opens what a power cut has left: it has to be sound, hold what it must, and go on."""
    with opened_after(kind, path, os.urandom(16)) as queue:
        assert queue.verify() == []
        assert getattr(queue, "damage", []) == []
        accounts.check(kind, account, durability, accounts.drained(queue, size))
        queue.put("goes on")
        assert queue.get_nowait() == "goes on"
        assert queue.verify() == []


def cut_everywhere(
    medium: Mounted, name: str, durability: str, seed: int, *, size: int, steps: int, share: float
) -> int:
    """Uses a queue, and cuts the power at a share of all moments; how often that was."""
    kind = KINDS[name]
    random = Random(f"{name} {durability} {seed}")
    medium.record()
    place = medium.path / f"{name} {durability} {seed} {size}"
    moments: list[Account] = []

    def note(account: Account) -> None:
        moments.append(account)
        medium.note(len(moments) - 1)

    keeping = Keeping(kind, durability, note)
    # The record starts with an empty disk.
    replay = Replay()
    accounts.use(kind, place, durability, random, steps, keeping, size)
    events = medium.record()
    shutil.rmtree(place)
    medium.record()
    account = Account()
    cuts = 0
    with quick_directory() as scratch:
        for at, event in enumerate(events):
            if event[0] == "note":
                account = moments[event[2]]
            replay.apply(event)
            is_sync = event[0] == "sync" or (at + 1 < len(events) and events[at + 1][0] == "sync")
            if random.random() >= share * (1.0 if is_sync else 0.25):
                continue
            for taste in (*TASTES, "torn", "torn"):
                target = scratch / "cut"
                replay.cut(target, taste, random)
                if not (target / place.name).exists():
                    assert account.floor == 0
                    assert account.states[account.floor] == ()
                else:
                    try:
                        check_cut(kind, target / place.name, durability, account, size)
                    except BaseException as error:
                        error.args = (f"{name} {durability} {seed}, cut {at} {taste}", *error.args)
                        raise
                shutil.rmtree(target)
                cuts += 1
    return cuts


each = [
    pytest.param(name, durability, id=f"{name} {durability}")
    for name in KINDS
    for durability in ("full", "normal", "off")
]


@pytest.mark.parametrize(("name", "durability"), each)
def test_power_cut(name: str, durability: str, medium: Mounted) -> None:
    """`full` has all that returned, `normal` and `off` a prefix, wherever the power was cut."""
    cuts = cut_everywhere(medium, name, durability, 1, size=600, steps=20, share=0.1)
    assert cuts
    record("power cuts", cuts)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "durability"), each)
def test_power_cut_everywhere(name: str, durability: str, medium: Mounted) -> None:
    """The same at every sync, and of runs with large items."""
    cuts = cut_everywhere(medium, name, durability, 2, size=600, steps=12, share=1.0)
    record("power cuts", cuts)
    # Large enough that SQLite empties its log, and starts it anew, in between.
    cuts = cut_everywhere(medium, name, durability, 3, size=120_000, steps=50, share=0.01)
    record("power cuts", cuts)


@pytest.mark.parametrize("name", KINDS)
def test_a_creation_that_was_interrupted(name: str, medium: Mounted) -> None:
    """A queue that was half made by somebody who died is made durable by who comes next."""
    kind = KINDS[name]
    k = 1
    while True:
        place = medium.path / "new" / "queue"
        medium.record()
        try:
            # As if it had died before its k-th sync: nothing that it does later has any effect.
            medium.fail(k, only={"sync"}, stay=True)
            with suppress(StorageError):
                kind.open(place, durability="full").close()
            was_interrupted = medium.heal()
            with kind.open(place, durability="full") as queue:
                queue.put(_ITEM)
                if kind.defers:
                    queue.task_done()
                replay = Replay()
                for event in medium.record():
                    if event[0] != "failed sync":
                        replay.apply(event)
            with quick_directory() as scratch:
                replay.cut(scratch / "cut", "forgotten", Random(0))
                with opened_after(kind, scratch / "cut" / "new" / "queue", os.urandom(16)) as queue:
                    assert queue.get_nowait() == _ITEM, f"sync {k}"
        finally:
            medium.heal()
            shutil.rmtree(medium.path / "new", ignore_errors=True)
        if not was_interrupted:
            break
        record("faults")
        k += 1
    assert k > 2
