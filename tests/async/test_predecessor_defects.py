"""What the async queues of the predecessor did wrong, and what they take."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest

from pq_async import (
    AsyncFILOSQLiteQueue,
    AsyncPriorityQueue,
    AsyncQueue,
    AsyncSQLiteAckQueue,
    AsyncSQLiteQueue,
    AsyncUniqueAckQ,
)
from pq_core import serializers
from pq_core.log.queue import LogQueue
from pq_core.sqlite import PlainInSQLite

from .kinds import drain, run

FIXTURES = Path(__file__).parents[1] / "fixtures" / "legacy" / "file"


def test_the_name_is_honoured(tmp_path: Path) -> None:
    """Two queues with different names in one database are two queues, and each the twin's."""

    async def main() -> None:
        one: Any = AsyncSQLiteQueue(tmp_path, name="one")
        two: Any = AsyncSQLiteQueue(tmp_path, name="two")
        async with one, two:
            await one.put("for one")
            assert await two.empty()
            await two.put("for two")
            assert await one.qsize() == 1
        with PlainInSQLite[str](tmp_path, name="one") as twin:
            assert twin.get_nowait() == "for one"

    run(main())


def test_raw_items_of_the_newest_first(tmp_path: Path) -> None:
    """`get(raw=True)` of a FILO queue returns the newest item with its id and time."""

    async def main() -> None:
        queue: Any = AsyncFILOSQLiteQueue(tmp_path)
        async with queue:
            await queue.put("old")
            id = await queue.put("new")
            raw = await queue.get(raw=True)
            assert (raw["pqid"], raw["data"]) == (id, "new")
            assert raw["timestamp"] > 0
            assert await queue.get() == "old"

    run(main())


def test_holding_loses_nothing_on_close(tmp_path: Path) -> None:
    """With `auto_commit=False` close keeps what was put, and what was got and not settled."""

    async def main() -> None:
        queue: Any = AsyncSQLiteQueue(tmp_path, auto_commit=False)
        async with queue:
            await queue.put("a")
            await queue.put("b")
            assert await queue.get() == "a"
        again: Any = AsyncSQLiteQueue(tmp_path, auto_commit=False)
        async with again:
            assert await drain(again) == ["a", "b"]

    run(main())


@pytest.mark.parametrize("serializer", ["pickle", "json", "msgpack", "cbor2"])
def test_every_serializer(serializer: Any, tmp_path: Path) -> None:
    """The file queue takes every serializer, and the blocking twin reads what it has written."""
    pytest.importorskip(serializer)

    async def main() -> None:
        queue: Any = AsyncQueue(tmp_path, serializer=serializer)
        async with queue:
            await queue.put({"n": "two", "none": None})
        with LogQueue[Any](tmp_path, serializer=serializer) as twin:
            assert twin.get_nowait() == {"n": "two", "none": None}

    run(main())


class InCoroutines:
    """A serializer as persist-queue's async class takes them."""

    async def dump(self, value: Any, fp: Any) -> None:
        await fp.write(repr(value).encode())

    async def load(self, fp: Any) -> Any:
        # One turn of the loop and no time: run without a loop, a coroutine ends here and not well.
        await asyncio.sleep(0)
        return ast.literal_eval((await fp.read()).decode())


def test_a_serializer_of_coroutine_functions(tmp_path: Path) -> None:
    """`dump` and `load` may be awaited, and each reads one item only."""

    async def main() -> None:
        async with AsyncQueue[Any](tmp_path, serializer=InCoroutines()) as queue:
            await asyncio.gather(*map(queue.put, range(5)))
            assert await queue.get_many(5) == list(range(5))
            await queue.put({"a": None})
            assert await queue.get() == {"a": None}

    run(main())


def test_the_awaited_pickle_opens_what_pickle_wrote(tmp_path: Path) -> None:
    """Files of persist-queue's async class are those of its blocking one."""
    copied = copytree(FIXTURES / "persist-queue-1.1.0-pickle-half", tmp_path / "q")

    async def main() -> list[Any]:
        queue: Any = AsyncQueue(copied, serializer=serializers.async_pickle)
        async with queue:
            items: list[Any] = await queue.get_many(100)
            return items

    items = run(main())
    with LogQueue[Any](copied) as twin:
        assert len(items) == 11
        assert twin.get_many(100) == items


def test_priorities(tmp_path: Path) -> None:
    """There is a priority queue."""

    async def main() -> None:
        queue: Any = AsyncPriorityQueue(tmp_path)
        async with queue:
            await queue.put("low", priority=10)
            await queue.put("high", 1)
            await queue.put_nowait("mid", 5)
            assert [await queue.get() for _ in range(3)] == ["high", "mid", "low"]

    run(main())


def test_acks(tmp_path: Path) -> None:
    """There are ack queues, and messages."""

    async def main() -> None:
        queue: Any = AsyncSQLiteAckQueue(tmp_path)
        async with queue:
            await queue.put("a")
            await queue.put("b")
            item = await queue.get()
            await queue.nack(item)
            assert await queue.get() == "a"
            await queue.ack("a")
            with pytest.raises(LookupError):
                async with await queue.receive() as message:
                    assert message.item == "b"
                    raise LookupError
            async with await queue.receive() as message:
                assert message.attempts == 2
            assert message.settled
            assert await queue.acked_count() == 2
            assert await queue.active_size() == 0
        unique: Any = AsyncUniqueAckQ(tmp_path)
        async with unique:
            assert await unique.put("a") == await unique.put("a")

    run(main())


def test_none_is_an_item(tmp_path: Path) -> None:
    """None, 0 and "" come back as they were put."""

    async def main() -> None:
        queues: list[Any] = [AsyncQueue(tmp_path / "f"), AsyncSQLiteQueue(tmp_path / "s")]
        for queue in queues:
            async with queue:
                for item in (None, 0, "", b""):
                    await queue.put(item)
                assert await drain(queue) == [None, 0, "", b""]

    run(main())
