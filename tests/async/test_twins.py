"""What is awaited has the names, the parameters and the words of its blocking twin."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pq_async
from pq_async import AsyncMessage
from pq_core import serializers
from pq_core.errors import QueueClosed, StorageError
from pq_core.log.queue import LogQueue
from pq_core.message import Message
from pq_core.protocols import AsyncQueue
from pq_core.sqlite import AckInSQLite, PlainInSQLite, PriorityInSQLite

from .kinds import MAKERS, run

TWINS: dict[type[Any], type[Any]] = {
    pq_async.AsyncQueue: LogQueue,
    pq_async.AsyncSQLiteQueue: PlainInSQLite,
    pq_async.AsyncFILOSQLiteQueue: PlainInSQLite,
    pq_async.AsyncUniqueQ: PlainInSQLite,
    pq_async.AsyncPriorityQueue: PriorityInSQLite,
    pq_async.AsyncSQLiteAckQueue: AckInSQLite,
    pq_async.AsyncFILOSQLiteAckQueue: AckInSQLite,
    pq_async.AsyncUniqueAckQ: AckInSQLite,
}
#: What the blocking queues offer to workers, and what is reached by `run`.
ASIDE = {
    "callers",
    "damaged_items",
    "database",
    "finished",
    "give_back",
    "items_bell",
    "kind",
    "leaves_receipts",
    "open",
    "room_bell",
    "together",
    "transaction",
    "undo",
    "url_options",
}


def public(cls: type[Any]) -> set[str]:
    """The names that users may use."""
    return {name for name in dir(cls) if not name.startswith("_")} - ASIDE


def parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    """Names, kinds and defaults, in order."""
    return [
        (each.name, each.kind, each.default)
        for each in inspect.signature(function).parameters.values()
    ]


@pytest.mark.parametrize("cls", TWINS, ids=lambda cls: cls.__name__)
def test_the_same_names(cls: type[Any]) -> None:
    """Every public name of the twin is there, and only `run` is there besides."""
    assert public(cls) - public(TWINS[cls]) <= {"run"}
    assert public(TWINS[cls]) <= public(cls)


@pytest.mark.parametrize("cls", TWINS, ids=lambda cls: cls.__name__)
def test_the_same_parameters(cls: type[Any]) -> None:
    """The constructor and every method take what the twin's take, with the same defaults."""
    twin = TWINS[cls]
    for name in ["__init__", *sorted(public(twin))]:
        theirs, ours = getattr(twin, name), getattr(cls, name)
        if inspect.isfunction(theirs):
            assert parameters(ours) == parameters(theirs), name
        else:
            assert isinstance(ours, property) == isinstance(theirs, property), name


@pytest.mark.parametrize("cls", TWINS, ids=lambda cls: cls.__name__)
def test_the_same_words(cls: type[Any]) -> None:
    """Each method says first what awaiting it means, and then all that its twin says."""
    twin = TWINS[cls]
    for name in public(twin):
        theirs, ours = getattr(twin, name), getattr(cls, name)
        if inspect.isfunction(theirs):
            assert str(inspect.getdoc(theirs)) in str(inspect.getdoc(ours))
            assert inspect.iscoroutinefunction(ours) or inspect.isasyncgenfunction(ours)


def test_the_same_message() -> None:
    """A message that is awaited has the names and parameters of the one that is not."""
    assert public(AsyncMessage) == public(Message) - {"rolled_back"}
    for name in ("ack", "nack", "fail", "extend"):
        assert parameters(getattr(AsyncMessage, name)) == parameters(getattr(Message, name))


@pytest.mark.parametrize("kind", MAKERS)
def test_it_is_an_async_queue(kind: str, tmp_path: Path) -> None:
    """It has every name of the protocol AsyncQueue, those of settling by task_done aside."""

    async def main() -> None:
        async with MAKERS[kind](tmp_path / "q") as queue:
            assert kind == "ack" or isinstance(queue, AsyncQueue)

    run(main())


@pytest.mark.parametrize("kind", MAKERS)
def test_nothing_happens_before_the_first_await(kind: str, tmp_path: Path) -> None:
    """A queue is made without a loop and touches no disk, and works without `async with`."""
    if kind.startswith("adapter"):
        return
    queue = MAKERS[kind](tmp_path / "q")
    assert not (tmp_path / "q").exists()
    assert not queue.closed

    async def main() -> None:
        assert await queue.put("a") == 1
        assert await queue.size == 1
        await queue.close()
        assert queue.closed
        with pytest.raises(QueueClosed):
            await queue.put("b")

    run(main())


