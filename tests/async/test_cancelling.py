"""Cancelling at any moment: a get takes nothing then, and nothing is lost or comes twice."""

from __future__ import annotations

import asyncio
import pickle
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pq_async import AsyncAdapter, AsyncQueue, AsyncSQLiteAckQueue, AsyncSQLiteQueue
from pq_core.errors import Empty, QueueClosed
from pq_core.log.queue import LogQueue
from pq_core.sqlite import PlainInSQLite

from .kinds import MAKERS, Make, drain, run, settle, turn

#: Queues that give back, on close, what was got and not settled.
GIVING_BACK = ("file", "file, full", "sqlite, holding", "ack", "adapter, file")


async def cancelled_at_random(queue: Any, seed: int, count: int) -> tuple[list[Any], set[Any]]:
    """What tasks got that were cancelled at random, some of them twice, while others put.

    The moment of a cancellation is one at which a get has come back, or a random one before.

    Returns:
        the items, and those of them that may come again, because settling them was cancelled.
    """
    choose = random.Random(seed)
    got: list[Any] = []
    unsettled: set[Any] = set()

    async def get() -> None:
        item = await queue.get()
        # Nothing can be cancelled between these lines: from here on the item is this task's.
        got.append(item)
        unsettled.add(item)
        await settle(queue, item)
        unsettled.discard(item)

    async def put() -> None:
        for number in range(count):
            await queue.put(number)
            if choose.random() < 0.3:
                await queue.qsize()

    putting = asyncio.create_task(put())
    getting: set[asyncio.Task[None]] = set()
    cancellations = 0
    while cancellations < count or not putting.done():
        while len(getting) < 8:
            getting.add(asyncio.create_task(get()))
        for _ in range(choose.randrange(4)):
            moment = choose.choice([0, 0, 0, 0.0002, 0.001])
            await asyncio.wait(getting, timeout=moment, return_when=asyncio.FIRST_COMPLETED)
        victim = choose.choice(sorted(getting, key=id))
        victim.cancel()
        cancellations += 1
        if choose.random() < 0.3:
            await asyncio.wait([victim], timeout=0)
            victim.cancel()
        getting = {each for each in getting if not each.done()}
    await putting
    for each in getting:
        each.cancel()
    await asyncio.gather(*getting, return_exceptions=True)
    return got, unsettled


@pytest.mark.parametrize("kind", MAKERS)
def test_every_item_is_accounted_for(kind: str, tmp_path: Path) -> None:
    """After 500 random cancellations each item was got once or is still there, in its order."""

    async def main() -> None:
        make = MAKERS[kind]
        queue = make(tmp_path / "q")
        got, unsettled = await cancelled_at_random(queue, 5, 500)
        await queue.close()
        async with make(tmp_path / "q") as again:
            left = await drain(again)
            assert len(set(got)) == len(got)
            assert sorted({*got, *left}) == list(range(500))
            assert set(got) & set(left) <= unsettled
            assert left == sorted(left) or kind == "file, autosave"
            assert await again.verify() == []

    run(main())


async def cancel_after(task: asyncio.Task[Any], steps: int) -> bool:
    """Cancel a task after so many turns of the loop; whether that ended it."""
    for _ in range(steps):
        await turn()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return True
    return False


@pytest.mark.parametrize("kind", MAKERS)
def test_a_get_that_was_told_and_did_not_see_it(kind: str, tmp_path: Path) -> None:
    """A task that is cancelled after its item has come, and before it goes on, leaves it there."""

    async def main() -> None:
        async with MAKERS[kind](tmp_path / "q") as queue:
            await queue.put_many(["a", "b"])

            task: asyncio.Task[Any] = asyncio.create_task(queue.get())
            loop = asyncio.get_running_loop()
            while not task.done():
                # The callbacks of one turn run in order: what is told there has not been seen yet.
                if (waits := getattr(task, "_fut_waiter", None)) is not None and waits.done():
                    task.cancel()
                    break
                waiting = loop.create_future()
                loop.call_soon(waiting.set_result, None)
                await waiting
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            left = await drain(queue)
            if isinstance(outcome, asyncio.CancelledError):
                assert sorted(left) == ["a", "b"]
            else:
                assert [outcome, *left] == ["a", "b"]

    run(main())


