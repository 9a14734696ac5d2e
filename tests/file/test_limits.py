"""Full disks, limits of the system, foreign files, and what grows with the queue and what does not."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import Any
from zlib import crc32

import pytest

from pq_core.disk import Disk
from pq_core.errors import (
    Empty,
    SchemaMismatch,
    StorageCorrupt,
    StorageError,
)
from pq_core.testing.elsewhere import InProcess
from pq_file import Queue

MIB = 1 << 20
is_root = hasattr(os, "geteuid") and os.geteuid() == 0


def run(code: str, *args: object) -> str:
    """What a fresh process prints that runs `code` with these arguments."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def drain(queue: Queue[Any]) -> list[Any]:
    """Everything that is ready, settled."""
    items = []
    with suppress(Empty):
        while True:
            items.append(queue.get_nowait())
            queue.task_done()
    return items


def sound(path: Path, items: list[Any]) -> None:
    """A fresh handle finds exactly these items, and nothing wrong."""
    with Queue[Any](path, disk=Disk()) as queue:
        assert queue.verify() == []
        assert queue.damage == []
        assert list(queue.browse()) == items


# -- a full disk ----------------------------------------------------------------------------------


def _mount(path: Path, size: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    done = libc.mount(b"none", os.fsencode(path), b"tmpfs", 0, f"size={size}".encode())
    if done:
        pytest.skip(f"no tmpfs can be mounted here: {os.strerror(ctypes.get_errno())}")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    if not (sys.platform == "linux" and is_root):
        pytest.skip("mounting a small file system takes root on Linux")
    path = tmp_path / "small"
    path.mkdir()
    _mount(path, 256 << 10)
    try:
        yield path
    finally:
        ctypes.CDLL(None).umount2(os.fsencode(path), 2)


def fill(path: Path) -> Path:
    """A file that takes all the room that is left."""
    filler = path / "filler"
    with filler.open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(512))
    return filler


@pytest.mark.parametrize("durability", ["normal", "full"])
def test_a_full_disk(durability: Any, small_disk: Path) -> None:
    """A put raises, what was there before stays, consumers go on, and it works once there is room."""
    path = small_disk / "queue"
    items: list[Any] = [(number, "x" * 900) for number in range(60)]
    with Queue[Any](path, chunksize=10, durability=durability) as queue:
        queue.put_many(items)
        assert queue.get_nowait() == items[0]
        queue.task_done()
        filler = fill(small_disk)
        # With `full`, the room that was filled with zeros ahead is still there to be used.
        with pytest.raises(StorageError, match="free some space"):
            for number in range(100):
                queue.put(("more", number, "y" * 3000))
                items.append(("more", number, "y" * 3000))
        with pytest.raises(StorageError):
            queue.put_many([("many", number, "z" * 1000) for number in range(50)])
        assert queue.qsize() == len(items) - 1
        assert queue.get_nowait() == items[1]
        queue.task_done()
        assert queue.get_many(3) == items[2:5]
        queue.task_done()
        filler.unlink()
        queue.put("room again")
    sound(path, [*items[5:], "room again"])


def test_a_full_disk_from_the_start(small_disk: Path) -> None:
    """Where there is no room for a queue, opening raises, and works once there is some."""
    path = small_disk / "queue"
    path.mkdir()
    filler = fill(small_disk)
    with pytest.raises(StorageError):
        Queue[Any](path)
    filler.unlink()
    with Queue[Any](path) as queue:
        queue.put(1)
    sound(path, [1])


def test_a_consumer_that_starts_on_a_full_disk(small_disk: Path) -> None:
    """A process that opens the queue when the disk is full already gets and settles all of it."""
    path = small_disk / "queue"
    with Queue[Any](path, chunksize=10) as queue:
        queue.put_many(range(100))
        # A consumer's list of claims is there from an earlier one.
        assert queue.get_nowait() == 0
        queue.task_done()
    fill(small_disk)
    code = """
        import sys
        from pq_file import Queue
        queue = Queue(sys.argv[1])
        for number in range(1, 100):
            assert queue.get_nowait() == number
            queue.task_done()
        queue.close()
        print("done")
    """
    assert run(code, path) == "done\n"
    sound(path, [])


