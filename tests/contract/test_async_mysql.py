"""The contract on awaited queues in MySQL."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from pq_async import AsyncAdapter
from pq_core.testing.awaited import Awaited, AwaitedAck
from pq_core.testing.contract import AckQueueContract, QueueContract
from pq_core.testing.contract._settling import SettlingContract

from . import test_mysql
from .short import in_short

pq_mysql = pytest.importorskip("pq_mysql")


def adapted(cls: Any, where: Any, **options: Any) -> Any:
    """An adapter of such a queue."""
    return AsyncAdapter(cls(**where, **options))


def with_threads(cls: Any, where: Any, **options: Any) -> Any:
    """An adapter that has several threads call it."""
    return AsyncAdapter(cls(**where, **options), 3)


class Adapted(test_mysql.InMySQL):
    """What all of them have in common."""

    resizes = False

    make: ClassVar[Any] = staticmethod(adapted)

    def open(self, where: Any, **options: Any) -> Any:
        """The adapter, which looks like the blocking queue."""
        options = {"durability": "normal", "heartbeat": test_mysql.HEARTBEAT, **options}
        front = AwaitedAck if self.cls.kind.is_acked else Awaited
        return front(self.make, self.cls, where, **options)

    def test_stats_count_the_bytes(self) -> None:
        """Stats tells how much storage the queue takes, as of the server's last count."""
        queue = self.queue()
        queue.put(b"x" * 100_000)
        queue.run(_analyzed)
        assert queue.stats().bytes >= 100_000


def _analyzed(queue: Any) -> None:
    """Have the server count."""
    with queue.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(f"ANALYZE TABLE `{queue._server.layout.table}`")
        cursor.fetchall()
        cursor.execute("BEGIN")


class Holds(Adapted, test_mysql.Holds):
    """What all kinds have in common that hold items until they are settled."""


class TestInBrief(Adapted, SettlingContract):
    """A few tests that need no patience."""

    at_least_once = False
    cls = pq_mysql.MySQLQueue


@pytest.mark.slow
class TestAck(Holds, AckQueueContract):
    """Items are settled one by one."""

    cls = pq_mysql.MySQLAckQueue


@pytest.mark.slow
class TestFIFO(Adapted, QueueContract):
    """As it comes: get settles."""

    at_least_once = False
    cls = pq_mysql.MySQLQueue


@in_short
class TestFIFOThatHolds(Holds, QueueContract):
    """With auto_commit=False task_done settles."""

    cls = pq_mysql.MySQLQueue
    options: ClassVar[Any] = {"auto_commit": False}
    test_task_done_too_often = test_mysql.TestFIFOThatHolds.test_task_done_too_often


@in_short
class TestAckWithThreads(TestAck):
    """Called by several threads."""

    make = staticmethod(with_threads)