def both(path: Path) -> list[Any]:
    """Queues that give back in place."""
    return [
        AsyncQueue(path / "file"),
        AsyncSQLiteQueue(path / "sqlite", durability="normal"),
        AsyncSQLiteQueue(path / "holding", auto_commit=False, durability="normal"),
        AsyncSQLiteAckQueue(path / "ack", durability="normal"),
    ]


def test_a_cancelled_get_leaves_the_order(tmp_path: Path) -> None:
    """What a cancelled get had taken is the next item again, at whatever turn it was cancelled."""

    async def main() -> None:
        for queue in both(tmp_path):
            async with queue:
                await queue.put_many(range(40))
                expected = 0
                for steps in range(30):
                    task = asyncio.create_task(queue.get())
                    if not await cancel_after(task, steps % 10):
                        assert task.result() == expected
                        expected += 1
                assert await drain(queue) == list(range(expected, 40))

    run(main())


def test_a_cancelled_lease_was_never_handed_out(tmp_path: Path) -> None:
    """A cancelled receive counts as no attempt."""

    async def main() -> None:
        queue: AsyncSQLiteAckQueue[str] = AsyncSQLiteAckQueue(tmp_path, durability="normal")
        async with queue:
            await queue.put("a")
            for steps in range(20):
                task = asyncio.create_task(queue.receive())
                if not await cancel_after(task, steps % 6):
                    message = task.result()
                    assert message.attempts == 1
                    return
            message = await queue.receive()
            assert message.attempts == 1
            await message.ack()

    run(main())


class Slow:
    """A serializer that says when it reads the second item, and takes its time."""

    def __init__(self) -> None:
        self.reads = threading.Event()
        self.goes_on = threading.Event()

    def dumps(self, item: Any) -> bytes:
        return pickle.dumps(item)

    def loads(self, data: bytes) -> Any:
        item = pickle.loads(data)
        if item == "b" and not self.goes_on.is_set():
            self.reads.set()
            assert self.goes_on.wait(60)
        return item

    def dump(self, item: Any, file: Any) -> None:
        file.write(self.dumps(item))

    def load(self, file: Any) -> Any:
        return self.loads(file.read())


HOLDING: dict[str, Callable[[Path, Any], Any]] = {
    "file": lambda path, slow: AsyncQueue(path, serializer=slow),
    "sqlite": lambda path, slow: AsyncSQLiteQueue(path, auto_commit=False, serializer=slow),
    "adapter": lambda path, slow: AsyncAdapter(LogQueue(path, serializer=slow)),
    "3 workers": lambda path, slow: AsyncAdapter(LogQueue(path, serializer=slow), 3),
}


@pytest.mark.parametrize("kind", HOLDING)
def test_a_task_that_goes_on_settles_only_what_it_has_seen(kind: str, tmp_path: Path) -> None:
    """A task_done right behind a cancelled get of the same task leaves alone what that had taken."""

    async def main() -> None:
        slow = Slow()
        async with HOLDING[kind](tmp_path / "q", slow) as queue:
            await queue.put("a")
            await queue.put("b")
            assert await queue.get() == "a"
            task = asyncio.current_task()
            assert task is not None
            loop = asyncio.get_running_loop()

            def cancel_once_it_reads() -> None:
                slow.reads.wait(60)
                loop.call_soon_threadsafe(task.cancel)

            threading.Thread(target=cancel_once_it_reads).start()
            with pytest.raises(asyncio.CancelledError):
                await queue.get()
            if sys.version_info >= (3, 11):
                task.uncancel()
            slow.goes_on.set()
            await queue.task_done()
            assert await queue.get() == "b"
            await queue.task_done()
            await queue.join()

    run(main())


@pytest.mark.parametrize("kind", MAKERS)
def test_a_timeout_of_asyncio(kind: str, tmp_path: Path) -> None:
    """`asyncio.wait_for` around a get that waits ends it, and the next item is not lost to it."""

    async def main(make: Make) -> None:
        async with make(tmp_path / "q") as queue:
            for _ in range(3):
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(queue.get(), 0.01)
            await queue.put("a")
            assert await asyncio.wait_for(queue.get(), 10) == "a"
            with pytest.raises(Empty):
                await queue.get_nowait()

    run(main(MAKERS[kind]))


