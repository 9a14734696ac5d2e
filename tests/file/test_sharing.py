"""Who else has the queue open: the rules S1 to S4 of `pq_core.log.sharing`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.disk import Disk
from pq_core.errors import Empty
from pq_core.log.cursor import S_BUSY, S_SHARED
from pq_core.testing.elsewhere import PATIENCE, InProcess, InThread
from pq_file import Queue

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")


class Watched(Disk):
    """A disk that counts file locks, stops in a write on demand, and tells when others wait."""

    def __init__(self) -> None:
        super().__init__()
        self.locks_taken = 0
        self.rounds = threading.Semaphore(0)
        self.stop_in_write = False
        self.in_write = threading.Event()
        self.go_on = threading.Event()
        real = Disk()
        self.locks = lambda fd: (self._counted(real.locks(fd)[0]), real.locks(fd)[1])
        self.unlock = self._told
        self.pwrite = self._write

    def _counted(self, lock: Callable[[], object]) -> Callable[[], object]:
        def take() -> object:
            self.locks_taken += 1
            return lock()

        return take

    def _told(self, fd: int, /) -> None:
        Disk().unlock(fd)
        self.rounds.release()

    def _write(self, fd: int, data: Any, offset: int, /) -> int:
        if self.stop_in_write:
            self.in_write.set()
            assert self.go_on.wait(PATIENCE)
        return os.pwrite(fd, data, offset)


def words_of(queue: Queue[Any]) -> Any:
    """The shared page of an open queue."""
    assert queue._log is not None
    return queue._log._words


def wait_rounds(disk: Watched, count: int) -> None:
    """Returns once this disk's queue has given its locks up so many times."""
    for _ in range(count):
        assert disk.rounds.acquire(timeout=PATIENCE)


@contextmanager
def opening(path: Path, disk: Disk) -> Iterator[Future[Queue[Any]]]:
    """Another user of the queue, being opened on a thread of its own."""
    with InThread() as thread:
        yield thread.submit(lambda: Queue[Any](path, disk=disk))


def test_the_sole_process_takes_no_file_lock(tmp_path: Path) -> None:
    """S1, S2: alone, a put and a get take no lock; with company, each of them takes one again."""
    mine = Watched()
    with Queue[int](tmp_path, disk=mine) as queue:
        queue.put(1)
        queue.get()
        queue.task_done()
        assert mine.locks_taken == 0
        with Queue[int](tmp_path, disk=Disk()) as other:
            queue.put(2)
            assert mine.locks_taken == 1
            queue.put(3)
            assert mine.locks_taken == 2
            assert [other.get(), queue.get()] == [2, 3]
            other.task_done()
            queue.task_done()
    with Queue[int](tmp_path, disk=(again := Watched())) as queue:
        queue.put(4)
        assert queue.get() == 4
        queue.task_done()
        assert again.locks_taken == 0


def test_who_comes_waits_for_a_call_that_is_under_way(tmp_path: Path) -> None:
    """S3: nobody is let in between the two halves of a write of the sole process."""
    mine, theirs = Watched(), Watched()
    with Queue[int](tmp_path, disk=mine) as queue, InThread() as thread:
        queue.put(1)
        mine.stop_in_write = True
        put = thread.submit(queue.put, 2)
        assert mine.in_write.wait(PATIENCE)
        assert words_of(queue)[S_BUSY + 1] == 1
        with opening(tmp_path, theirs) as opened:
            wait_rounds(theirs, 10)
            assert not opened.done()
            mine.go_on.set()
            assert put.result(PATIENCE) == 2
            with opened.result(PATIENCE) as other:
                assert other.qsize() == 2
                assert other.get_many(2) == [1, 2]
                other.task_done()


