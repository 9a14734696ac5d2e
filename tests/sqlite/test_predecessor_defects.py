"""The defects of the predecessors that touch SQLite, each by its number in the list of goals."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from queue import Empty as StandardEmpty
from typing import Any

import pytest

from pq_core.errors import DecodeError, Empty, EncodeError, LeaseLost, StorageError
from pq_core.sqlite.engine import SQLiteEngine
from pq_sqlite import (
    FILOSQLiteQueue,
    PDict,
    PriorityQueue,
    SQLiteAckQueue,
    SQLiteQueue,
    UniqueAckQ,
    UniqueQ,
)

SPAWN = multiprocessing.get_context("spawn")
PLAIN = [SQLiteQueue, FILOSQLiteQueue, UniqueQ, PriorityQueue]


def change(path: Path, sql: str, *parameters: Any) -> None:
    """Changes the database behind the queue's back."""
    with closing(sqlite3.connect(path / "data.db")) as database:
        database.execute(sql, parameters)
        database.commit()


@pytest.mark.parametrize("cls", [*PLAIN, SQLiteAckQueue, UniqueAckQ])
def test_1_none_is_an_item(cls: Any, tmp_path: Path) -> None:
    """None is delivered, not deleted and reported as Empty."""
    with closing(cls(tmp_path)) as queue:
        queue.put(None)
        assert queue.get(block=False) is None


@pytest.mark.parametrize("cls", [SQLiteQueue, SQLiteAckQueue])
def test_1_an_unreadable_item_is_set_aside(cls: Any, tmp_path: Path) -> None:
    """An item that cannot be read back is a dead letter with its bytes, and the next one comes."""
    with closing(cls(tmp_path)) as queue:
        first = queue.put("first")
        queue.put("second")
        table = queue._sqlite.layout.main
        change(tmp_path, f"UPDATE {table} SET data = ?, crc = NULL WHERE _id = ?", b"\x80?", first)
        with pytest.raises(DecodeError) as caught:
            queue.get(block=False)
        assert caught.value.id == first
        assert queue.get(block=False) == "second"
    with closing(cls(tmp_path)) as queue:
        (letter,) = queue.dead_letters()
        assert (letter.id, letter.data) == (first, b"\x80?")


def _drain(path: str, kind: str, results: Any) -> None:
    cls: Any = {"plain": SQLiteQueue, "ack": SQLiteAckQueue}[kind]
    queue = cls(path, durability="normal")
    got = []
    while True:
        try:
            got.append(queue.get(timeout=0.3))
        except Empty:
            break
        if kind == "ack":
            queue.ack(got[-1])
    queue.close()
    results.put(got)


@pytest.mark.parametrize("kind", ["plain", pytest.param("ack", marks=pytest.mark.slow)])
def test_2_processes_never_share_an_item(kind: str, tmp_path: Path) -> None:
    """Processes that drain one queue get each item once, together all of them."""
    cls: Any = {"plain": SQLiteQueue, "ack": SQLiteAckQueue}[kind]
    with closing(cls(tmp_path, durability="normal")) as queue:
        queue.put_many(range(400))
    results = SPAWN.Queue()
    consumers = [
        SPAWN.Process(target=_drain, args=(str(tmp_path), kind, results)) for _ in range(3)
    ]
    for consumer in consumers:
        consumer.start()
    got = [item for _ in consumers for item in results.get(timeout=60)]
    for consumer in consumers:
        consumer.join()
    assert sorted(got) == list(range(400))


def test_2_sizes_are_those_of_the_storage(tmp_path: Path) -> None:
    """The size of one object follows what another one does."""
    with closing(SQLiteQueue[Any](tmp_path)) as one, closing(SQLiteQueue[Any](tmp_path)) as two:
        one.put_many("abc")
        assert (one.size, two.size) == (3, 3)
        two.get()
        one.put("d")
        two.get()
        assert (one.size, two.size, len(one)) == (2, 2, 2)


def test_3_a_second_opener_takes_nothing_from_a_live_consumer(tmp_path: Path) -> None:
    """auto_resume leaves alone what a live consumer has, and takes what a closed one had."""
    one = SQLiteAckQueue[str](tmp_path)
    one.put("a")
    item = one.get()
    with closing(SQLiteAckQueue[str](tmp_path, auto_resume=True)) as two:
        assert two.resume_unack_tasks() == 0
        with pytest.raises(Empty):
            two.get(block=False)
    one.close()
    with closing(SQLiteAckQueue[str](tmp_path)) as two:
        assert two.get(block=False) == item


