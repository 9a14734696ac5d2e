"""The tools that the contract and the fault tests are made of."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pq_core.testing.clock import FakeClock
from pq_core.testing.elsewhere import InProcess, InThread, is_waiting
from pq_core.testing.faults import CHANGING, Crash, FaultyDisk


@pytest.fixture
def disk() -> FaultyDisk:
    """A disk without a fault so far."""
    return FaultyDisk()


@pytest.fixture
def fd(disk: FaultyDisk, tmp_path: Path) -> Iterator[int]:
    """An open file on it."""
    fd = disk.open(tmp_path / "file", create=True)
    yield fd
    os.close(fd)


def every_call(disk: FaultyDisk, fd: int, home: Path) -> dict[str, Callable[[], Any]]:
    """One call of each name; the later ones use what the earlier ones leave."""
    return {
        "pwrite": lambda: disk.pwrite(fd, b"data", 0),
        "datasync": lambda: disk.datasync(fd),
        "sync_directory": lambda: disk.sync_directory(home),
        "truncate": lambda: disk.truncate(fd, 1),
        "rename": lambda: disk.rename(home / "file", home / "renamed"),
        "unlink": lambda: disk.unlink(home / "renamed"),
        "mkdir": lambda: disk.mkdir(home / "directory", 0o700),
        "open": lambda: os.close(disk.open(home / "other", create=True)),
    }


def test_every_change_is_recorded(disk: FaultyDisk, fd: int, tmp_path: Path) -> None:
    """Each call that changes something is done and recorded, with the file it was for."""
    disk.calls.clear()
    calls = every_call(disk, fd, tmp_path)
    assert calls.keys() == CHANGING
    for call in calls.values():
        call()
    assert [call.name for call in disk.calls] == list(calls)
    assert disk.calls[0] == ("pwrite", str(tmp_path / "file"), (4, 0))
    assert sorted(os.listdir(tmp_path)) == ["directory", "other"]


@pytest.mark.parametrize("name", sorted(CHANGING))
def test_each_call_can_fail(disk: FaultyDisk, fd: int, tmp_path: Path, name: str) -> None:
    """The k-th call raises the error it was told to and changes nothing; the next one works."""
    calls = every_call(disk, fd, tmp_path)
    if name == "unlink":
        (tmp_path / "renamed").touch()
    before = sorted(os.listdir(tmp_path))
    disk.fail(1, errno.ENOSPC, only={name})
    with pytest.raises(OSError, match="No space left") as raised:
        calls[name]()
    assert raised.value.errno == errno.ENOSPC
    assert sorted(os.listdir(tmp_path)) == before
    assert os.fstat(fd).st_size == 0
    calls[name]()


def test_only_the_kth_call_fails(disk: FaultyDisk, fd: int) -> None:
    """Calls are counted from when the fault was planned."""
    disk.fail(3)
    results = []
    for _ in range(5):
        try:
            results.append(disk.pwrite(fd, b"x", 0))
        except OSError as error:
            results.append(-(error.errno or 0))
    assert results == [1, 1, -errno.EIO, 1, 1]


def test_a_full_disk_stays_full(disk: FaultyDisk, fd: int) -> None:
    """fail_for_good fails every call until the disk is healed."""
    disk.fail_for_good(2, only={"pwrite"})
    disk.pwrite(fd, b"x", 0)
    for _ in range(3):
        with pytest.raises(OSError, match="No space left"):
            disk.pwrite(fd, b"x", 0)
        disk.datasync(fd)
    disk.heal()
    assert disk.pwrite(fd, b"x", 0) == 1


def test_a_short_write(disk: FaultyDisk, fd: int) -> None:
    """A short write says how short it was, and write_all goes on from there."""
    disk.write_short(1, keep=2)
    assert disk.pwrite(fd, b"abcdef", 0) == 2
    assert disk.pread(fd, 10, 0) == b"ab"
    disk.write_short(1, keep=3)
    disk.write_all(fd, bytearray(b"ABCDEF"), 0)
    assert disk.pread(fd, 10, 0) == b"ABCDEF"
    assert [call.detail for call in disk.calls[-2:]] == [(6, 0), (3, 3)]


def test_a_crash(disk: FaultyDisk, fd: int, tmp_path: Path) -> None:
    """After a crash the k-th call is done, and the port refuses whatever comes then."""
    disk.crash(2)
    disk.pwrite(fd, b"one", 0)
    with pytest.raises(Crash):
        disk.pwrite(fd, b"two", 3)
    assert (tmp_path / "file").read_bytes() == b"onetwo"
    refused = (
        lambda: disk.pread(fd, 1, 0),
        lambda: disk.lock(fd),
        lambda: disk.open(tmp_path / "file"),
        disk.locks(fd)[0],
        *every_call(disk, fd, tmp_path).values(),
    )
    for call in refused:
        with pytest.raises(Crash):
            call()
    assert disk.crashed
    assert os.listdir(tmp_path) == ["file"]


def test_a_torn_write(disk: FaultyDisk, fd: int, tmp_path: Path) -> None:
    """A crash in the middle of a write leaves its first bytes."""
    disk.crash(1, keep=2)
    with pytest.raises(Crash):
        disk.pwrite(fd, b"abcdef", 0)
    assert (tmp_path / "file").read_bytes() == b"ab"


def test_a_plan_for_no_call(disk: FaultyDisk) -> None:
    """A fault that could never happen is refused."""
    with pytest.raises(ValueError, match="'k' counts from 1"):
        disk.fail(0)
    with pytest.raises(ValueError, match="fsync"):
        disk.fail(1, only={"fsync"})


def test_the_clock_moves_when_told() -> None:
    """A fake clock shows the same time until it is advanced or set."""
    clock = FakeClock(100)
    assert (clock(), clock()) == (100, 100)
    clock.advance(1.5)
    assert clock() == 101.5
    with pytest.raises(ValueError, match="non-negative"):
        clock.advance(-1)
    clock.jump(-50)
    assert clock() == 51.5


def test_calls_on_a_thread() -> None:
    """Calls are done in order on one thread, and what they raise is raised where it is waited for."""
    with InThread() as thread:
        first = thread.call(os.getpid)
        assert first == os.getpid()
        with pytest.raises(ZeroDivisionError):
            thread.call(lambda: 1 // 0)
        assert thread.call(len, "abc") == 3


def test_calls_in_a_process() -> None:
    """Calls are done on the copy of an object in another process; a kill ends those under way."""
    with InProcess([3, 1, 2]) as process:
        assert process.call("index", 1) == 1
        process.call("sort")
        assert process.call(len) == 3
        assert process.call("pop") == 3
        with pytest.raises(ValueError, match="list"):
            process.call("index", 99)
        other = InProcess(None)
        hanging = other.submit(_hang)
        assert is_waiting(hanging)
        other.kill()
        assert isinstance(hanging.exception(10), EOFError)


def _hang(_subject: object) -> None:
    """Waits for ever; has a name, so that another process can be told it."""
    import threading

    threading.Event().wait()