def test_several_loops_one_after_the_other(tmp_path: Path) -> None:
    """A queue object may be used by one event loop after another."""
    queue: pq_async.AsyncQueue[int] = pq_async.AsyncQueue(tmp_path)
    assert run(queue.put(1)) == 1
    assert run(queue.get()) == 1
    run(queue.close())


def test_closed_before_it_was_opened(tmp_path: Path) -> None:
    """A queue that was never used makes nothing when it is closed, and refuses calls then."""

    async def main() -> None:
        queue: pq_async.AsyncQueue[int] = pq_async.AsyncQueue(tmp_path / "q")
        await queue.close()
        with pytest.raises(QueueClosed):
            await queue.qsize()

    run(main())
    assert not (tmp_path / "q").exists()


@pytest.mark.parametrize("cls", [pq_async.AsyncSQLiteQueue, pq_async.AsyncSQLiteAckQueue])
def test_an_empty_file_is_a_database(cls: type[Any], tmp_path: Path) -> None:
    """persist-queue's async classes are given the file, which `tempfile` may have made."""

    async def main() -> None:
        file = tmp_path / "q.db"
        file.touch()
        for _ in range(2):
            async with cls(file) as queue:
                await queue.put("a")
        async with cls(tmp_path, db_file_name="q.db") as queue:
            assert await queue.qsize() == 2

    run(main())
    assert [each.name for each in tmp_path.glob("*.db")] == ["q.db"]


def test_the_predecessors_positions(tmp_path: Path) -> None:
    """persist-queue's async class takes path, name, serializer and auto_commit, in this order."""

    async def main() -> None:
        queue: Any = pq_async.AsyncSQLiteQueue(tmp_path, "jobs", serializers.json, False)
        async with queue:
            assert not queue.auto_commit
            await queue.put({"a": 1})
        with PlainInSQLite[Any](tmp_path, "jobs", serializer="json") as twin:
            assert twin.get_nowait() == {"a": 1}

    run(main())


def test_a_storage_that_cannot_be_opened(tmp_path: Path) -> None:
    """What is wrong with the storage is told by the first call, and may be mended meanwhile."""

    async def main() -> None:
        (tmp_path / "q").write_text("not a directory")
        queue: pq_async.AsyncQueue[str] = pq_async.AsyncQueue(tmp_path / "q")
        for _ in range(2):
            with pytest.raises(StorageError):
                await queue.put("a")
        (tmp_path / "q").unlink()
        assert await queue.put("a") == 1
        await queue.close()

    run(main())


def test_a_queue_in_memory_is_not_pickled() -> None:
    """A queue that lives in this process alone cannot go to another."""
    with pytest.raises(TypeError, match="memory"):
        pickle.dumps(pq_async.AsyncSQLiteQueue(":memory:"))


def test_a_function_on_the_blocking_queue(tmp_path: Path) -> None:
    """`run` gives what has no awaited twin: a transaction of several calls, all or nothing."""

    async def main() -> None:
        queue: pq_async.AsyncSQLiteQueue[str] = pq_async.AsyncSQLiteQueue(tmp_path)
        async with queue:

            def move(inner: Any) -> int:
                with inner.transaction():
                    inner.put("a")
                    return int(inner.put("b"))

            assert await queue.run(move) == 2
            assert await queue.qsize() == 2
            with pytest.raises(ZeroDivisionError):
                await queue.run(lambda _: 1 // 0)

    run(main())


async def get_and_wait(queue: Any, got: asyncio.Event, over: asyncio.Event) -> Any:
    """What it got, once it may end."""
    item = await queue.get()
    got.set()
    await over.wait()
    return item


def test_calls_of_a_task_are_its_own(tmp_path: Path) -> None:
    """task_done settles what the calling task has got, not what others of the same thread have."""

    async def main() -> None:
        for auto in (MAKERS["file"], MAKERS["sqlite, holding"]):
            path = tmp_path / str(id(auto))
            async with auto(path) as queue:
                await queue.put_many(["mine", "theirs"])
                assert await queue.get() == "mine"
                got, over = asyncio.Event(), asyncio.Event()
                task = asyncio.create_task(get_and_wait(queue, got, over))
                await got.wait()
                await queue.task_done()
                over.set()
                assert await task == "theirs"
            async with auto(path) as queue:
                assert await queue.get_nowait() == "theirs"
                assert await queue.empty()

    run(main())
