"""A queue in PostgreSQL is called on the event loop: no thread, and nothing waits but tasks."""

from __future__ import annotations

import asyncio
import gc
import itertools
import sys
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pq_async import AsyncAdapter
from pq_async._worker import Worker
from pq_core.errors import Empty, QueueClosed

from .kinds import run, turn
from .test_cancelling import cancel_after, cancelled_at_random

pq_postgres = pytest.importorskip("pq_postgres")
native = pytest.importorskip("pq_async._native")

NUMBERS = itertools.count()
#: Every way in which an item is taken and given back.
KINDS: dict[str, Callable[..., Any]] = {
    "settling": pq_postgres.PostgresQueue,
    "holding": lambda *args, **options: pq_postgres.PostgresQueue(
        *args, auto_commit=False, **options
    ),
    "ack": pq_postgres.PostgresAckQueue,
}

Make = Callable[..., Any]


@pytest.fixture
def make(postgres: str) -> Make:
    """Makes blocking queues of one name, which no test has used yet."""
    name = f"native {next(NUMBERS)}"

    def made(kind: str = "settling", **options: Any) -> Any:
        options = {"durability": "normal", **options}
        return KINDS[kind](postgres, name, **options)

    return made


def adapted(blocking: Any) -> Any:
    """An adapter of it."""
    return AsyncAdapter(blocking)


async def drain(queue: Any) -> list[Any]:
    """All that is ready, got one by one."""
    items = []
    while True:
        try:
            items.append(await queue.get_nowait())
        except Empty:
            return items


def workers() -> list[str]:
    """The threads that call queues for tasks."""
    return [each.name for each in threading.enumerate() if each.name == "pq-async"]


def test_it_needs_no_thread(make: Make) -> None:
    """Calls, and gets that wait, have no thread of a worker."""

    async def main() -> None:
        async with adapted(make()) as queue:
            assert isinstance(queue._worker, native.NativeWorker)
            await asyncio.gather(*(queue.put(number) for number in range(20)))
            assert sorted(await drain(queue)) == list(range(20))
            waiting = [asyncio.create_task(queue.get()) for _ in range(50)]
            await turn()
            await queue.put_many(range(50))
            assert sorted(await asyncio.gather(*waiting)) == list(range(50))

    gc.collect()  # others end in between, if they may
    before = workers()
    run(main())
    assert len(workers()) <= len(before)