def test_a_first_consumer_on_a_full_disk(small_disk: Path) -> None:
    """A queue that nobody has consumed from yet can be consumed on a full disk."""
    path = small_disk / "queue"
    with Queue[Any](path) as queue:
        queue.put_many(range(10))
        fill(small_disk)
        assert queue.get_nowait() == 0
        queue.task_done()
    sound(path, list(range(1, 10)))


def test_a_second_consumer_on_a_full_disk(small_disk: Path) -> None:
    """A process that starts on a full disk consumes beside one that has an item out."""
    path = small_disk / "queue"
    with Queue[Any](path) as queue:
        queue.put_many(range(10))
        assert queue.get_nowait() == 0
        fill(small_disk)
        with InProcess(Queue[Any](path)) as other:
            assert other.call("get_nowait") == 1
            other.call("task_done")
            assert other.call("get_many", 5) == [2, 3, 4, 5, 6]
            other.call("task_done")
        queue.task_done()
    sound(path, [7, 8, 9])


# -- limits of the system -------------------------------------------------------------------------


def test_a_limit_on_file_sizes(tmp_path: Path) -> None:
    """A file that must not grow (RLIMIT_FSIZE) is a StorageError that says so; nothing is lost."""
    path = tmp_path / "queue"
    code = """
        import resource, signal, sys
        from pq_core.errors import StorageError
        from pq_file import Queue
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        queue = Queue(sys.argv[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        put = 0
        try:
            while True:
                queue.put(("x" * 1000, put))
                put += 1
        except StorageError as error:
            assert "ulimit -f" in str(error), error
        try:
            queue.put_many(["y" * 1000] * 30)
        except StorageError:
            pass
        queue.put("small")
        assert queue.get()[1] == 0
        queue.task_done()
        queue.close()
        print(put)
    """
    put = int(run(code, path))
    assert put > 10
    sound(path, [*(("x" * 1000, number) for number in range(1, put)), "small"])


def test_no_more_descriptors(tmp_path: Path) -> None:
    """Where no file can be opened any more, opening raises a StorageError and leaks nothing."""
    path = tmp_path / "queue"
    code = """
        import os, resource, sys
        from pq_core.errors import StorageError
        from pq_file import Queue
        Queue(sys.argv[1]).close()
        before = len(os.listdir("/proc/self/fd"))
        for limit in range(before - 1, before + 4):
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, 4096))
            try:
                queue = Queue(sys.argv[1], chunksize=1)
                queue.put_many([1, 2]); queue.get(); queue.task_done(); queue.clear(); queue.close()
            except StorageError as error:
                assert "ulimit -n" in str(error), error
            queue = None
            resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
            assert len(os.listdir("/proc/self/fd")) == before
        print("done")
    """
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    assert run(code, path) == "done\n"


def test_closing_leaves_no_descriptor_behind(tmp_path: Path) -> None:
    """Every file is closed when `close` returns, not when the garbage is collected some day."""
    code = """
        import gc, os, sys, threading
        from pq_file import Queue
        gc.disable()
        before = len(os.listdir("/proc/self/fd"))
        for _ in range(5):
            queue = Queue(sys.argv[1], chunksize=5)
            other = Queue(sys.argv[1], chunksize=5)
            queue.put_many(range(8))
            holding = threading.Thread(target=queue.get)
            holding.start()
            holding.join()
            other.get_many(3)
            other.task_done()  # behind one that is out: marked in its segment
            queue.close()
            other.close()
            del queue, other
        assert len(os.listdir("/proc/self/fd")) == before
        print("done")
    """
    if not os.path.isdir("/proc/self/fd"):
        pytest.skip("needs /proc")
    assert run(code, tmp_path / "queue") == "done\n"


def _as_nobody(path: Path, code: str) -> str:
    """What an unprivileged process prints that runs `code`."""
    if not is_root:
        pytest.skip("becoming another user takes root")
    before = """
        import importlib, os, sys
        from pq_core.errors import *
        from pq_core.testing import faults
        from pq_file import Queue
        path = sys.argv[1]
        Queue(path + " warm").close()
        os.setgid(65534)
        os.setuid(65534)
    """
    return run(textwrap.dedent(before) + textwrap.dedent(code), path)


