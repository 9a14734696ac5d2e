"""The contract on the PostgreSQL family."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import pytest

from pq_core.testing.contract import AckQueueContract, QueueContract
from pq_postgres import (
    FILOPostgresAckQueue,
    FILOPostgresQueue,
    PostgresAckQueue,
    PostgresPriorityQueue,
    PostgresQueue,
    PostgresUniqueAckQ,
    PostgresUniqueQ,
)
from tests.contract.short import in_parts, in_short

_NUMBERS = itertools.count()

SERIALIZERS = ("pickle", "json", "msgpack", "cbor2")
#: Consumers that were killed are noticed within two seconds.
QUICK = MappingProxyType({"heartbeat": 0.5})


class InPostgres:
    """What all of them have in common."""

    cls: ClassVar[Any]
    local = False
    has_verify = False
    needs_pulse = True
    serializers: ClassVar[Sequence[Any]] = SERIALIZERS
    options: ClassVar[Any] = QUICK

    @pytest.fixture
    def where(self, postgres: str) -> tuple[str, str]:
        """A database, and the name of a queue that is not there yet."""
        return postgres, f"q{next(_NUMBERS)}"

    def open(self, where: Any, **options: Any) -> Any:
        """The queue."""
        return self.cls(*where, **options)


@in_parts
class TestFIFO(InPostgres, QueueContract):
    """As it comes: get settles."""

    at_least_once = False
    cls: ClassVar[Any] = PostgresQueue


class Further:
    """A kind besides the first one of its sort, which has been through all serializers."""

    serializers: ClassVar[Sequence[Any]] = ("pickle", "json")


@in_short
class TestFILO(Further, TestFIFO):
    order = "filo"
    cls = FILOPostgresQueue


@in_short
class TestUnique(Further, TestFIFO):
    unique = True
    cls = PostgresUniqueQ


@in_short
class TestPriority(Further, TestFIFO):
    order = "priority"
    cls = PostgresPriorityQueue


@in_short
class TestFIFOThatHolds(Further, TestFIFO):
    """With auto_commit=False task_done settles."""

    at_least_once = True
    options = MappingProxyType({"auto_commit": False, **QUICK})

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
    cls = FILOPostgresQueue


@in_short
class TestUniqueThatHolds(TestFIFOThatHolds):
    unique = True
    cls = PostgresUniqueQ


@in_short
class TestPriorityThatHolds(TestFIFOThatHolds):
    order = "priority"
    cls = PostgresPriorityQueue


@pytest.mark.slow
class TestNotified(Further, TestFIFO):
    """With what needs a session of the server: LISTEN, and prepared statements."""

    options = MappingProxyType({"notify": True, "prepare_threshold": 0, **QUICK})


@in_parts
class TestAck(InPostgres, AckQueueContract):
    """Items are settled one by one."""

    cls: ClassVar[Any] = PostgresAckQueue


@in_short
class TestFILOAck(Further, TestAck):
    order = "filo"
    cls = FILOPostgresAckQueue


@in_short
class TestUniqueAck(Further, TestAck):
    unique = True
    cls = PostgresUniqueAckQ


@in_short
class TestNotifiedAck(Further, TestAck):
    """With what needs a session of the server: LISTEN, and prepared statements."""

    options = MappingProxyType({"notify": True, "prepare_threshold": 0, **QUICK})