def test_threads_where_they_are_wanted_or_needed(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `workers`, and where greenlet is missing, threads call the queue."""
    with make() as blocking:
        adapter: AsyncAdapter[Any] = AsyncAdapter(blocking, workers=2)
        assert type(adapter._worker) is Worker
        monkeypatch.delitem(sys.modules, "pq_async._native")
        monkeypatch.setitem(sys.modules, "greenlet", None)
        adapter = AsyncAdapter(blocking)
        assert type(adapter._worker) is Worker


@pytest.mark.parametrize(
    "kind",
    ["holding", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("settling", "ack"))],
)
def test_every_item_is_accounted_for(kind: str, make: Make) -> None:
    """After many random cancellations each item was got once or is still there."""

    async def main() -> None:
        count = 100
        queue = adapted(make(kind))
        got, unsettled = await cancelled_at_random(queue, 5, count)
        await queue.close()
        async with adapted(make(kind)) as again:
            left = await drain(again)
            assert len(set(got)) == len(got)
            assert len(set(left)) == len(left)
            assert sorted({*got, *left}) == list(range(count))
            assert set(got) & set(left) <= unsettled

    run(main())


def test_a_loop_that_ends_loses_nothing(make: Make) -> None:
    """What a get has taken that asyncio.run cancels is there again when that returns."""
    with make() as blocking:
        for turns in range(10):
            blocking.put_many(range(8))
            seen: list[int] = []

            async def main(seen: list[int] = seen, turns: int = turns) -> None:
                adapter = adapted(blocking)

                async def get() -> None:
                    seen.append(await adapter.get())

                getting = [asyncio.create_task(get()) for _ in range(8)]
                for _ in range(turns):
                    await asyncio.sleep(0.0002)  # a moment in the middle of the calls
                del getting

            asyncio.run(main())
            left = blocking.get_many(8) if len(seen) < 8 else []
            assert sorted([*seen, *left]) == list(range(8))


def test_who_waits_for_a_connection_holds_nobody_up(make: Make) -> None:
    """Where a thread has the only connection, a call waits for it, and the loop goes on."""

    async def main() -> None:
        blocking = make(max_connections=1)
        async with adapted(blocking) as queue:
            has, may_end = threading.Event(), threading.Event()

            def hold() -> None:
                with blocking.transaction():
                    has.set()
                    may_end.wait(30)

            holding = asyncio.create_task(asyncio.to_thread(hold))
            await asyncio.to_thread(has.wait, 30)
            putting = [asyncio.create_task(queue.put(number)) for number in range(3)]
            for _ in range(1000):
                await turn()
            assert not any(each.done() for each in putting)
            may_end.set()
            await asyncio.gather(holding, *putting)
            assert await queue.qsize() == 3

    run(main())


def test_a_transaction_is_the_callers_alone(make: Make) -> None:
    """What other tasks put while one is in a transaction is no part of it."""

    async def main() -> None:
        async with adapted(make()) as queue:
            has, may_end = threading.Event(), threading.Event()

            def refuse(blocking: Any) -> None:
                with blocking.transaction():
                    blocking.put("taken back", block=False)
                    has.set()
                    may_end.wait(30)
                    raise LookupError

            refusing = asyncio.create_task(queue.run(refuse))
            await asyncio.to_thread(has.wait, 30)
            await queue.put("stays")
            may_end.set()
            with pytest.raises(LookupError):
                await refusing
            assert await drain(queue) == ["stays"]

    run(main())


def test_task_done_after_a_cancelled_get(make: Make) -> None:
    """Task_done settles what the task has got, and not what its cancelled get had taken."""

    async def main() -> None:
        for turns in range(6):
            blocking = make("holding")
            blocking.clear()
            queue = adapted(blocking)
            await queue.put_many(["a", "b"])

            async def work(queue: Any = queue, turns: int = turns) -> Any:
                loop = asyncio.get_running_loop()
                me = asyncio.current_task()
                assert me
                cancelling = loop.call_later(turns * 0.0004, me.cancel)
                try:
                    first = await queue.get()
                except asyncio.CancelledError:
                    first = None
                finally:
                    cancelling.cancel()
                item = await queue.get() if first is None else first
                await queue.task_done()
                return item

            try:
                item = await asyncio.create_task(work())
            except asyncio.CancelledError:
                await queue.close()
                continue
            await queue.close()
            async with adapted(make("holding")) as again:
                assert await drain(again) == [each for each in ("a", "b") if each != item]

    run(main())


def test_every_task_finds_what_a_cancelled_get_had_taken(make: Make) -> None:
    """Calls of other tasks wait until it is back, and closing waits for these."""

    async def main() -> None:
        blocking = make()
        queue = adapted(blocking)
        await queue.put("a")
        returns = threading.Event()
        give_back = blocking.give_back

        def once_it_may(receipt: Any) -> None:
            assert returns.wait(60)
            give_back(receipt)

        blocking.give_back = once_it_may
        task = asyncio.create_task(queue.get())
        for _ in range(2):  # it has begun
            await turn()
        assert await cancel_after(task, 0)
        asking = asyncio.create_task(queue.qsize())
        await turn()
        closing = asyncio.create_task(queue.close())
        # It must not be answered meanwhile, so that there is nothing to wait for but time.
        done, _ = await asyncio.wait([asking], timeout=0.1)
        assert not done
        returns.set()
        assert await asking == 1
        await closing

    run(main())


def test_a_lost_connection(make: Make) -> None:
    """A connection that the server has ended is replaced, and the call carried out."""

    async def main() -> None:
        async with adapted(make()) as queue:
            await asyncio.gather(*(queue.put(number) for number in range(3)))

            def end(blocking: Any) -> None:
                with blocking.transaction() as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
                    )

            await queue.run(end)
            assert sorted(await drain(queue)) == [0, 1, 2]

    run(main())


def test_close_waits_for_what_was_begun(make: Make) -> None:
    """Puts before `close` are stored, calls after it refused; a cancelled `close` goes on."""

    async def main() -> None:
        queue = adapted(make(max_connections=2))
        putting = [asyncio.create_task(queue.put(number)) for number in range(30)]
        await turn()
        await cancel_after(asyncio.create_task(queue.close()), 1)
        with pytest.raises(QueueClosed):
            await queue.put(99)
        await asyncio.gather(*putting)
        await queue.close()
        async with adapted(make()) as again:
            assert sorted(await drain(again)) == list(range(30))

    run(main())
