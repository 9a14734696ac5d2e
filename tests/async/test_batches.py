"""What tasks ask of the file queue at the same time is done at once, and each has its own outcome."""

from __future__ import annotations

import asyncio
import errno
import os
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pq_async import AsyncQueue
from pq_core.disk import DISK
from pq_core.errors import DecodeError, Empty, EncodeError, StorageError
from pq_core.log.queue import LogQueue

from .kinds import run


async def at_once(queue: Any, calls: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """The outcomes of calls that the worker finds waiting all together.

    Tasks begin in their order: the first one holds the worker, and the last one lets it go on.
    """
    go_on = threading.Event()

    async def let_go() -> None:
        go_on.set()

    holding = queue.run(lambda _: go_on.wait(30))
    _, *outcomes, _ = await asyncio.gather(holding, *calls, let_go(), return_exceptions=True)
    return outcomes


@contextmanager
def reopened(path: Path) -> Iterator[LogQueue[Any]]:
    """The blocking twin on the same directory, in which nothing is damaged."""
    with LogQueue[Any](path) as queue:
        yield queue
        assert queue.verify() == []


class Moody:
    """An item that cannot be read back."""

    def __reduce__(self) -> Any:
        return int, ("not a number",)


DURABILITIES = pytest.mark.parametrize("durability", ["normal", "full"])


@DURABILITIES
def test_puts_at_once(durability: Any, tmp_path: Path) -> None:
    """Each put has its own id, in the order of the calls, and what cannot be stored fails alone."""

    async def main() -> None:
        async with AsyncQueue[Any](tmp_path, durability=durability) as queue:
            assert await at_once(queue, [queue.put(n) for n in range(50)]) == list(range(1, 51))
            items = ["a", lambda: None, "b"]
            first, refused, last = await at_once(queue, [queue.put(item) for item in items])
            assert (first, last) == (51, 52)
            assert isinstance(refused, EncodeError)

    run(main())
    with reopened(tmp_path) as again:
        assert again.get_many(100) == [*range(50), "a", "b"]


@DURABILITIES
def test_gets_and_task_dones_at_once(durability: Any, tmp_path: Path) -> None:
    """Each get has an item of its own, in the order of the calls, and each task_done its task's."""

    async def main() -> None:
        async with AsyncQueue[int](tmp_path, durability=durability) as queue:
            await queue.put_many(range(60))
            have_all, may_settle = asyncio.Event(), asyncio.Event()
            got: list[int] = []

            async def work(times: int) -> None:
                got.extend([await queue.get() for _ in range(times)])
                if len(got) == 30:
                    have_all.set()
                await may_settle.wait()
                await queue.task_done()

            working = [asyncio.create_task(work(1 + number % 2)) for number in range(20)]
            await have_all.wait()
            assert sorted(got) == list(range(30))
            may_settle.set()
            await asyncio.gather(*working)
            assert await queue.qsize() == 30

    run(main())
    with reopened(tmp_path) as again:
        assert again.get_many(100) == list(range(30, 60))


def test_more_gets_than_items(tmp_path: Path) -> None:
    """Gets for which there is no item find nothing, the others each have one."""

    async def main() -> None:
        async with AsyncQueue[int](tmp_path) as queue:
            await queue.put_many(range(3))
            outcomes = await at_once(queue, [queue.get(block=False) for _ in range(6)])
            assert outcomes[:3] == [0, 1, 2]
            assert all(isinstance(each, Empty) for each in outcomes[3:])
            # The tasks are gone, and what they had is settled by anybody.
            for _ in range(3):
                await queue.task_done()
            await queue.join()

    run(main())


def test_an_item_that_cannot_be_read_among_others(tmp_path: Path) -> None:
    """It fails the get that was given it, and is a dead letter; the other gets have theirs."""

    async def main() -> None:
        async with AsyncQueue[Any](tmp_path) as queue:
            both = [asyncio.Event() for _ in range(3)]
            outcomes: list[Any] = [None] * 3

            async def work(number: int) -> None:
                await queue.get()  # from now on the queue knows the task
                both[number].set()
                try:
                    outcomes[number] = await queue.get()
                except DecodeError as error:
                    outcomes[number] = error

            await queue.put_many(range(3))
            working = [asyncio.create_task(work(number)) for number in range(3)]
            for each in both:
                await each.wait()
            await at_once(queue, [queue.put(item) for item in ("a", Moody(), "b")])
            await asyncio.gather(*working)
            assert sorted(str(each) for each in outcomes if isinstance(each, str)) == ["a", "b"]
            assert [letter.id for letter in await queue.dead_letters()] == [5]

    run(main())


def test_puts_at_once_on_a_full_disk(tmp_path: Path) -> None:
    """Each fails, none is stored, and the queue works again once there is room."""
    is_full = False

    def pwrite(fd: int, data: Any, offset: int) -> int:
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(fd, data, offset)

    async def main() -> None:
        nonlocal is_full
        disk = replace(DISK, pwrite=pwrite)
        async with AsyncQueue[int](tmp_path, disk=disk) as queue:
            await queue.put(0)
            is_full = True
            outcomes = await at_once(queue, [queue.put(n) for n in range(1, 9)])
            assert all(isinstance(each, StorageError) for each in outcomes)
            assert len({id(each) for each in outcomes}) == 8
            is_full = False
            await at_once(queue, [queue.put(n) for n in range(9, 12)])

    run(main())
    with reopened(tmp_path) as again:
        assert again.get_many(100) == [0, 9, 10, 11]