@pytest.mark.parametrize("kind", MAKERS)
def test_a_cancelled_put_is_there_or_not(kind: str, tmp_path: Path) -> None:
    """A cancelled put has stored its item once or not at all; one that returned has stored it."""

    async def main() -> None:
        async with MAKERS[kind](tmp_path / "q") as queue:
            returned = []
            for number in range(60):
                task = asyncio.create_task(queue.put(number))
                if not await cancel_after(task, number % 6):
                    returned.append(number)
            there = await drain(queue)
            assert len(there) == len(set(there))
            assert set(returned) <= set(there)

    run(main())


@pytest.mark.parametrize("kind", MAKERS)
def test_close_while_gets_are_cancelled(kind: str, tmp_path: Path) -> None:
    """What a cancelled get had taken is there again once `close` has returned."""

    async def main() -> None:
        for round in range(10):
            queue = MAKERS[kind](tmp_path / str(round))
            await queue.put("a")
            task = asyncio.create_task(queue.get())
            await turn()
            closing = asyncio.create_task(queue.close())
            is_cancelled = await cancel_after(task, round % 5)
            await closing
            is_settled = not is_cancelled and kind not in GIVING_BACK
            async with MAKERS[kind](tmp_path / str(round)) as again:
                assert await drain(again) == ([] if is_settled else ["a"])

    run(main())


class Handing(PlainInSQLite[str]):
    """A queue whose get takes long enough to be cancelled, and that is slow in all the rest."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, durability="normal")
        self.gets, self.goes_on, self.is_closing = (threading.Event() for _ in range(3))

    def get(self, *args: Any, **kwargs: Any) -> str:
        item: str = super().get(*args, **kwargs)
        self.gets.set()
        assert self.goes_on.wait(60)
        return item

    def give_back(self, receipt: Any) -> None:
        self._dawdle()
        super().give_back(receipt)

    def qsize(self) -> int:
        self._dawdle()
        return super().qsize()

    def close(self) -> None:
        self.is_closing.set()
        super().close()

    def _dawdle(self) -> None:
        # It must not be set meanwhile, so that there is nothing to wait for but time.
        assert not self.is_closing.wait(0.1)


async def getting(blocking: Handing) -> tuple[AsyncAdapter[str], asyncio.Task[str]]:
    """An adapter with three workers, and the task for which one of them is in the middle of a get."""
    blocking.put("a")
    queue: AsyncAdapter[str] = AsyncAdapter(blocking, 3)
    task = asyncio.create_task(queue.get())
    await asyncio.to_thread(blocking.gets.wait, 60)
    return queue, task


def test_no_worker_closes_what_another_one_gives_back_to(tmp_path: Path) -> None:
    """With several workers, too, all that a cancelled get had taken is back before the end."""

    async def main() -> None:
        blocking = Handing(tmp_path)
        queue, task = await getting(blocking)
        closing = asyncio.create_task(queue.close())
        assert await cancel_after(task, 1)
        blocking.goes_on.set()
        await closing
        with PlainInSQLite[str](tmp_path) as again:
            assert again.get(block=False) == "a"

    run(main())


def test_every_task_finds_what_a_cancelled_get_had_taken(tmp_path: Path) -> None:
    """With several workers, too, calls of all tasks come after it is back, and close after these."""

    async def main() -> None:
        blocking = Handing(tmp_path)
        queue, task = await getting(blocking)
        assert await cancel_after(task, 1)
        asking = asyncio.create_task(queue.qsize())
        await turn()
        closing = asyncio.create_task(queue.close())
        await turn()
        blocking.goes_on.set()
        await closing
        assert await asking == 1

    run(main())


def test_a_cancelled_close_goes_on(tmp_path: Path) -> None:
    """Closing is over sooner or later, whoever waits for it; a second `close` waits for the first."""

    async def main() -> None:
        for steps in range(8):
            queue: Any = AsyncQueue(tmp_path)
            await queue.put(steps)
            await cancel_after(asyncio.create_task(queue.close()), steps)
            await queue.close()
            assert queue.closed
            with pytest.raises(QueueClosed):
                await queue.put("late")
        async with AsyncQueue[int](tmp_path) as again:
            assert await drain(again) == list(range(8))

    run(main())
