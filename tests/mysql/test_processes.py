"""Processes that are killed, and a server that is: nothing acknowledged is lost."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import Empty, LeaseLost, OutcomeUnknown, QueueError, StorageError
from pq_core.testing.elsewhere import InProcess
from pq_mysql import MySQLAckQueue, MySQLQueue
from tests.servers.mariadb import MariaDB, absent, missing, started

from .conftest import Open

SPAWN = multiprocessing.get_context("spawn")


def note(log: int, line: str) -> None:
    """Writes a line that is there whatever happens to the process."""
    os.write(log, f"{line}\n".encode())


def opened_patiently(place: dict[str, Any]) -> Any:
    """The queue, also while its server is being started: opening is not patient by itself."""
    while True:
        try:
            return MySQLAckQueue(**place)
        except StorageError:
            time.sleep(0.05)


def produce(place: dict[str, Any], log_path: str, prefix: str) -> None:
    """Puts numbered items for ever; notes each that was acknowledged, and each of unknown fate."""
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with opened_patiently(place) as queue:
        for number in itertools.count():
            item = f"{prefix}-{number}"
            try:
                queue.put(item)
            except OutcomeUnknown:
                note(log, f"? {item}")
            except StorageError:
                note(log, f"- {item}")
            else:
                note(log, f"+ {item}")


def consume(place: dict[str, Any], log_path: str) -> None:
    """Receives, notes and acks for ever; an ack that did not come through is noted as such."""
    log = os.open(log_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with opened_patiently(place) as queue:
        while True:
            try:
                message = queue.receive(timeout=5)
            except Empty:
                continue
            except StorageError as error:
                note(log, f"! {error!r}")
                continue
            note(log, f"got {message.item}")
            with suppress(LeaseLost):
                settle(message, log)
                note(log, f"ack {message.item}")


def settle(message: Any, log: int) -> None:
    """Acks until the answer comes; where only that was lost, the next time says LeaseLost."""
    while True:
        try:
            message.ack()
            return
        except StorageError as error:
            note(log, f"! {error!r}")
            time.sleep(0.01)


class Crew:
    """Processes of both roles; each that is killed is followed by another."""

    def __init__(self, place: dict[str, Any], directory: Path) -> None:
        self.place = place
        self.directory = directory
        self.lives = itertools.count()
        self.at_work: dict[tuple[str, int], Any] = {}

    def start(self, role: str, who: int) -> None:
        """The next life of a worker."""
        life = next(self.lives)
        log = str(self.directory / f"{role}-{life}")
        if role == "producer":
            process = SPAWN.Process(target=produce, args=(self.place, log, f"{life}"))
        else:
            process = SPAWN.Process(target=consume, args=(self.place, log))
        process.start()
        self.at_work[role, who] = process

    def kill(self, role: str, who: int) -> None:
        """Ends a worker by SIGKILL; it had not ended by itself."""
        process = self.at_work.pop((role, who))
        assert process.exitcode is None
        process.kill()
        process.join()

    def lines(self, role: str) -> list[str]:
        """What all lives of a role have noted."""
        found = []
        for path in self.directory.glob(f"{role}-*"):
            found += path.read_text().splitlines()
        return found

    def wait_for(self, role: str, more: int) -> None:
        """Blocks until a role has noted so many more lines."""
        target = len(self.lines(role)) + more
        end = time.monotonic() + 60
        while len(self.lines(role)) < target:
            assert time.monotonic() < end
            time.sleep(0.01)


@pytest.fixture
def own_server() -> Iterator[MariaDB]:
    """A server that a test may stop."""
    if reason := missing():
        absent(reason)
    yield from started()


@pytest.mark.slow
def test_everybody_is_killed(own_server: MariaDB, tmp_path: Path, name: str) -> None:
    """4 + 4 processes and the server are killed at random, and no acknowledged item is lost.

    What comes twice was received by a process that was killed, or whose ack did not return.
    """
    place = {**own_server.place, "name": name, "durability": "normal", "heartbeat": 0.25}
    # Without a lease: what a live consumer had out and did not know of would stay out for ever.
    place["timeout"] = 30
    crew = Crew(place, tmp_path)
    chance = random.Random(4)
    MySQLAckQueue(**place).close()
    try:
        for who in range(4):
            crew.start("producer", who)
            crew.start("consumer", who)
        for turn in range(8):
            crew.wait_for("producer", 60)
            crew.wait_for("consumer", 60)
            if turn in (2, 5):
                own_server.kill()
                own_server.start()
                continue
            role, who = chance.choice(["producer", "consumer"]), chance.randrange(4)
            crew.kill(role, who)
            crew.start(role, who)
        for who in range(4):
            crew.kill("producer", who)
        said = [line.split(" ", 1) for line in crew.lines("producer")]
        acknowledged = {item for sign, item in said if sign == "+"}
        refused = {item for sign, item in said if sign == "-"}
        with MySQLAckQueue[Any](**place) as queue:
            end = time.monotonic() + 60
            while queue.active_size():
                assert time.monotonic() < end, (queue.stats(), crew.lines("consumer"))
                time.sleep(0.05)
            assert queue.dead_letters() == []
    finally:
        for process in crew.at_work.values():
            process.kill()
            process.join()
    told = [line.split(" ", 1) for line in crew.lines("consumer")]
    got = Counter(item for sign, item in told if sign == "got")
    acked = Counter(item for sign, item in told if sign == "ack")
    assert acknowledged <= got.keys()
    assert not refused & got.keys()
    assert max(acked.values()) == 1
    # Each delivery but the last was to somebody who could not settle it.
    assert sum(got.values()) - len(got) <= 4 * 8


def test_a_killed_consumers_items_come_again(opened: Open) -> None:
    """What a process had out when it was killed comes again once its signs of life have stopped."""
    queue = opened(MySQLAckQueue)
    queue.put_many(["a", "b"])
    with InProcess(queue) as other:
        assert other.call("get") == "a"
        assert queue.get() == "b"
        other.kill()
        assert queue.get(timeout=30) == "a"


def test_a_consumer_that_was_held_up(opened: Open) -> None:
    """Who gave no sign of life for too long finds its lease lost, and goes on under its number."""
    queue = opened(MySQLAckQueue)
    late = opened(MySQLAckQueue, heartbeat=0.05)
    late._server._life._heartbeat = 0.05
    queue.put("a")
    message = late.receive()
    late._server._life._heart.stop()
    assert queue.get(timeout=30) == "a"
    with pytest.raises(LeaseLost):
        message.ack()
    late.beat = late._server.beat()
    queue.put("b")
    with late.receive(timeout=30) as message:
        assert message.item == "b"


def test_clocks_of_hosts_do_not_matter(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases end by the server's clock, also on a host whose own is an hour off."""
    queue = opened(MySQLAckQueue, lease=0.3)
    queue.put("a")
    assert queue.get() == "a"
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() - 3600)
    off = opened(MySQLAckQueue, lease=0.3)
    assert abs(off._server.time() - now()) < 5
    assert off.get(timeout=30) == "a"