def test_who_comes_holds_no_lock_while_waiting(tmp_path: Path) -> None:
    """S3: the sole process can still get from its tail to its head, and be done."""
    theirs = Watched()
    with Queue[int](tmp_path) as queue, ExitStack() as stack:
        queue.put(1)
        log = queue._log
        assert log is not None
        with log.tail.locked():
            opened = stack.enter_context(opening(tmp_path, theirs))
            wait_rounds(theirs, 10)
            assert words_of(queue)[S_SHARED] == 1
            assert log.head.published().seq == 2
            assert not opened.done()
        opened.result(PATIENCE).close()


def test_a_sole_process_killed_in_a_write_is_followed_by_another(tmp_path: Path) -> None:
    """S4: half a write of the dead is taken back, and the one who finds it is sole."""
    with InProcess(Queue[int](tmp_path)) as other:
        other.call("put", 1)
        with pytest.raises(Exception, match=r"ended|killed|process"):
            other.call(die_in_a_write, 2)
    disk = Watched()
    with Queue[int](tmp_path, disk=disk) as queue:
        assert queue.put(3) == 2
        assert queue.get_many(5) == [1, 3]
        queue.task_done()
        assert disk.locks_taken == 0
        assert queue.verify() == []


def die_in_a_write(queue: Queue[int], item: int) -> None:
    """Puts an item, and is killed when half of its frame is in the file."""

    def half(fd: int, data: Any, offset: int, /) -> int:
        os.pwrite(fd, bytes(data)[: len(data) // 2], offset)
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert queue._log is not None
    queue._log.head._pwrite = half
    queue.put(item)


def test_who_waits_for_one_that_is_killed_becomes_the_sole_process(tmp_path: Path) -> None:
    """S4: the word of a process that died in a call keeps nobody out."""
    read_end, write_end = os.pipe()
    with Queue[int](tmp_path) as queue:
        queue.put(1)
    pid = os.fork()
    if not pid:
        stopped = Queue[int](tmp_path)
        assert stopped._log is not None

        def stop(_fd: int, _data: Any, _offset: int, /) -> int:
            os.write(write_end, b"!")
            signal.pause()
            return 0

        stopped._log.head._pwrite = stop
        try:
            stopped.put(2)
        finally:
            os._exit(1)
    theirs = Watched()
    try:
        assert os.read(read_end, 1) == b"!"
        with opening(tmp_path, theirs) as opened:
            wait_rounds(theirs, 10)
            assert not opened.done()
            os.kill(pid, signal.SIGKILL)
            with opened.result(PATIENCE) as queue:
                assert queue.get() == 1
                queue.task_done()
                assert theirs.locks_taken == 0
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(read_end)
        os.close(write_end)


def test_a_word_left_behind_keeps_nobody_out(tmp_path: Path) -> None:
    """S3: once two have the queue open, what a process killed in S2 has left is not waited for."""
    with Queue[int](tmp_path) as queue, Queue[int](tmp_path, disk=Disk()):
        words_of(queue)[S_BUSY] = words_of(queue)[S_BUSY + 1] = 1
        with opening(tmp_path, Disk()) as opened, opened.result(PATIENCE) as other:
            assert other.put(1) == 1
            assert queue.get() == 1


@pytest.mark.slow
def test_nothing_is_lost_while_others_come_and_go(tmp_path: Path) -> None:
    """Whoever thinks that it is alone, in the middle of its work, is never run over.

    Both sides close and open again all the time, so each is sole, joined and joining in turn.
    """
    count = 20_000
    got: list[int] = []
    with InProcess(Queue[int](tmp_path / "idle")) as other:
        put = other.submit(put_all, tmp_path / "queue", count)
        while len(got) < count:
            with Queue[int](tmp_path / "queue", chunksize=500) as queue:
                for _ in range(8):
                    with suppress(Empty):
                        got += queue.get_many(5, block=False)
                        queue.task_done()
        put.result(PATIENCE)
    assert got == list(range(count))


def put_all(_: Queue[int], path: Path, count: int) -> None:
    """Puts the numbers up to `count`, one by one, through many queue objects."""
    for start in range(0, count, 40):
        with Queue[int](path, chunksize=500) as queue:
            for number in range(start, start + 40):
                queue.put(number)