@pytest.fixture
def open_path() -> Iterator[Path]:
    """A directory that others may enter; pytest's own it shuts again whenever it starts."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory)


def test_a_read_only_directory(open_path: Path) -> None:
    """A directory that cannot be written is a StorageError that names it and the remedy."""
    tmp_path = open_path
    made, empty = tmp_path / "made", tmp_path / "empty"
    with Queue[Any](made) as queue:
        queue.put(1)
    empty.mkdir()
    for path in (made, empty, empty / "deeper"):
        with suppress(FileNotFoundError):
            path.chmod(0o555)
    code = """
        import pathlib
        for name in ("made", "empty", "empty/deeper"):
            try:
                Queue(path + "/" + name)
            except StorageError as error:
                assert name.split("/")[0] in str(error), error
                assert "right to write" in str(error), error
                print(type(error).__name__)
    """
    assert _as_nobody(tmp_path, code) == "StorageError\n" * 3
    made.chmod(0o700)
    sound(made, [1])


def test_a_path_that_is_a_file(tmp_path: Path) -> None:
    """A path that is a file, or leads through one, is a StorageError; the file is left alone."""
    file = tmp_path / "file"
    file.write_bytes(b"mine")
    for path in (file, file / "below"):
        with pytest.raises(StorageError, match="use the path of a directory"):
            Queue[Any](path)
    assert file.read_bytes() == b"mine"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("name", ["q00000", "cursor", "q00017"])
@pytest.mark.parametrize("content", [b"SQLite format 3\0" * 100, b"x", b"\0\1" * 5000])
def test_a_foreign_file(name: str, content: bytes, tmp_path: Path) -> None:
    """A file of another format under one of our names raises StorageCorrupt, and is not touched."""
    path = tmp_path / "queue"
    path.mkdir()
    (path / name).write_bytes(content)
    with pytest.raises(StorageCorrupt) as raised:
        Queue[Any](path)
    assert raised.value.path == path / name
    assert "move" in str(raised.value)
    assert (path / name).read_bytes() == content


def test_foreign_files_beside_a_queue(tmp_path: Path) -> None:
    """Files with other names in the directory neither disturb the queue nor are touched."""
    path = tmp_path / "queue"
    path.mkdir()
    others = ["README", "q1", "qqqqq", "cursor.txt", "q00000.orig", "c1", "info.bak"]
    for name in others:
        (path / name).write_text(name)
    with Queue[Any](path, chunksize=1) as queue:
        queue.put_many([1, 2, 3])
        assert queue.get_nowait() == 1
        queue.task_done()
        assert queue.repair() == []
    sound(path, [2, 3])
    for name in others:
        assert (path / name).read_text() == name


def _of_version(file: Path, layout: str, version: int) -> None:
    """Rewrites the header of a file to that of another format version."""
    header = Struct(layout)
    data = bytearray(file.read_bytes())
    fields: list[Any] = list(header.unpack_from(data))
    fields[1] = version
    raw = header.pack(*fields)
    data[: len(raw) + 4] = raw + crc32(raw).to_bytes(4, "little")
    file.write_bytes(data)


@pytest.mark.parametrize("alone", [True, False])
def test_a_newer_version(alone: bool, tmp_path: Path) -> None:
    """A queue that a newer version wrote raises SchemaMismatch, and is left as it is."""
    path = tmp_path / "queue"
    with Queue[Any](path) as queue:
        queue.put(1)
    _of_version(path / "cursor", "<8sI16sQ", 2)
    if not alone:
        _of_version(path / "q00000", "<8sI16sQQQ", 2)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(SchemaMismatch, match="newer"):
        Queue[Any](path)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


def test_a_segment_of_a_newer_version(tmp_path: Path) -> None:
    """A segment that a newer version wrote is never set aside as damaged: SchemaMismatch."""
    path = tmp_path / "queue"
    with Queue[Any](path) as queue:
        queue.put(1)
    _of_version(path / "q00000", "<8sI16sQQQ", 2)
    before = (path / "q00000").read_bytes()
    with pytest.raises(SchemaMismatch, match="newer"):
        Queue[Any](path)
    assert (path / "q00000").read_bytes() == before


# -- large items ----------------------------------------------------------------------------------


def size_of(path: Path) -> int:
    """Bytes on the disk below a directory."""
    return sum(file.stat().st_blocks * 512 for file in path.iterdir())


@pytest.mark.parametrize("durability", ["normal", pytest.param("full", marks=pytest.mark.slow)])
def test_a_large_item(durability: Any, tmp_path: Path) -> None:
    """An item of 64 MiB comes back as it was, and its room is given back once it is settled."""
    path = tmp_path / "queue"
    item = os.urandom(MIB) * 64
    with Queue[Any](path, durability=durability) as queue:
        queue.put("before")
        queue.put(item)
        queue.put("behind")
        assert size_of(path) > 64 * MIB
        assert queue.get_nowait() == "before"
        assert queue.get_nowait() == item
        queue.task_done()
        assert size_of(path) < 3 * MIB
        assert queue.get_nowait() == "behind"
        queue.task_done()
        queue.put(item)
        assert queue.get_nowait() == item
        queue.task_done()
        assert size_of(path) < 3 * MIB
    sound(path, [])


# -- what grows, and what does not ----------------------------------------------------------------


class Recording(Disk):
    """The real disk, which counts calls and the bytes that they move."""

    def __init__(self) -> None:
        super().__init__()
        self.count: Counter[str] = Counter()
        real = Disk()
        for name in ("pread", "pwrite", "datasync", "truncate", "unlink", "rename", "try_lock"):
            setattr(self, name, self._counted(name, getattr(real, name)))
        self.locks = lambda fd: tuple(  # type: ignore[assignment, return-value]
            self._counted("locks", call) for call in real.locks(fd)
        )

    def _counted(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any) -> Any:
            result = call(*args)
            self.count[name] += 1
            if name in ("pread", "pwrite"):
                self.count["bytes"] += len(result) if name == "pread" else result
            return result

        return counted

    def open(self, path: str | Path, *, create: bool = False, exclusive: bool = False) -> int:
        """See `Disk.open`."""
        self.count["open"] += 1
        return super().open(path, create=create, exclusive=exclusive)


def deep(path: Path, depth: int, *, chunk: int = 10_000) -> None:
    """A queue of this many small items."""
    with Queue[int](path, chunksize=chunk, durability="off") as queue:
        for start in range(0, depth, 10_000):
            queue.put_many(range(start, min(depth, start + 10_000)))


def cost_of(path: Path, work: Callable[[Queue[int]], object]) -> Counter[str]:
    """What some work with an open queue costs."""
    disk = Recording()
    with Queue[int](path, disk=disk) as queue:
        queue.put(0)
        queue.get()
        queue.task_done()
        disk.count.clear()
        work(queue)
        return Counter(disk.count)


def test_opening_costs_the_same_at_any_depth(tmp_path: Path) -> None:
    """Opening a million items reads as much as opening ten, and takes less than 5 MB of memory."""
    costs = []
    for depth in (10, 1_000_000):
        path = tmp_path / str(depth)
        deep(path, depth)
        disk = Recording()
        tracemalloc.start()
        try:
            queue = Queue[int](path, disk=disk)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        with queue:
            assert queue.qsize() == depth
            costs.append(Counter(disk.count))
            assert peak < 5_000_000
    few, many = costs
    assert many.total() - many["bytes"] <= few.total() - few["bytes"] + 10
    assert many["bytes"] <= few["bytes"] + 20_000


def test_opening_after_a_kill_costs_the_same_at_any_depth(tmp_path: Path) -> None:
    """The same where the process before was killed: nothing has to be read through."""
    costs = []
    for depth in (10, 100_000):
        path, copy = tmp_path / str(depth), tmp_path / f"{depth} killed"
        with Queue[int](path, durability="off") as queue:
            for start in range(0, depth, 10_000):
                queue.put_many(range(start, min(depth, start + 10_000)))
            shutil.copytree(path, copy)
        disk = Recording()
        with Queue[int](copy, disk=disk) as queue:
            costs.append(Counter(disk.count))
            assert queue.qsize() == depth
    few, many = costs
    assert many["bytes"] <= few["bytes"] + 20_000


def test_opening_after_a_boot_reads_what_was_not_synced(tmp_path: Path) -> None:
    """What was on the medium when the queue was closed is not read through again."""
    costs = []
    for depth in (10, 9_000):
        path = tmp_path / str(depth)
        with Queue[int](path) as queue:
            for item in range(depth):
                queue.put(item)
        disk = Recording()
        disk.boot_id = lambda: b"another boot ..."
        with Queue[int](path, disk=disk) as queue:
            costs.append(Counter(disk.count))
            assert queue.qsize() == depth
            assert queue.get() == 0
            assert queue.verify() == []
    few, many = costs
    assert many["bytes"] <= few["bytes"] + 20_000


def hot_path(queue: Queue[int]) -> None:
    """Each operation of a busy queue, 50 times."""
    for number in range(50):
        queue.put(number)
        queue.get()
        queue.task_done()
        queue.qsize()


def looking(queue: Queue[int]) -> None:
    """What looks at the front of the queue."""
    for _ in range(50):
        queue.peek()
        next(iter(queue.browse()))
        queue.stats()


def test_nothing_on_the_hot_path_grows_with_depth(tmp_path: Path) -> None:
    """With 100,000 items waiting, put, get and task_done make as many calls as with ten."""
    costs = []
    for depth in (10, 100_000):
        path = tmp_path / str(depth)
        deep(path, depth)
        costs.append(cost_of(path, hot_path))
    few, many = costs
    for name in many:
        assert many[name] <= few[name] * 1.1 + (70_000 if name == "bytes" else 5), name


@pytest.mark.parametrize("work", [hot_path, looking])
def test_nothing_grows_with_depth(work: Callable[[Queue[int]], object], tmp_path: Path) -> None:
    """With 100,000 items waiting, an operation costs what it does with as many as are read at once."""
    costs = []
    for depth in (20_000, 100_000):
        path = tmp_path / str(depth)
        deep(path, depth)
        costs.append(cost_of(path, work))
    few, many = costs
    for name in many:
        assert many[name] <= few[name] * 1.1 + 5, name


def test_a_put_is_one_write(tmp_path: Path) -> None:
    """With `normal` a put is one write and nothing else; with company, between two lock calls."""
    disk = Recording()
    with Queue[int](tmp_path / "queue", disk=disk) as queue:
        queue.put(0)
        disk.count.clear()
        for number in range(100):
            queue.put(number)
        assert disk.count["pwrite"] == 100
        assert disk.count.total() - disk.count["bytes"] == 100
        with Queue[int](tmp_path / "queue", disk=Disk()):
            disk.count.clear()
            for number in range(100):
                queue.put(number)
        assert disk.count["pwrite"] == 100
        assert disk.count["locks"] == 200
        assert disk.count.total() - disk.count["bytes"] == 300


def test_getting_many_items_reads_each_byte_about_once(tmp_path: Path) -> None:
    """Reading ahead does not read the same bytes again and again."""
    path = tmp_path / "queue"
    deep(path, 20_000)
    size = sum(file.stat().st_size for file in path.glob("q*"))

    def work(queue: Queue[int]) -> None:
        for _ in range(19_000):
            queue.get()
            queue.task_done()

    assert cost_of(path, work)["bytes"] < 1.5 * size


def test_out_of_order_costs_the_same_however_much_is_out(tmp_path: Path) -> None:
    """Settling behind an item that stays out for ever costs no more and more calls, and next to no reads."""
    path = tmp_path / "queue"
    deep(path, 4000)
    disk = Recording()
    stays, works = (Queue[int](path, disk=disk) for _ in range(2))
    with stays, works:
        stays.get()
        costs = []
        for _ in range(8):
            disk.count.clear()
            for _ in range(250):
                works.get()
                works.task_done()
            costs.append(disk.count.total() - disk.count["bytes"])
        assert costs[-1] <= costs[1] * 1.1 + 10
        assert disk.count["pread"] < 25
        assert works.verify() == []


def test_consumed_segments_are_deleted(tmp_path: Path) -> None:
    """At most the segments with unsettled items and the newest one are there."""
    path = tmp_path / "queue"
    with Queue[int](path, chunksize=10) as queue:
        queue.put_many(range(5))
        for number in range(5, 1000):
            queue.put(number)
            queue.get_nowait()
            queue.task_done()
            assert len(list(path.glob("q*"))) <= 2
        assert drain(queue) == list(range(995, 1000))
        assert len(list(path.glob("q*"))) == 1
    sound(path, [])


def test_a_segment_is_cut_by_bytes_too(tmp_path: Path) -> None:
    """Large items begin a new segment long before `chunksize` is reached."""
    path = tmp_path / "queue"
    with Queue[bytes](path) as queue:
        for _ in range(40):
            queue.put(bytes(MIB))
        assert len(list(path.glob("q*"))) >= 4
        for _ in range(39):
            queue.get_nowait()
        queue.task_done()
        assert size_of(path) < 12 * MIB
