"""The queues in SQLite whose get settles, awaited."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable
from operator import attrgetter, methodcaller
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from pq_async import _twins
from pq_async._base import AwaitedQueue
from pq_async._settling import SettlingByTask
from pq_async._worker import Worker
from pq_core.protocols import AnySerializer, Damage, Durability
from pq_core.serializers import Codec, codec
from pq_core.sql.base import Raw
from pq_core.sqlite import PriorityInSQLite
from pq_core.sqlite.plain import PlainInSQLite

__all__ = [
    "AsyncFIFOSQLiteQueue",
    "AsyncFILOSQLiteQueue",
    "AsyncPriorityQueue",
    "AsyncSQLiteQueue",
    "AsyncUniqueQ",
    "InSQLite",
]

T = TypeVar("T")


class InSQLite(AwaitedQueue[T]):
    """What the awaited queues in SQLite have beyond others; this one is not used by itself."""

    async def update(self, item: Any, id: int | Raw | None = None) -> int | None:
        """Replaces an item that is stored; its id. Cancelled, it is replaced or it is not."""
        key: int | None = await self._ask(methodcaller("update", item, id), shares=True)
        return key

    async def queue(self) -> list[dict[str, Any]]:
        """All rows of the queue's table, whatever their state, in the order of their ids."""
        rows: list[dict[str, Any]] = await self._ask(methodcaller("queue"))
        return rows

    @property
    def name(self) -> str:
        """The queue's, in its database."""
        return str(self._arguments["name"])

    @property
    def path(self) -> Path:
        """What was given as the place of the database."""
        return Path(self._arguments["path"])

    @property
    def total(self) -> Awaitable[int]:
        """How many items the table holds, those that are handed out included."""
        return self._property("total")

    async def verify(self) -> list[Damage]:
        """Everything that is damaged; changes nothing. Other calls go on meanwhile."""
        path = await self._ask(attrgetter("database"))
        if path is None:
            return await super().verify()
        # It reads every page, which takes minutes where the file is large: on a connection of
        # its own, which in WAL mode is in nobody's way.
        try:
            async with aiosqlite.connect(path, isolation_level=None) as connection:
                rows = await connection.execute_fetchall("PRAGMA integrity_check")
        except sqlite3.Error:
            return await super().verify()
        if [tuple(row) for row in rows] != [("ok",)]:
            return await super().verify()
        found: list[Damage] = await self._ask(methodcaller("damaged_items"))
        return found

    async def shrink_disk_usage(self) -> None:
        """Rebuilds the database file without its free pages. Other calls wait meanwhile."""
        await self._ask(methodcaller("shrink_disk_usage"))


class AsyncSQLiteQueue(InSQLite[T], SettlingByTask[T], twin=PlainInSQLite):
    """The durable FIFO queue in an SQLite database, for asyncio.

    The same tables as `pq_sqlite.SQLiteQueue`: both may use one database, also at the same time.
    Every method is awaited, and nothing blocks the event loop.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     async with AsyncSQLiteQueue(":memory:") as queue:
        ...         id = await queue.put("letter")
        ...         await queue.update("parcel", id)
        ...         print(await queue.get())
        >>> asyncio.run(main())
        parcel

    Items are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the file.

    Args:
        path: a directory, made where there is none; ``:memory:`` for a queue that lasts as long
            as this object; or the database file itself, where it is there.
        name: of the queue; several queues share one database file.
        multithreading: accepted; the queue may be used from any task.
        timeout: seconds to wait for other processes before `StorageBusy`.
        auto_commit: get settles. Otherwise get holds the item until task_done, and an item that
            is not settled comes again after close or a crash.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        db_file_name: of the database file in `path`; None: ``data.db``.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        durability: what an acknowledged put survives: "full" (power loss; the default),
            "normal" (the death of the process) or "off".

    Raises:
        ValueError: an argument is out of range, or a name holds a NUL character. All else is
            told when the queue is opened.
    """

    _twin: type[Any] = _twins.FIFO

    def __init__(
        self,
        path: str | Path,
        name: str = "default",
        multithreading: bool | AnySerializer = False,
        timeout: float = 10.0,
        auto_commit: bool = True,
        serializer: AnySerializer | Codec = "pickle",
        db_file_name: str | None = None,
        *,
        maxsize: int = 0,
        durability: Durability = "full",
    ) -> None:
        # The third and fourth parameter of persist-queue's class are serializer and auto_commit.
        if not isinstance(multithreading, bool):
            serializer, multithreading = multithreading, False
        if isinstance(timeout, bool):
            auto_commit, timeout = timeout, 10.0
        arguments = {
            "path": _twins.absolute(path),
            "name": name,
            "multithreading": multithreading,
            "timeout": timeout,
            "auto_commit": auto_commit,
            "serializer": codec(serializer),
            "db_file_name": db_file_name,
            "maxsize": maxsize,
            "durability": durability,
        }
        self.auto_commit = auto_commit
        open = _twins.opener(self._twin, arguments)
        super().__init__(Worker(open, str(path)), arguments, maxsize)

    async def get(
        self,
        block: bool = True,
        timeout: float | None = None,
        id: int | Raw | None = None,
        raw: bool = False,
    ) -> Any:
        """Takes the next item.

        Waits without holding a thread. Cancelled, it takes nothing: an item that was taken
        already is put back, in its place.
        """
        kind = "get" if id is None else None
        return await self._until(block, timeout, "items_bell", kind, "get", id=id, raw=raw)

    async def get_nowait(self, id: int | Raw | None = None, raw: bool = False) -> Any:
        """`get` that does not wait for an item; cancelled, as there."""
        return await self._ask(methodcaller("get", False, None, id, raw), shares=True, takes=True)


#: The other name of `AsyncSQLiteQueue`.
AsyncFIFOSQLiteQueue = AsyncSQLiteQueue


class AsyncFILOSQLiteQueue(AsyncSQLiteQueue[T]):
    """The newest item comes first; everything else is as in `AsyncSQLiteQueue`."""

    _twin = _twins.FILO


class AsyncUniqueQ(AsyncSQLiteQueue[T]):
    """An item equal to one that is in the queue is not stored again.

    Items are equal where their serialized bytes are, with the keys of dicts sorted. Everything
    else is as in `AsyncSQLiteQueue`.
    """

    _twin = _twins.Unique


class AsyncPriorityQueue(AsyncSQLiteQueue[T], twin=PriorityInSQLite):
    """The item with the lowest priority comes first, the oldest of them first.

    Everything else is as in `AsyncSQLiteQueue`.
    """

    _twin = _twins.Priority

    async def put(  # type: ignore[override]
        self,
        item: T,
        priority: int = 0,
        block: bool = True,
        timeout: float | None = None,
    ) -> int:
        """Stores an item; its id. Cancelled, it is in the queue or it is not."""
        if isinstance(priority, bool):  # put(item, False), as on the other queues
            block, priority = bool(priority), 0
        id: int = await self._until(block, timeout, "room_bell", "put", "put", item, priority)
        return id

    async def put_nowait(self, item: T, priority: int = 0) -> int:
        """`put` that does not wait for room; cancelled, as there."""
        id: int = await self._ask(methodcaller("put_nowait", item, priority), shares=True)
        return id