def test_conflicts_are_run_again(opened: Open, name: str) -> None:
    """A deadlock with somebody else's transaction is not the caller's business."""
    queue = opened(MySQLQueue)
    ids = queue.put_many(["a", "b"])
    with queue.transaction() as connection, connection.cursor() as cursor:
        cursor.execute(f"SELECT 1 FROM `queue_{name}` WHERE _id = %s FOR UPDATE", (ids[0],))
        other = opened(MySQLQueue)
        # Passes by what is locked, and does not wait for it.
        assert other.get(timeout=10) == "b"
        with pytest.raises(Empty):
            other.get(block=False)
    assert other.get() == "a"


def test_a_transaction_is_all_or_nothing(opened: Open, name: str) -> None:
    """Puts and statements of one's own happen together, or not at all; others see neither before."""
    queue = opened(MySQLQueue)
    other = opened(MySQLQueue)
    with queue.transaction() as connection, connection.cursor() as cursor:
        queue.put("a")
        cursor.execute(f"UPDATE `queue_{name}` SET timestamp = 7")
        assert queue.qsize() == 1
        assert other.empty()
    assert other.get(raw=True)["timestamp"] == 7
    with pytest.raises(LookupError), queue.transaction():
        queue.put("b")
        raise LookupError
    assert other.empty()
    with pytest.raises(StorageError, match="ended inside"), queue.transaction() as connection:
        connection.commit()
    with (
        pytest.raises(StorageError, match="open in this thread already"),
        queue.transaction(),
        queue.transaction(),
    ):
        raise AssertionError
    with queue.transaction():
        queue.put("c")
        with pytest.raises(QueueError):
            queue.get(id=-1, block=False)
        queue.put("d")
    assert queue.get_many(9) == ["c", "d"]
