"""What was wrong with persist-queue's MySQLQueue is right here; numbers are those of the list."""

from __future__ import annotations

import logging
import queue as standard
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pq_core.errors import DecodeError, Empty
from pq_core.testing.elsewhere import InProcess
from pq_core.testing.errands import get_and_settle
from pq_mysql import MySQLAckQueue, MySQLQueue

from .conftest import Open


class Trap:
    """An item that cannot be read back."""

    def __reduce__(self) -> tuple[type[int], tuple[str]]:
        return int, ("no number",)


def test_none_is_an_item(opened: Open) -> None:
    """1: None is put and got like any other item."""
    queue = opened(MySQLQueue)
    queue.put(None)
    assert queue.qsize() == 1
    assert queue.get(block=False) is None
    with pytest.raises(Empty):
        queue.get(block=False)


def test_an_item_that_cannot_be_read(opened: Open) -> None:
    """1: an item that cannot be unpickled is set aside whole, and the next get goes on."""
    queue = opened(MySQLQueue)
    id = queue.put(Trap())
    queue.put("next")
    with pytest.raises(DecodeError) as raised:
        queue.get()
    assert raised.value.id == id
    assert queue.get() == "next"
    (letter,) = queue.dead_letters()
    assert letter.id == id
    assert b"no number" in letter.data


def test_no_item_goes_to_two_processes(opened: Open) -> None:
    """2: processes that drain one queue share its items, and sizes come from the server."""
    queue = opened(MySQLQueue)
    queue.put_many(range(300))
    with InProcess(queue) as one, InProcess(queue) as two:
        got = [each.submit(get_and_settle, 150) for each in (one, two)]
        items = [item for each in got for item in each.result(60)]
    assert sorted(items) == list(range(300))
    assert queue.qsize() == queue.size == queue.total == 0


def test_task_done_and_join(opened: Open) -> None:
    """7: the documented worker loop ends, and join waits for its last item."""
    queue = opened(MySQLQueue)
    done: list[str] = []

    def worker() -> None:
        for _ in range(3):
            done.append(queue.get())
            queue.task_done()

    queue.put_many(["a", "b", "c"])
    thread = threading.Thread(target=worker)
    thread.start()
    queue.join()
    assert done == ["a", "b", "c"]
    thread.join()


def test_put_nowait_and_the_standard_empty(opened: Open) -> None:
    """7: put_nowait and get_nowait are there, and Empty is that of the standard library."""
    queue = opened(MySQLQueue)
    queue.put_nowait("a")
    assert queue.get_nowait() == "a"
    with pytest.raises(standard.Empty):
        queue.get_nowait()


def test_a_serializer_by_its_module(opened: Open) -> None:
    """8: persistqueue.serializers.msgpack is there after `import persistqueue` alone."""
    persistqueue = pytest.importorskip("persistqueue")
    queue = opened(MySQLQueue, serializer=persistqueue.serializers.msgpack)
    queue.put({"a": b"\x00"})
    assert queue.get() == {"a": b"\x00"}


def test_a_put_elsewhere_is_noticed(opened: Open) -> None:
    """9: a get that waits is woken by another object's put, long before its timeout."""
    queue = opened(MySQLQueue)
    with InProcess(queue) as other, ThreadPoolExecutor(1) as pool:
        getting = pool.submit(queue.get, timeout=30)
        other.call("put", "a")
        started = time.monotonic()
        assert getting.result(30) == "a"
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("size", [1 << 16, (1 << 16) + 1, 3 << 20])
def test_items_over_64_kib(opened: Open, size: int) -> None:
    """13: an item may be larger than a BLOB is."""
    queue = opened(MySQLQueue)
    item = bytes(range(256)) * (size // 256) + b"'\\" * (size % 256)
    queue.put(item)
    assert queue.get() == item


def test_timestamps(opened: Open) -> None:
    """13: the time of a put is the server's, to the microsecond and in the order of the puts."""
    queue = opened(MySQLQueue)
    before = time.time()
    for number in range(5):
        queue.put(number)
    after = time.time()
    times = [queue.get(raw=True)["timestamp"] for _ in range(5)]
    assert times == sorted(set(times))
    assert before - 0.01 <= times[0] <= times[-1] <= after + 0.01


def test_payloads_stay_out_of_the_log(opened: Open, caplog: pytest.LogCaptureFixture) -> None:
    """14: neither logs nor errors show what is in an item."""
    caplog.set_level(logging.DEBUG)
    queue = opened(MySQLAckQueue, max_attempts=1)
    queue.put({"card": "4111-1111"})
    queue.nack(queue.get())
    queue.ack({"card": "4111-1111"})
    assert "4111" not in caplog.text + repr(queue) + repr(queue.dead_letters())


def test_get_of_an_id_that_is_not_there(opened: Open) -> None:
    """15: get(id=) of nothing is Empty at once."""
    for cls in (MySQLQueue, MySQLAckQueue):
        queue = opened(cls)
        with pytest.raises(Empty):
            queue.get(id=4711)


def test_a_double_nack_counts_once(opened: Open) -> None:
    """15: a nack of what was nacked changes nothing."""
    queue = opened(MySQLAckQueue)
    id = queue.put("a")
    queue.get()
    assert queue.nack(id=id) == id
    assert queue.nack(id=id) is None
    assert [queue.qsize(), queue.active_size()] == [1, 1]


def test_every_thread_may_use_it(opened: Open) -> None:
    """16: a queue object may be used from any thread."""
    queue = opened(MySQLQueue)
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(queue.put, range(40)))
        items = list(pool.map(lambda _: queue.get(timeout=30), range(40)))
    assert len(set(ids)) == 40
    assert sorted(items) == list(range(40))
