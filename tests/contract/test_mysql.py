"""The contract on the MySQL family, in a real server."""

from __future__ import annotations

import itertools
import os
from typing import Any, ClassVar

import pytest

from pq_core.testing.contract import AckQueueContract, QueueContract

pq_mysql = pytest.importorskip("pq_mysql")

SERIALIZERS = ("pickle", "json", "msgpack", "cbor2")
#: Four of these without a sign of life, and a consumer counts as dead, in seconds.
HEARTBEAT = 0.25
NUMBERS = itertools.count()


class InMySQL:
    """What all kinds have in common."""

    local = False
    has_verify = False
    cls: ClassVar[Any]

    @pytest.fixture
    def where(self, mysql_place: dict[str, Any]) -> dict[str, Any]:
        """A queue that no test has used yet."""
        return {**mysql_place, "name": f"contract {os.getpid()} {next(NUMBERS)}"}

    def open(self, where: Any, **options: Any) -> Any:
        options = {"durability": "normal", "heartbeat": HEARTBEAT, **options}
        return self.cls(**where, **options)


class TestFIFO(InMySQL, QueueContract):
    """As it comes: get settles."""

    at_least_once = False
    cls = pq_mysql.MySQLQueue
    serializers = SERIALIZERS


class TestFILO(TestFIFO):
    order = "filo"
    cls = pq_mysql.FILOMySQLQueue


class TestUnique(TestFIFO):
    unique = True
    cls = pq_mysql.MySQLUniqueQ


class TestPriority(TestFIFO):
    order = "priority"
    cls = pq_mysql.MySQLPriorityQueue


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


class TestFILOThatHolds(TestFIFOThatHolds):
    order = "filo"
    cls = pq_mysql.FILOMySQLQueue


class TestUniqueThatHolds(TestFIFOThatHolds):
    unique = True
    cls = pq_mysql.MySQLUniqueQ


class TestPriorityThatHolds(TestFIFOThatHolds):
    order = "priority"
    cls = pq_mysql.MySQLPriorityQueue


class TestAck(InMySQL, AckQueueContract):
    cls = pq_mysql.MySQLAckQueue
    serializers = SERIALIZERS


class TestFILOAck(TestAck):
    order = "filo"
    cls = pq_mysql.FILOMySQLAckQueue


class TestUniqueAck(TestAck):
    unique = True
    cls = pq_mysql.MySQLUniqueAckQ
