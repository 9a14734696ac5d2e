"""The contract on awaited queues in PostgreSQL."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from pq_async import AsyncAdapter
from pq_core.testing.awaited import Awaited, AwaitedAck
from pq_core.testing.contract import AckQueueContract, QueueContract
from pq_core.testing.contract._settling import SettlingContract
from pq_postgres import PostgresAckQueue, PostgresQueue

from . import test_postgres
from .short import in_short


def adapted(cls: Any, where: Any, **options: Any) -> Any:
    """An adapter of such a queue, which calls it on the event loop."""
    return AsyncAdapter(cls(*where, **options))


def with_threads(cls: Any, where: Any, **options: Any) -> Any:
    """An adapter that has several threads call it."""
    return AsyncAdapter(cls(*where, **options), 3)


class Adapted(test_postgres.InPostgres):
    """What all of them have in common."""

    resizes = False

    make: ClassVar[Any] = staticmethod(adapted)

    def open(self, where: Any, **options: Any) -> Any:
        """The adapter, which looks like the blocking queue."""
        front = AwaitedAck if self.cls.kind.is_acked else Awaited
        return front(self.make, self.cls, where, **options)


class TestInBrief(Adapted, SettlingContract):
    """A few tests that need no patience."""

    at_least_once = False
    serializers = ("pickle",)
    cls = PostgresQueue


@pytest.mark.slow
class TestFIFO(test_postgres.Further, Adapted, QueueContract):
    """As it comes: get settles."""

    at_least_once = False
    cls = PostgresQueue


@in_short
class TestFIFOThatHolds(test_postgres.Further, Adapted, QueueContract):
    """With auto_commit=False task_done settles."""

    cls = PostgresQueue
    options = MappingProxyType({"auto_commit": False, **test_postgres.QUICK})
    test_task_done_too_often = test_postgres.TestFIFOThatHolds.test_task_done_too_often


@in_short
class TestNotified(TestFIFO):
    """Woken by LISTEN and NOTIFY."""

    options = test_postgres.TestNotified.options


@pytest.mark.slow
class TestAck(test_postgres.Further, Adapted, AckQueueContract):
    """Items are settled one by one."""

    cls = PostgresAckQueue


@in_short
class TestFIFOWithThreads(TestFIFO):
    """Called by several threads."""

    make = staticmethod(with_threads)


@in_short
class TestAckWithThreads(TestAck):
    """Called by several threads."""

    make = staticmethod(with_threads)
