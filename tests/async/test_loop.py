"""The event loop is never blocked, a get that waits holds no thread, and idles at no cost."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from pq_async import AsyncAdapter, AsyncQueue, AsyncSQLiteAckQueue, AsyncSQLiteQueue
from pq_core.log.queue import LogQueue
from pq_core.testing.elsewhere import InProcess
from pq_core.waiting import Bell

from .kinds import MAKERS, run, settle, turn

#: Seconds for which the loop may be held up by anything.
LAG = 0.05


@asynccontextmanager
async def watchdog() -> AsyncIterator[list[float]]:
    """How late a task that wants to run every millisecond was, in seconds."""
    lags: list[float] = [0.0]
    over = asyncio.Event()

    async def watch() -> None:
        while not over.is_set():
            begin = time.monotonic()
            await asyncio.sleep(0.001)  # this sleep is what is measured
            lags.append(time.monotonic() - begin - 0.001)

    watching = asyncio.create_task(watch())
    await turn()
    try:
        yield lags
    finally:
        over.set()
        await watching


async def lag_beside_a_thread() -> float:
    """How late the loop is on this machine, now, beside a thread that has nothing of this library.

    Two threads of Python take turns of 5 ms, so this is a few milliseconds where nobody else
    wants the processor.
    """

    def count() -> None:
        end = time.monotonic() + 1.0
        while time.monotonic() < end:
            sum(range(1000))

    async with watchdog() as lags:
        await asyncio.to_thread(count)
    return max(lags)


@contextmanager
def longest_step() -> Iterator[list[float]]:
    """How long each step of a loop in this thread keeps the processor, in seconds of its time.

    What else the machine does, the other threads of this process included, adds nothing to it.
    """
    spent: list[float] = [0.0]
    run_step = asyncio.events.Handle._run
    me = threading.get_ident()

    def timed(self: asyncio.Handle) -> None:
        begin = time.thread_time()
        run_step(self)
        if threading.get_ident() == me:
            spent.append(time.thread_time() - begin)

    asyncio.events.Handle._run = timed  # type: ignore[method-assign]
    gc.collect()
    gc.freeze()  # to look through all that the other tests have left is no work of a queue
    try:
        yield spent
    finally:
        gc.unfreeze()
        asyncio.events.Handle._run = run_step  # type: ignore[method-assign]


async def work_hard(kind: str, path: Path) -> None:
    """Opening, a thousand puts and gets at once, listing and closing."""
    # An adapter is given a queue that is open already: making that one blocks.
    queue: Any = await asyncio.to_thread(MAKERS[kind], path)
    await queue.put("x" * 100)
    await asyncio.gather(*(queue.put({"number": n}) for n in range(600)))
    await queue.put_many([{"number": n} for n in range(2000)])
    assert len([item async for item in queue]) == 2601
    await asyncio.gather(*(queue.get() for _ in range(600)))
    await queue.verify()
    await queue.stats()
    await queue.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", MAKERS)
def test_the_loop_goes_on(kind: str, tmp_path: Path) -> None:
    """No work ever holds the loop up for 50 ms, on a machine that has nothing else to do.

    Whatever it has to do, no step of the loop keeps the processor for as long.
    """

    async def main(number: int) -> float:
        async with watchdog() as lags:
            await work_hard(kind, tmp_path / str(number))
        return max(lags)

    for number in range(4):
        beside = run(lag_beside_a_thread())
        with longest_step() as steps:
            lag = run(main(number))
        assert max(steps) < LAG
        # A machine that lets a thread without this library hold the loop up for long says nothing,
        # neither before nor afterwards; what it does meanwhile can only add: the best counts.
        is_quiet = max(beside, run(lag_beside_a_thread())) < LAG / 3
        if lag < LAG or not is_quiet:
            return
    raise AssertionError(f"the loop was held up for {lag:.3f} seconds")


#: What blocks, by the modules and types whose functions they are.
BLOCKING = {
    "posix": {
        *("fdatasync", "fsync", "ftruncate", "lseek", "mkdir", "open", "posix_fallocate", "pread"),
        *("pwrite", "read", "rename", "replace", "rmdir", "scandir", "stat", "truncate", "unlink"),
        *("write",),
    },
    "fcntl": {"flock", "lockf"},
    "time": {"sleep"},
    "sqlite3": {"commit", "connect", "execute", "executemany", "fetchall", "fetchone", "rollback"},
}


@pytest.mark.skipif(sys.platform == "win32", reason="the names of the functions are others there")
@pytest.mark.parametrize("kind", MAKERS)
def test_nothing_blocks_on_the_loop(kind: str, tmp_path: Path) -> None:
    """No file is touched, no statement of SQLite run and no sleep slept on the loop's thread."""
    seen: set[tuple[str, str]] = set()

    def look(frame: Any, event: str, function: Any) -> None:
        # What is imported late is looked up once for the whole process.
        if event == "c_call" and "importlib" not in frame.f_code.co_filename:
            owner = getattr(function, "__self__", None)
            home = getattr(function, "__module__", None) or type(owner).__module__
            if function.__name__ in BLOCKING.get(home, ()):
                seen.add((home, function.__name__))

    async def main() -> None:
        if "adapter" in kind:
            queue: Any = await asyncio.to_thread(MAKERS[kind], tmp_path / "q")
        sys.setprofile(look)
        try:
            if "adapter" not in kind:
                queue = MAKERS[kind](tmp_path / "q")
            await asyncio.gather(*(queue.put(number) for number in range(20)))
            await queue.put_many(range(20))
            await asyncio.gather(*(queue.get() for _ in range(20)))
            waiting = [asyncio.create_task(queue.get()) for _ in range(21)]
            await turn()
            waiting[0].cancel()
            await queue.qsize()
            assert len([item async for item in queue]) <= 20
            await queue.put("last")
            await asyncio.gather(*waiting[1:])
            await settle_all(queue)
            await queue.verify()
            await queue.stats()
            await queue.close()
        finally:
            sys.setprofile(None)

    run(main())
    assert not seen


