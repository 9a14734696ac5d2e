"""The queues in SQLite whose items are settled one by one, awaited."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from operator import methodcaller
from pathlib import Path
from typing import Any, TypeVar

from pq_async import _twins
from pq_async._message import AsyncMessage
from pq_async._sqlite import InSQLite
from pq_async._worker import Worker
from pq_core.message import Message
from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec, codec
from pq_core.sql.base import Raw
from pq_core.sqlite import AckInSQLite

__all__ = [
    "AsyncFIFOSQLiteAckQueue",
    "AsyncFILOSQLiteAckQueue",
    "AsyncSQLiteAckQueue",
    "AsyncUniqueAckQ",
]

T = TypeVar("T")


class AsyncSQLiteAckQueue(InSQLite[T], twin=AckInSQLite):
    """The durable queue in an SQLite database whose items are acked, for asyncio.

    The same tables as `pq_sqlite.SQLiteAckQueue`: both may use one database, also at the same
    time. Every method is awaited, and nothing blocks the event loop.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncSQLiteAckQueue(":memory:") as queue:
        ...         await queue.put("letter")
        ...         async with await queue.receive() as message:
        ...             print(message.item, message.attempts)
        >>> asyncio.run(main())
        letter 1

    Items are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the file.

    Args:
        path: a directory, made where there is none; ``:memory:`` for a queue that lasts as long
            as this object; or the database file itself, where it is there.
        name: of the queue; several queues share one database file.
        multithreading: accepted; the queue may be used from any task.
        timeout: seconds to wait for other processes before `StorageBusy`.
        auto_commit: accepted; every call of an ack queue is committed when it returns.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        db_file_name: of the database file in `path`; None: ``data.db``.
        auto_resume: make ready again what consumers had that have died, now and while waiting.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        durability: what an acknowledged put or ack survives: "full" (power loss; the default),
            "normal" (the death of the process) or "off".
        lease: seconds until an item that is not settled becomes ready again; None: as long as
            its consumer lives.
        max_attempts: so often an item is handed out, then it is a dead letter; None: no limit.
        backoff: seconds before an item that was not acked is ready again, doubled each time up
            to an hour.
        keep_acked: how many acked items stay in the database.
        dedupe: what a put does whose `dedupe_key` is there already: "ignore" it, "replace" the
            item that waits, or "raise" `DuplicateKey`.
        dedupe_window: seconds for which a key is remembered; None: until its item is settled.
        clock: the time in seconds since the epoch, by which leases and delays end.

    Raises:
        ValueError: an argument is out of range, or a name holds a NUL character. All else is
            told when the queue is opened.
    """

    _twin: type[Any] = _twins.Ack

    def __init__(
        self,
        path: str | Path,
        name: str | bool = "default",
        multithreading: bool = False,
        timeout: float = 10.0,
        auto_commit: bool = True,
        serializer: AnySerializer | Codec = "pickle",
        db_file_name: str | None = None,
        auto_resume: bool = True,
        *,
        maxsize: int = 0,
        durability: Durability = "full",
        lease: float | None = None,
        max_attempts: int | None = None,
        backoff: float = 0.0,
        keep_acked: int = 1000,
        dedupe: str = "ignore",
        dedupe_window: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        arguments = {
            "path": _twins.absolute(path),
            "name": name,
            "multithreading": multithreading,
            "timeout": timeout,
            "auto_commit": auto_commit,
            "serializer": codec(serializer),
            "db_file_name": db_file_name,
            "auto_resume": auto_resume,
            "maxsize": maxsize,
            "durability": durability,
            "lease": lease,
            "max_attempts": max_attempts,
            "backoff": backoff,
            "keep_acked": keep_acked,
            "dedupe": dedupe,
            "dedupe_window": dedupe_window,
            "clock": clock,
        }
        open = _twins.opener(self._twin, arguments)
        super().__init__(Worker(open, str(path)), arguments, maxsize)

    # -- put and get --------------------------------------------------------------------------

    async def put(
        self,
        item: T,
        block: bool = True,
        timeout: float | None = None,
        *,
        delay: float = 0.0,
        ttl: float | None = None,
        priority: int = 0,
        dedupe_key: str | None = None,
    ) -> int:
        """Stores an item; its id.

        Many tasks that put at the same time share one commit. Cancelled, the item is in the
        queue or it is not: in it where the worker had begun, not in it otherwise.
        """
        id: int = await self._until(
            block,
            timeout,
            "room_bell",
            "put",
            "put",
            item,
            delay=delay,
            ttl=ttl,
            priority=priority,
            dedupe_key=dedupe_key,
        )
        return id

    async def put_nowait(self, item: T) -> int:
        """`put` that does not wait for room; cancelled, as there."""
        id: int = await self._ask(methodcaller("put", item, False), shares=True)
        return id

    async def get(
        self,
        block: bool = True,
        timeout: float | None = None,
        id: int | Raw | None = None,
        next_in_order: bool = False,
        raw: bool = False,
    ) -> Any:
        """Leases the next item.

        Waits without holding a thread. Cancelled, it leases nothing: an item that was leased
        already is ready again, in its place, and was not handed out.
        """
        kind = "get" if id is None else None
        options = {"id": id, "next_in_order": next_in_order, "raw": raw}
        return await self._until(block, timeout, "items_bell", kind, "get", **options)

    async def get_nowait(
        self, id: int | Raw | None = None, next_in_order: bool = False, raw: bool = False
    ) -> Any:
        """`get` that does not wait for an item; cancelled, as there."""
        work = methodcaller("get", False, None, id, next_in_order, raw)
        return await self._ask(work, shares=True, takes=True)

    async def receive(self, block: bool = True, timeout: float | None = None) -> AsyncMessage[T]:
        """Leases the next item, as a message that has to be settled; cancelled, as `get`."""
        message: Message[T] = await self._until(block, timeout, "items_bell", "get", "receive")
        return AsyncMessage(message, self._worker)

    async def receive_nowait(self) -> AsyncMessage[T]:
        """`receive` that does not wait for an item; cancelled, as `get`."""
        message: Message[T] = await self._ask(
            methodcaller("receive", False), shares=True, takes=True
        )
        return AsyncMessage(message, self._worker)

    # -- settling: cancelled, an item is settled where the worker had begun -------------------

    async def ack(self, item: T | Raw | None = None, id: int | Raw | None = None) -> int | None:
        """Done with an item: it never comes again. Cancelled, it is acked or it is not."""
        key: int | None = await self._ask(methodcaller("ack", item, id), shares=True)
        return key

    async def ack_many(self, ids: Iterable[int]) -> int:
        """Done with all of these. Cancelled, all are acked or none is."""
        count: int = await self._ask(methodcaller("ack_many", list(ids)), shares=True)
        return count

    async def nack(
        self,
        item: T | Raw | None = None,
        id: int | Raw | None = None,
        *,
        delay: float | None = None,
    ) -> int | None:
        """Makes an item ready again. Cancelled, it is or it is not."""
        work = methodcaller("nack", item, id, delay=delay)
        key: int | None = await self._ask(work, shares=True)
        return key

    async def ack_failed(
        self, item: T | Raw | None = None, id: int | Raw | None = None, *, reason: str = ""
    ) -> int | None:
        """Gives an item up: it becomes a dead letter. Cancelled, it is or it is not."""
        work = methodcaller("ack_failed", item, id, reason=reason)
        key: int | None = await self._ask(work, shares=True)
        return key

    async def resume_unack_tasks(self) -> int:
        """Makes ready again what consumers had out that do not live any more; how many."""
        count: int = await self._ask(methodcaller("resume_unack_tasks"))
        return count

    async def task_done(self) -> None:
        """Does nothing: items of this queue are settled by `ack`, `nack` and `ack_failed`."""
        await self._ask(methodcaller("task_done"))

    # -- counting and clearing ----------------------------------------------------------------

    async def ready_count(self) -> int:
        """How many items are ready."""
        count: int = await self._ask(methodcaller("ready_count"))
        return count

    async def unack_count(self) -> int:
        """How many items are handed out and not settled."""
        count: int = await self._ask(methodcaller("unack_count"))
        return count

    async def acked_count(self) -> int:
        """How many acked items are still in the storage."""
        count: int = await self._ask(methodcaller("acked_count"))
        return count

    async def ack_failed_count(self) -> int:
        """How many dead letters there are."""
        count: int = await self._ask(methodcaller("ack_failed_count"))
        return count

    async def expired_count(self) -> int:
        """How many items outlived their ttl and were dropped."""
        count: int = await self._ask(methodcaller("expired_count"))
        return count

    async def active_size(self) -> int:
        """How many items are not settled: ready, delayed and handed out."""
        count: int = await self._ask(methodcaller("active_size"))
        return count

    async def clear_acked_data(
        self, max_delete: int = 1000, keep_latest: int = 1000, clear_ack_failed: bool = False
    ) -> int:
        """Removes acked items, the oldest first; how many."""
        work = methodcaller("clear_acked_data", max_delete, keep_latest, clear_ack_failed)
        count: int = await self._ask(work)
        return count


#: The other name of `AsyncSQLiteAckQueue`.
AsyncFIFOSQLiteAckQueue = AsyncSQLiteAckQueue


class AsyncFILOSQLiteAckQueue(AsyncSQLiteAckQueue[T]):
    """The newest item comes first; everything else is as in `AsyncSQLiteAckQueue`."""

    _twin = _twins.FILOAck


class AsyncUniqueAckQ(AsyncSQLiteAckQueue[T]):
    """An item equal to one that is not settled yet is not stored again.

    An item that was acked may be put again; one that has failed becomes ready again. Items are
    equal where their serialized bytes are, with the keys of dicts sorted. Everything else is as
    in `AsyncSQLiteAckQueue`.
    """

    _twin = _twins.UniqueAck