def test_4_equal_small_ints_are_acked_one_by_one(tmp_path: Path) -> None:
    """Acking one of two equal items acks one, and acking the other acks the other."""
    with closing(SQLiteAckQueue[Any](tmp_path)) as queue:
        ids = queue.put_many([7, 7])
        first, second = queue.get(), queue.get()
        assert [queue.ack(first), queue.ack(second)] == ids
        assert queue.unack_count() == 0


def test_4_an_equal_copy_is_acked(tmp_path: Path) -> None:
    """An item is known by a copy of it, also once it is no longer in memory."""
    with closing(SQLiteAckQueue[Any](tmp_path)) as queue:
        queue.put({"b": 1, "a": 2})
        queue.get()
        assert queue.ack({"a": 2, "b": 1}) == 1
        queue.put({"b": 1, "a": 2})
        queue.get()
        queue._inflight.discard(2)
        assert queue.ack({"a": 2, "b": 1}) == 2


def test_4_memory_does_not_grow_with_items_in_flight(tmp_path: Path) -> None:
    """Only a bounded number of items that are out is remembered, and all can be acked."""
    with closing(SQLiteAckQueue[Any](tmp_path, durability="off")) as queue:
        queue.put_many([f"item {n}" for n in range(600)])
        items = queue.get_many(600)
        assert len(queue._inflight._items) <= 256
        for item in items:
            assert queue.ack(item) is not None


def test_5_filo_raw(tmp_path: Path) -> None:
    """FILOSQLiteQueue.get(raw=True) tells id, item and timestamp."""
    with closing(FILOSQLiteQueue[Any](tmp_path)) as queue:
        queue.put_many("ab")
        raw = queue.get(raw=True)
        assert (raw["pqid"], raw["data"]) == (2, "b")
        assert isinstance(raw["timestamp"], float)


@pytest.mark.parametrize(
    ("cls", "order"), [(SQLiteQueue, "abc"), (FILOSQLiteQueue, "cba"), (PriorityQueue, "bca")]
)
def test_5_order_and_settling_without_auto_commit(cls: Any, order: str, tmp_path: Path) -> None:
    """With auto_commit=False each kind keeps its order, and task_done deletes what was got."""
    with closing(cls(tmp_path, auto_commit=False)) as queue:
        for item, priority in (("a", 3), ("b", 1), ("c", 2)):
            queue.put(item, priority) if cls is PriorityQueue else queue.put(item)
        assert [queue.get(), queue.get()] == list(order[:2])
        queue.task_done()
    with closing(cls(tmp_path, auto_commit=False)) as queue:
        assert queue.get(block=False) == order[2]
        assert queue.total == 1


def test_6_acked_rows_are_kept_to_a_bounded_number(tmp_path: Path) -> None:
    """The number of acked rows stays near keep_acked, however many were acked."""
    with closing(SQLiteAckQueue[Any](tmp_path, durability="off", keep_acked=100)) as queue:
        for n in range(2000):
            queue.put(n)
            queue.ack(queue.get())
        assert queue.acked_count() <= 100 + 256
        assert queue.clear_acked_data(max_delete=0) == 0
        assert queue.clear_acked_data(max_delete=-1, keep_latest=5) > 0
        assert queue.acked_count() == 5


def test_6_the_file_shrinks_while_it_is_open(tmp_path: Path) -> None:
    """Free pages are given back: in use from time to time, and by shrink_disk_usage at once."""
    with closing(SQLiteQueue[Any](tmp_path, durability="off")) as queue:
        queue.put_many([b"x" * 10_000] * 1500)
        before = queue.stats().bytes
        while not queue.empty():
            queue.get()
        free = queue.stats().reclaimable
        assert free < 15_000_000
        queue.shrink_disk_usage()
        assert queue.stats().reclaimable == 0
        assert queue.stats().bytes < before / 10


@pytest.mark.parametrize("cls", PLAIN)
def test_7_join_and_nowait_are_there(cls: Any, tmp_path: Path) -> None:
    """Every queue has join, put_nowait and get_nowait, and its Empty is queue.Empty."""
    with closing(cls(tmp_path)) as queue:
        queue.put_nowait("a")
        assert queue.get_nowait() == "a"
        queue.task_done()
        queue.join()
        with pytest.raises(StandardEmpty):
            queue.get_nowait()


