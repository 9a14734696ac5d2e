"""The contract on the awaited queues."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from pq_async import (
    AsyncAdapter,
    AsyncFILOSQLiteAckQueue,
    AsyncFILOSQLiteQueue,
    AsyncPriorityQueue,
    AsyncQueue,
    AsyncSQLiteAckQueue,
    AsyncSQLiteQueue,
    AsyncUniqueAckQ,
    AsyncUniqueQ,
)
from pq_core.log.queue import LogQueue
from pq_core.sqlite import AckInSQLite, PlainInSQLite
from pq_core.testing.awaited import Awaited, AwaitedAck
from pq_core.testing.contract import AckQueueContract, QueueContract

from .short import in_parts, in_short

SERIALIZERS = ("pickle", "json", "msgpack", "cbor2")


@in_parts
class TestAsyncFile(QueueContract):
    """As it comes: an item that was not settled comes again."""

    cls: ClassVar[Any] = AsyncQueue
    serializers = SERIALIZERS
    resizes = False

    def open(self, where: Any, **options: Any) -> Any:
        return Awaited(self.cls, where, **options)


@in_short
class TestAsyncFileAutosave(TestAsyncFile):
    """The get itself settles."""

    at_least_once = False
    options = MappingProxyType({"autosave": True})


@in_short
class TestAsyncFileFull(TestAsyncFile):
    """Synced before every return."""

    options = MappingProxyType({"durability": "full"})


@in_parts
class TestAsyncSQLite(TestAsyncFile):
    """As it comes: get settles."""

    at_least_once = False
    cls = AsyncSQLiteQueue


@in_short
class TestAsyncFILO(TestAsyncSQLite):
    order = "filo"
    cls = AsyncFILOSQLiteQueue


@in_short
class TestAsyncUnique(TestAsyncSQLite):
    unique = True
    cls = AsyncUniqueQ


@in_short
class TestAsyncPriority(TestAsyncSQLite):
    order = "priority"
    cls = AsyncPriorityQueue


@in_short
class TestAsyncSQLiteThatHolds(TestAsyncSQLite):
    """With auto_commit=False task_done settles."""

    at_least_once = True
    options = MappingProxyType({"auto_commit": False})

    def test_task_done_too_often(self) -> None:
        """task_done without an item is a ValueError, unless it makes a put durable."""
        queue = self.queue()
        queue.put("a")
        queue.task_done()
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()


@pytest.mark.slow
class TestAsyncAck(AckQueueContract):
    cls: ClassVar[Any] = AsyncSQLiteAckQueue
    serializers = SERIALIZERS
    resizes = False

    def open(self, where: Any, **options: Any) -> Any:
        return AwaitedAck(self.cls, where, **options)


@in_short
class TestAsyncFILOAck(TestAsyncAck):
    order = "filo"
    cls = AsyncFILOSQLiteAckQueue


@in_short
class TestAsyncUniqueAck(TestAsyncAck):
    unique = True
    cls = AsyncUniqueAckQ


def adapted_file(where: Any, **options: Any) -> Any:
    """An adapter of the file queue."""
    return AsyncAdapter(LogQueue(where, **options))


def adapted_sqlite(where: Any, **options: Any) -> Any:
    """An adapter of a queue in SQLite, with several threads."""
    return AsyncAdapter(PlainInSQLite(where, **options), 3)


def adapted_ack(where: Any, **options: Any) -> Any:
    """An adapter of an ack queue."""
    return AsyncAdapter(AckInSQLite(where, **options))


@in_short
class TestAdapterOfFile(TestAsyncFile):
    def open(self, where: Any, **options: Any) -> Any:
        return Awaited(adapted_file, where, **options)


@in_short
class TestAdapterOfSQLite(TestAsyncSQLite):
    def open(self, where: Any, **options: Any) -> Any:
        return Awaited(adapted_sqlite, where, **options)


@in_short
class TestAdapterOfAck(TestAsyncAck):
    def open(self, where: Any, **options: Any) -> Any:
        return AwaitedAck(adapted_ack, where, **options)
