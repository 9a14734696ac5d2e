"""The contract on the SQLite family."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from pq_core.testing.contract import AckQueueContract, QueueContract
from pq_sqlite import (
    FILOSQLiteAckQueue,
    FILOSQLiteQueue,
    PriorityQueue,
    SQLiteAckQueue,
    SQLiteQueue,
    UniqueAckQ,
    UniqueQ,
)
from tests.contract.short import in_parts, in_short

SERIALIZERS = ("pickle", "json", "msgpack", "cbor2")

#: The default durability is the same code for all kinds: one of them is enough to wait for syncs.
SHARED: Any = {"durability": "normal"}


@in_parts
class TestFIFO(QueueContract):
    """As it comes: get settles."""

    at_least_once = False
    cls: ClassVar[Any] = SQLiteQueue
    serializers = SERIALIZERS

    def open(self, where: Any, **options: Any) -> Any:
        return self.cls(where, **options)


@in_short
class TestFILO(TestFIFO):
    order = "filo"
    options = SHARED
    cls = FILOSQLiteQueue


@in_parts
class TestUnique(TestFIFO):
    unique = True
    options = SHARED
    cls = UniqueQ


@in_parts
class TestPriority(TestFIFO):
    order = "priority"
    options = SHARED
    cls = PriorityQueue


@in_parts
class TestFIFOThatHolds(TestFIFO):
    """With auto_commit=False task_done settles."""

    at_least_once = True
    options: ClassVar[Any] = {"auto_commit": False}

    def test_task_done_too_often(self) -> None:
        """task_done without an item is a ValueError, unless it makes a put durable."""
        queue = self.queue()
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()
        queue.put("a")
        queue.task_done()
        with pytest.raises(ValueError, match="task_done"):
            queue.task_done()
        assert queue.get() == "a"
        queue.task_done()


@in_short
class TestFILOThatHolds(TestFIFOThatHolds):
    order = "filo"
    cls = FILOSQLiteQueue


@in_short
class TestUniqueThatHolds(TestFIFOThatHolds):
    unique = True
    cls = UniqueQ


@in_short
class TestPriorityThatHolds(TestFIFOThatHolds):
    order = "priority"
    cls = PriorityQueue


class TestAck(AckQueueContract):
    cls: ClassVar[Any] = SQLiteAckQueue
    serializers = SERIALIZERS

    def open(self, where: Any, **options: Any) -> Any:
        return self.cls(where, **options)


@in_short
class TestFILOAck(TestAck):
    order = "filo"
    cls = FILOSQLiteAckQueue


@in_short
class TestUniqueAck(TestAck):
    unique = True
    cls = UniqueAckQ