async def settle_all(queue: Any) -> None:
    """Settle once, whatever is out."""
    if hasattr(queue, "ack_many"):
        await queue.ack_many([1])
    else:
        await queue.task_done()


@pytest.mark.parametrize("kind", MAKERS)
def test_a_get_that_waits_holds_no_thread(kind: str, tmp_path: Path) -> None:
    """A hundred gets that wait need no more threads than one that does not."""

    async def main() -> None:
        async with MAKERS[kind](tmp_path / "q") as queue:
            before = threading.active_count()
            waiting = [asyncio.create_task(queue.get()) for _ in range(100)]
            await queue.qsize()
            await queue.qsize()
            assert threading.active_count() - before <= 2  # of an adapter with three workers
            await queue.put_many(range(100))
            assert sorted(await asyncio.gather(*waiting)) == list(range(100))

    run(main())


@pytest.mark.parametrize("kind", MAKERS)
def test_gets_that_wait_are_served_in_turn(kind: str, tmp_path: Path) -> None:
    """Who has waited longest gets the next item."""

    async def main() -> None:
        async with MAKERS[kind](tmp_path / "q") as queue:
            served: list[tuple[int, Any]] = []

            async def get(number: int) -> None:
                served.append((number, await queue.get()))

            waiting = []
            for number in range(5):
                waiting.append(asyncio.create_task(get(number)))
                await after_its_looks(queue)
            for number in range(5):
                await queue.put(number)
            await asyncio.gather(*waiting)
            assert sorted(served) == [(number, number) for number in range(5)]

    if kind != "adapter, 3 workers":  # they keep no turn
        run(main())


async def after_its_looks(queue: Any) -> None:
    """Returns when a call made just now has looked, and again when it had a place in the line."""
    for _ in range(3):
        await queue.qsize()


