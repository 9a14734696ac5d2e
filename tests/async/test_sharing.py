"""Calls that share a commit: none is told too early, and none fails for another's sake."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pq_async import AsyncQueue, AsyncSQLiteAckQueue, AsyncSQLiteQueue
from pq_core.errors import EncodeError, StorageBusy, StorageError, StorageUnusable
from pq_core.testing.faults import FaultyDisk

from .kinds import MAKERS, drain, run


@pytest.mark.parametrize("kind", MAKERS)
def test_one_that_is_refused(kind: str, tmp_path: Path) -> None:
    """A put whose item cannot be serialized fails alone; those beside it are stored."""

    async def main() -> None:
        async with MAKERS[kind](tmp_path / "q") as queue:
            await queue.qsize()
            items = [number if number % 5 else (lambda: 0) for number in range(40)]
            told = await asyncio.gather(*map(queue.put, items), return_exceptions=True)
            refused = [number for number, each in enumerate(told) if isinstance(each, EncodeError)]
            assert refused == list(range(0, 40, 5))
            assert sorted(await drain(queue)) == [n for n in range(40) if n % 5]

    run(main())


def limit(twin: Any, pages: int) -> None:
    """Lets the database have so many pages more and then be full."""
    ((used,),) = twin._sqlite.execute("PRAGMA page_count")
    twin._sqlite.execute(f"PRAGMA max_page_count={used + pages}")


@pytest.mark.parametrize("make", [AsyncSQLiteQueue, AsyncSQLiteAckQueue])
def test_a_commit_that_fails(make: Any, tmp_path: Path) -> None:
    """S1: where the database is full in the middle of a batch, gets go on and small puts too."""

    async def main() -> None:
        async with make(tmp_path, durability="normal") as queue:
            await queue.put_many([f"old {n}" for n in range(20)])
            await queue.run(lambda twin: limit(twin, 40))
            puts = [queue.put("x" * 100_000) for _ in range(6)]
            calls = [*(queue.get() for _ in range(5)), *puts, *(queue.get() for _ in range(5))]
            told = await asyncio.gather(*calls, return_exceptions=True)
            got = [each for each in told if isinstance(each, str)]
            stored = [each for each in told if isinstance(each, int)]
            failed = [each for each in told if isinstance(each, StorageError)]
            assert sorted(got) == sorted(f"old {n}" for n in range(10))
            assert failed
            assert len(got) + len(stored) + len(failed) == 16
            # What each task may settle is what it has really got.
            if make is AsyncSQLiteQueue:
                for _ in range(10):
                    await queue.task_done()
                with pytest.raises(ValueError, match="task_done"):
                    await queue.task_done()
            else:
                assert await queue.unack_count() == 10
                for item in got:
                    assert await queue.ack(item) is not None
            await queue.run(lambda twin: limit(twin, 1 << 20))
            await queue.put("room again")
            left = await drain(queue)
            assert [len(item) for item in left if len(item) > 100] == [100_000] * len(stored)
            assert [item for item in left if len(item) < 100] == [
                *(f"old {n}" for n in range(10, 20)),
                "room again",
            ]
            assert await queue.verify() == []

    run(main())


def test_a_database_that_is_held(tmp_path: Path) -> None:
    """All that wait for another process give up together, after one timeout."""

    async def main() -> None:
        queue: Any = AsyncSQLiteQueue(tmp_path, timeout=0.3)
        other: Any = AsyncSQLiteQueue(tmp_path)
        async with queue, other:
            await queue.qsize()

            def hold(twin: Any) -> list[Any]:
                with twin.transaction():
                    puts = asyncio.run_coroutine_threadsafe(several(), loop)
                    return puts.result(30)

            async def several() -> list[Any]:
                begin = loop.time()
                told = await asyncio.gather(*map(queue.put, range(20)), return_exceptions=True)
                assert loop.time() - begin < 5
                return told

            loop = asyncio.get_running_loop()
            told = await other.run(hold)
            assert all(isinstance(each, StorageBusy) for each in told)
            assert await queue.put("now") > 0

    run(main())


def test_messages_of_a_commit_that_fails(tmp_path: Path) -> None:
    """S1: an ack that was part of it is said again, and holds."""

    async def main() -> None:
        queue: Any = AsyncSQLiteAckQueue(tmp_path, durability="normal")
        async with queue:
            await queue.put_many(range(4))
            messages = [await queue.receive() for _ in range(4)]
            await queue.run(lambda twin: limit(twin, 10))
            acks = [message.ack() for message in messages]
            told = await asyncio.gather(*acks, queue.put("x" * 200_000), return_exceptions=True)
            assert isinstance(told.pop(), StorageError)
            assert told == [None] * 4
            assert await queue.acked_count() == 4
            assert all(message.settled for message in messages)

    run(main())


def test_a_shared_sync_that_fails(tmp_path: Path) -> None:
    """S2: where the sync fails, every put that needed it raises, and none of them is there."""

    async def main() -> None:
        disk = FaultyDisk()
        queue: Any = AsyncQueue(tmp_path, durability="full", disk=disk)
        await queue.put("before")
        disk.fail(only=("datasync",))
        told = await asyncio.gather(*map(queue.put, range(20)), return_exceptions=True)
        assert all(isinstance(each, StorageError) for each in told)
        assert any(not isinstance(each, StorageUnusable) for each in told)
        disk.heal()
        with pytest.raises(StorageUnusable):
            await queue.put("after")
        await queue.close()
        again: Any = AsyncQueue(tmp_path, durability="full")
        async with again:
            assert await drain(again) == ["before"]
            assert await again.verify() == []

    run(main())


def test_a_batch_costs_one_sync(tmp_path: Path) -> None:
    """A hundred tasks that put at the same time share a few syncs."""

    async def main() -> None:
        syncs = 0

        class Counting(FaultyDisk):
            """Counts what reaches the medium."""

            def datasync(self, fd: int) -> None:
                nonlocal syncs
                syncs += 1
                super().datasync(fd)

        queue: Any = AsyncQueue(tmp_path, durability="full", disk=Counting())
        async with queue:
            await queue.put("first")
            before = syncs
            await asyncio.gather(*map(queue.put, range(100)))
            assert syncs - before < 20

    run(main())
