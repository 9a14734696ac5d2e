"""The contract on the MySQL family, in a real server."""

from __future__ import annotations

import itertools
import os
from typing import Any, ClassVar

import pytest

from pq_core.errors import Empty
from pq_core.testing import errands
from pq_core.testing.contract import AckQueueContract, QueueContract
from pq_core.testing.errands import settle

from .short import in_parts, in_short

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
    # What the contract has.
    patience: ClassVar[float]
    queue: Any
    again: Any
    process: Any

    @pytest.fixture
    def where(self, mysql_place: dict[str, Any]) -> dict[str, Any]:
        """A queue that no test has used yet."""
        return {**mysql_place, "name": f"contract {os.getpid()} {next(NUMBERS)}"}

    def open(self, where: Any, **options: Any) -> Any:
        options = {"durability": "normal", "heartbeat": HEARTBEAT, **options}
        return self.cls(**where, **options)

    def test_stats_count_the_bytes(self) -> None:
        """Stats tells how much storage the queue takes, as of the server's last count."""
        queue = self.queue()
        queue.put(b"x" * 100_000)
        with queue.transaction() as connection, connection.cursor() as cursor:
            cursor.execute(f"ANALYZE TABLE `{queue._server.layout.table}`")
            cursor.fetchall()
            cursor.execute("BEGIN")
        assert queue.stats().bytes >= 100_000


class Holds(InMySQL):
    """What all kinds have in common that hold items until they are settled."""

    def test_a_live_consumer_is_never_robbed(self) -> None:
        """While one consumer is killed and the queue opened anew, another keeps what it has out.

        A consumer lives that gives signs of life: the one here is not stopped meanwhile.
        """
        queue = self.queue()
        queue.put_many(["a", "b"])
        live, dying = self.process(queue), self.process(queue)
        kept: str = live.call("get_nowait")
        lost: str = dying.call("get_nowait")
        dying.kill()
        assert queue.get(timeout=self.patience) == lost
        settle(queue, lost)
        queue = self.again(queue)
        with pytest.raises(Empty):
            queue.get(timeout=8 * HEARTBEAT)
        live.call(errands.settle, kept)
        live.end()
        assert self.again(queue).empty()


@pytest.mark.slow
class TestFIFO(InMySQL, QueueContract):
    """As it comes: get settles."""

    at_least_once = False
    cls = pq_mysql.MySQLQueue
    serializers = SERIALIZERS


@pytest.mark.slow
class TestFIFOThatHolds(Holds, QueueContract):
    """With auto_commit=False task_done settles."""

    cls = pq_mysql.MySQLQueue
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


@in_parts
class TestAck(Holds, AckQueueContract):
    cls = pq_mysql.MySQLAckQueue
    serializers = SERIALIZERS


@in_short
class TestFILO(TestFIFO):
    order = "filo"
    cls = pq_mysql.FILOMySQLQueue


@in_short
class TestUnique(TestFIFO):
    unique = True
    cls = pq_mysql.MySQLUniqueQ


@in_short
class TestPriority(TestFIFO):
    order = "priority"
    cls = pq_mysql.MySQLPriorityQueue


@in_short
class TestFILOThatHolds(TestFIFOThatHolds):
    order = "filo"
    cls = pq_mysql.FILOMySQLQueue


@in_short
class TestUniqueThatHolds(TestFIFOThatHolds):
    unique = True
    cls = pq_mysql.MySQLUniqueQ


@in_short
class TestPriorityThatHolds(TestFIFOThatHolds):
    order = "priority"
    cls = pq_mysql.MySQLPriorityQueue


@in_short
class TestFILOAck(TestAck):
    order = "filo"
    cls = pq_mysql.FILOMySQLAckQueue


@in_short
class TestUniqueAck(TestAck):
    unique = True
    cls = pq_mysql.MySQLUniqueAckQ