@pytest.fixture
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who waits does not look by itself: only a ring makes it."""
    monkeypatch.setattr(Bell, "pauses", (3600.0, 3600.0))


@pytest.mark.usefixtures("nobody_looks")
@pytest.mark.parametrize("cls", [AsyncQueue, AsyncSQLiteQueue])
def test_a_put_of_the_same_process_wakes(cls: Any, tmp_path: Path) -> None:
    """A get that waits is told of the put of another task."""

    async def main() -> None:
        async with cls(tmp_path) as queue:
            for number in range(20):
                getting = asyncio.create_task(queue.get())
                await after_its_looks(queue)
                await queue.put(number)
                assert await getting == number

    run(main())


@pytest.mark.usefixtures("nobody_looks")
def test_a_put_of_a_thread_wakes(tmp_path: Path) -> None:
    """A blocking queue object of the same process wakes a get that is awaited."""

    async def main() -> None:
        with LogQueue[Any](tmp_path) as other:
            queue: AsyncQueue[int] = AsyncQueue(tmp_path)
            async with queue:
                for number in range(10):
                    getting = asyncio.create_task(queue.get())
                    await after_its_looks(queue)
                    await asyncio.to_thread(other.put, number)
                    assert await getting == number

    run(main())


class Looks:
    """Counts what is submitted to a worker."""

    def __init__(self, worker: Any) -> None:
        self._submit = worker.submit
        self._left = 0
        self._seen = asyncio.Event()
        worker.submit = self._counted

    def _counted(self, call: Any) -> None:
        self._submit(call)
        self._left -= 1
        if self._left == 0:
            self._seen.set()

    async def more(self, count: int) -> None:
        """Returns once there were so many more."""
        self._left = count
        self._seen.clear()
        await self._seen.wait()


@pytest.mark.slow
@pytest.mark.parametrize("cls", [AsyncQueue, AsyncSQLiteQueue, AsyncSQLiteAckQueue])
def test_waiting_costs_next_to_nothing(cls: Any, tmp_path: Path) -> None:
    """Of fifty gets that wait for items of other processes, one looks for all.

    It does so as often as the 50 ms need in which a put has to be noticed.
    """

    async def main() -> None:
        async with cls(tmp_path) as queue:
            looks = Looks(queue._worker)
            waiting = [asyncio.create_task(queue.get()) for _ in range(50)]
            await looks.more(50 + 20)  # the first of each, and until they have grown rare
            each_time = 1
            if cls is AsyncSQLiteAckQueue:  # and one that waits for something else
                waiting.append(asyncio.create_task(queue.get(id=await queue.put("leased"))))
                await looks.more(60)
                each_time = 2
            begin = time.monotonic()
            await looks.more(30 * each_time)
            # 28 times a second, and the one that waits for something else as often.
            assert time.monotonic() - begin > 30 / 35
            for each in waiting:
                each.cancel()

    run(main())


@pytest.mark.parametrize("kind", ["file", "sqlite", "ack"])
def test_one_directory_with_a_blocking_process(kind: str, tmp_path: Path) -> None:
    """A process that blocks and one that awaits use one directory at the same time; none is lost."""
    made: Any = MAKERS[kind](tmp_path / "q")
    twin = made._worker._open()
    count = 150

    async def main() -> list[Any]:
        got: list[Any] = []
        more = asyncio.Event()
        async with made as queue:

            async def consume() -> None:
                while True:
                    item = await queue.get()
                    got.append(item)
                    await settle(queue, item)
                    more.set()

            consuming = [asyncio.create_task(consume()) for _ in range(3)]
            await asyncio.gather(*(queue.put(["here", n]) for n in range(count)))
            putting: Future[Any] = other.submit("put_many", [["there", n] for n in range(count)])
            taking: Future[Any] = other.submit("get_many", 20)
            theirs = await asyncio.wrap_future(taking)
            await asyncio.wrap_future(putting)
            while len(got) + len(theirs) < 2 * count:
                await more.wait()
                more.clear()
            for each in consuming:
                each.cancel()
            await asyncio.gather(*consuming, return_exceptions=True)
            return [*got, *theirs]

    with twin, InProcess(_plain(twin)) as other:
        items = run(main())
    expected = [[where, n] for where in ("here", "there") for n in range(count)]
    assert sorted(items) == sorted(expected)


def _plain(twin: Any) -> Any:
    """An object of the same storage whose class is known to the other process as it is."""
    base = type(twin).__mro__[2]
    if isinstance(twin, LogQueue):
        return base(**twin.__getstate__())
    return base(**twin._arguments)


def test_an_adapter_of_the_standard_library() -> None:
    """`AsyncAdapter` awaits any queue that looks like queue.Queue."""
    import queue as standard

    async def main() -> None:
        inner: standard.Queue[str] = standard.Queue(maxsize=1)
        adapter: AsyncAdapter[str] = AsyncAdapter(inner)
        async with adapter as queue:
            await queue.put("a")
            putting = asyncio.create_task(queue.put("b"))
            await after_its_looks(queue)
            assert not putting.done()
            assert await queue.get() == "a"
            await putting
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(queue.join(), 0.05)
            assert await queue.get(timeout=5) == "b"
            await queue.task_done()
            await queue.task_done()
            await queue.join()
            with pytest.raises(standard.Empty):
                await queue.get_nowait()
            assert await queue.qsize() == 0

    run(main())