def test_7_join_ends_for_a_loop_that_only_gets(tmp_path: Path) -> None:
    """A worker that gets and never says task_done does not keep join waiting."""
    queue = SQLiteQueue[int](tmp_path, multithreading=True)

    def work() -> None:
        while queue.get() is not None:
            pass

    worker = threading.Thread(target=work)
    worker.start()
    queue.put_many(range(20))
    queue.join()
    assert queue.size == 0
    queue.put(None)  # type: ignore[arg-type]
    worker.join()
    queue.close()


def _put_later(path: str, go: Any) -> None:
    with closing(SQLiteQueue[str](path)) as queue:
        go.wait(30)
        queue.put("from elsewhere")


def test_9_a_put_in_another_process_wakes_a_get(tmp_path: Path) -> None:
    """A blocked get notices what another process puts."""
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        go = SPAWN.Event()
        other = SPAWN.Process(target=_put_later, args=(str(tmp_path), go))
        other.start()
        go.set()
        assert queue.get(timeout=30) == "from elsewhere"
        other.join()


def test_10_keys_keep_their_types(tmp_path: Path) -> None:
    """1, True, 1.0 and "1" are four keys, and come back as what they were."""
    keys = [1, True, 1.0, "1", None, b"1", (1, "1"), "\x011", float("inf")]
    with closing(PDict(tmp_path, "keys")) as numbers:
        for number, key in enumerate(keys):
            numbers[key] = number
    with closing(PDict(tmp_path, "keys")) as numbers:
        assert [numbers[key] for key in keys] == list(range(len(keys)))
        assert sorted(map(repr, numbers)) == sorted(map(repr, keys))


def test_10_the_mapping_is_complete(tmp_path: Path) -> None:
    """update, setdefault, pop, popitem, copy, del and iteration do what those of a dict do."""
    with closing(PDict(tmp_path, "words")) as words:
        words.update({"a": 1}, b=None)
        assert words.setdefault("b", 5) is None
        assert words.setdefault("c", 3) == 3
        assert (words.pop("a"), words.pop("a", "gone")) == (1, "gone")
        assert dict(words) == words.copy() == {"b": None, "c": 3}
        assert ("c" in words, "a" in words, [] in words) == (True, False, False)
        with pytest.raises(KeyError) as caught:
            del words["key1"]
        assert caught.value.args == ("Key: key1 not exists.",)
        assert words.popitem() == ("c", 3)
        words.clear()
        assert (len(words), bool(words)) == (0, False)
        with pytest.raises(TypeError):
            words[frozenset()] = 1


@pytest.mark.parametrize("name", ['a"b', "a'b", "a`b", "; DROP TABLE x; --", "ž 日本", "%s?"])
@pytest.mark.parametrize("cls", [SQLiteQueue, SQLiteAckQueue])
def test_14_names_are_quoted(cls: Any, name: str, tmp_path: Path) -> None:
    """A name with quotes in it is a name like any other."""
    with closing(cls(tmp_path, name=name)) as queue:
        queue.put("a")
    with closing(cls(tmp_path, name=name)) as queue:
        assert queue.get(block=False) == "a"


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_14_names_that_cannot_be(name: str, tmp_path: Path) -> None:
    """An empty name, or one with a NUL character, is a ValueError."""
    with pytest.raises(ValueError, match="name"):
        SQLiteQueue(tmp_path, name=name)


def test_14_no_payload_in_errors(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an error nor the log shows what is in an item."""
    with (
        closing(SQLiteQueue[Any](tmp_path)) as queue,
        closing(SQLiteAckQueue[Any](tmp_path)) as acks,
    ):
        with pytest.raises(EncodeError) as caught:
            queue.put(["hunter2", lambda: None])
        assert "hunter2" not in str(caught.value)
        with caplog.at_level("DEBUG"):
            acks.ack("hunter2")
        assert "hunter2" not in caplog.text


@pytest.mark.parametrize("cls", [SQLiteQueue, SQLiteAckQueue])
def test_9_who_waits_looks_now_and_then(
    cls: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A get that waits looks at most 30 times a second for what other processes do, after 15 at once.

    `pq-bench run --workload wake-up` tells what that costs: less than 1 % of a core.
    """
    looks = 0
    look = SQLiteEngine.data_version

    def counted(engine: SQLiteEngine) -> int:
        nonlocal looks
        looks += 1
        return look(engine)

    monkeypatch.setattr(SQLiteEngine, "data_version", counted)
    with closing(cls(tmp_path)) as queue:
        with pytest.raises(Empty):
            queue.get(timeout=1)
        assert 1 < looks < 50


@pytest.mark.parametrize("cls", [SQLiteQueue, SQLiteAckQueue])
def test_15_the_id_of_nothing(cls: Any, tmp_path: Path) -> None:
    """get(id=) of what is not there raises Empty at once, however long it may wait."""
    with closing(cls(tmp_path)) as queue:
        queue.put("a")
        for id in (99, -1, 1 << 80):
            with pytest.raises(Empty):
                queue.get(id=id)
        assert queue.size == 1
        assert queue.get(id=1) == "a"


def test_15_a_second_nack_counts_once(tmp_path: Path) -> None:
    """Nacking twice makes one item ready, and an acked one is not got by its id."""
    with closing(SQLiteAckQueue[str](tmp_path)) as queue:
        id = queue.put("a")
        item = queue.get()
        assert queue.nack(item) == id
        assert queue.nack(item) is None
        assert (queue.size, queue.unack_count(), queue.active_size()) == (1, 0, 1)
        queue.ack(queue.get())
        with pytest.raises(Empty):
            queue.get(id=id)
        assert (queue.size, queue.unack_count(), queue.acked_count()) == (0, 0, 1)


def test_16_any_thread_may_use_it(tmp_path: Path) -> None:
    """multithreading=False, the default, works in every thread."""
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        thread = threading.Thread(target=queue.put, args=("a",))
        thread.start()
        thread.join()
        assert queue.get(block=False) == "a"


def test_20_a_flipped_bit_is_never_a_wrong_item(tmp_path: Path) -> None:
    """A payload that does not match its checksum is a dead letter with a reason."""
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        queue.put("right")
        change(tmp_path, "UPDATE queue_default SET data = replace(data, 'right', 'wrong')")
        assert [damage.reason for damage in queue.verify()] == [
            "item 1: the payload does not match its checksum"
        ]
        with pytest.raises(DecodeError, match="checksum"):
            queue.get(block=False)
        assert [letter.id for letter in queue.dead_letters()] == [1]
        assert queue.verify() == []


def test_20_repair_sets_aside_what_is_damaged(tmp_path: Path) -> None:
    """repair() buries what verify() reports, and leaves the rest."""
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        queue.put_many(["one", "two"])
        change(tmp_path, "UPDATE queue_default SET crc = crc + 1 WHERE _id = 1")
        assert len(queue.repair()) == 1
        assert queue.verify() == []
        assert queue.get(block=False) == "two"


def test_20_a_lost_lease_cannot_be_settled(tmp_path: Path) -> None:
    """An item whose lease has ended is not acked behind the back of who has it now."""
    now = [1000.0]
    with closing(SQLiteAckQueue[str](tmp_path, lease=10, clock=lambda: now[0])) as queue:
        queue.put("a")
        late = queue.receive()
        now[0] += 11
        again = queue.receive(block=False)
        assert again.attempts == 2
        with pytest.raises(LeaseLost):
            late.ack()
        again.ack()
        assert queue.acked_count() == 1


def test_21_the_directory_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """D1: the names that lead to a new database are synced before the file has its first page."""
    from pq_core.disk import DISK

    synced: list[tuple[Path, int]] = []
    real = DISK.sync_directory

    def note(path: Any) -> None:
        real(path)
        file = tmp_path / "new" / "data.db"
        synced.append((Path(path), file.stat().st_size if file.exists() else -1))

    monkeypatch.setattr(DISK, "sync_directory", note)
    SQLiteQueue(tmp_path / "new").close()
    empty = {path for path, size in synced if size == 0}
    assert {tmp_path / "new", tmp_path, tmp_path.parent} <= empty


def test_19_errors_are_those_of_the_library(tmp_path: Path) -> None:
    """A failure of SQLite is a StorageError that names the file, never an sqlite3 error."""
    with closing(SQLiteQueue[str](tmp_path)) as queue:
        change(tmp_path, "DROP TABLE queue_default")
        with pytest.raises(StorageError, match=r"data\.db"):
            queue.put("a")
