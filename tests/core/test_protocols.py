"""What a queue is, as types."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar, get_type_hints

import pytest

import pq_core
from pq_core import (
    DURABILITIES,
    AckQueue,
    AsyncQueue,
    Damage,
    DeadLetter,
    Empty,
    FileSerializer,
    LocalQueue,
    Message,
    Queue,
    Repairable,
    Serializer,
    Stats,
    check_durability,
    serializers,
)

T = TypeVar("T")
Self = TypeVar("Self")


class ListQueue(Generic[T]):
    """The least that is a `LocalQueue`, in a list; mypy reads this file, too."""

    maxsize = 0
    closed = False

    def __init__(self) -> None:
        self.items: list[T] = []
        self.last_id = 0

    @property
    def size(self) -> int:
        return len(self.items)

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> int:  # noqa: ARG002
        self.items.append(item)
        self.last_id += 1
        return self.last_id

    def put_nowait(self, item: T) -> int:
        return self.put(item, block=False)

    def put_many(
        self, items: Iterable[T], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        return [self.put(item, block, timeout) for item in items]

    def get(self, block: bool = True, timeout: float | None = None) -> T:  # noqa: ARG002
        if not self.items:
            raise Empty
        return self.items.pop(0)

    def get_nowait(self) -> T:
        return self.get(block=False)

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[T]:
        return [self.get(block, timeout) for _ in self.items[:n]]

    def task_done(self) -> None: ...

    def join(self) -> None: ...

    def peek(self) -> T:
        return self.items[0]

    def browse(self) -> Iterator[T]:
        return iter(self.items)

    def clear(self) -> int:
        count = len(self.items)
        self.items.clear()
        return count

    def qsize(self) -> int:
        return len(self.items)

    def empty(self) -> bool:
        return not self.items

    def full(self) -> bool:
        return False

    def stats(self) -> Stats:
        return Stats(len(self.items), 0, 0, 0, 0, None)

    def verify(self) -> list[Damage]:
        return []

    def repair(self) -> list[Damage]:
        return []

    def dead_letters(self) -> list[DeadLetter]:
        return []

    def redrive(self, ids: Iterable[int] | None = None) -> int:  # noqa: ARG002
        return 0

    def close(self) -> None:
        self.closed = True

    def __len__(self) -> int:
        return len(self.items)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def total(queue: Queue[int]) -> int:
    """Works on any queue of ints; mypy checks that a ListQueue[int] is one."""
    with queue as same:
        return sum(same.get_many(10))


NAMES = [
    "put",
    "put_nowait",
    "put_many",
    "get",
    "get_nowait",
    "get_many",
    "task_done",
    "join",
    "peek",
    "browse",
    "clear",
    "qsize",
    "size",
    "empty",
    "full",
    "__len__",
    "stats",
    "dead_letters",
    "redrive",
    "close",
    "__enter__",
    "__exit__",
    "closed",
    "maxsize",
]


def without(name: str) -> object:
    """An object of a class like ListQueue that lacks one name."""
    drop = {name, "__dict__", "__weakref__"}
    body = {key: value for key, value in vars(ListQueue).items() if key not in drop}
    return type("Lacking", (), body)()


def test_a_class_with_the_methods_is_a_queue() -> None:
    """Nothing has to be inherited: the shape makes the queue, for mypy and for isinstance."""
    queue: LocalQueue[int] = ListQueue()
    queue.put_many([1, 2, 3])

    assert isinstance(queue, Queue)
    assert isinstance(queue, LocalQueue)
    assert total(queue) == 6
    assert queue.closed
    anything: object = queue
    assert not isinstance(anything, AckQueue)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_without_one_of_them_is_none(name: str) -> None:
    """Every name of the vocabulary belongs to the protocol."""
    assert not isinstance(without(name), Queue)


@pytest.mark.parametrize("name", ["verify", "repair"])
def test_a_local_queue_can_look_for_damage(name: str) -> None:
    """A queue without `verify` and `repair` is a Queue and no LocalQueue."""
    remote = without(name)
    assert isinstance(remote, Queue)
    assert not isinstance(remote, LocalQueue)
    assert not isinstance(remote, Repairable)


def names_of(protocol: type) -> set[str]:
    """The public names that a protocol asks for."""
    return {
        name
        for base in protocol.__mro__
        if base.__module__ == "pq_core.protocols"
        for name in vars(base)
        if not name.startswith("_")
    }


def test_ack_queues_have_the_words_of_settling() -> None:
    """An ack queue has all that a queue has but task_done and join, and settles one by one."""
    common = {name for name in NAMES if not name.startswith("_")} - {"task_done", "join"}
    assert names_of(AckQueue) == common | {
        "receive",
        "receive_nowait",
        "ack",
        "ack_many",
        "nack",
        "ack_failed",
    }


def test_async_queues_have_the_same_words() -> None:
    """The asynchronous protocol has the names of the synchronous one."""
    assert names_of(AsyncQueue) == names_of(Queue) - {"size"}
    assert {"__aenter__", "__aexit__", "__aiter__"} <= set(vars(AsyncQueue))


@pytest.mark.parametrize("protocol", [Queue, LocalQueue, AckQueue, AsyncQueue])
def test_the_annotations_can_be_read_at_run_time(protocol: type) -> None:
    """Documentation tools can resolve every annotation."""
    for base in protocol.__mro__:
        if base.__module__ == "pq_core.protocols":
            for member in vars(base).values():
                if callable(member) and getattr(member, "__module__", "") == base.__module__:
                    get_type_hints(member)
    assert get_type_hints(AckQueue.receive)["return"].__origin__ is Message


class OnlyFiles:
    def dump(self, value: Any, fp: BinaryIO) -> None: ...

    def load(self, fp: BinaryIO) -> Any: ...


def test_modules_and_objects_are_serializers() -> None:
    """A module with dumps and loads is a serializer for mypy and for isinstance."""
    by_module: Serializer[Any] = serializers.json
    by_library: Serializer[Any] = pickle
    by_files: FileSerializer[Any] = OnlyFiles()

    assert isinstance(by_module, Serializer)
    assert isinstance(by_library, Serializer)
    assert isinstance(by_files, FileSerializer)
    assert not isinstance(by_files, Serializer)


RECORDS = [
    Stats(ready=1, delayed=2, leased=3, dead=4, bytes=5, oldest_age=6.5),
    Damage(path=Path("spool/q00000"), offset=12, reason="checksum"),
    DeadLetter(id=7, reason="unreadable", data=b"s3cret", attempts=2, failed_at=1.5),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_records_are_frozen_slotted_and_travel(record: Any) -> None:
    """What a queue reports cannot be changed, takes little room, and can be pickled."""
    name = record.__slots__[0]
    with pytest.raises(FrozenInstanceError):
        setattr(record, name, None)
    assert not hasattr(record, "__dict__")
    assert pickle.loads(pickle.dumps(record)) == record
    assert hash(record) == hash(pickle.loads(pickle.dumps(record)))


def test_records_have_their_fields_in_order() -> None:
    """The fields can be given by position, in the documented order."""
    by_position = [
        Stats(1, 2, 3, 4, 5, 6.5),
        Damage(Path("spool/q00000"), 12, "checksum"),
        DeadLetter(7, "unreadable", b"s3cret", 2, 1.5),
    ]
    assert by_position == RECORDS
    assert DeadLetter(7, "unreadable", b"") == DeadLetter(7, "unreadable", b"", 0, None)


def test_a_dead_letter_does_not_show_its_data() -> None:
    """A dead letter in a log shows why it died and nothing of the payload."""
    shown = repr(RECORDS[2])
    assert "s3cret" not in shown
    assert "unreadable" in shown


def test_durabilities() -> None:
    """Three words, the safest first, are durabilities and come back as they are."""
    assert DURABILITIES == ("full", "normal", "off")
    assert [check_durability(word) for word in DURABILITIES] == ["full", "normal", "off"]


@pytest.mark.parametrize("wrong", ["FULL", "", "sync", None, True, 1])
def test_another_durability_is_a_value_error(wrong: Any) -> None:
    """Anything else is a ValueError that names the three words."""
    with pytest.raises(ValueError, match=r"'full', 'normal' or 'off'"):
        check_durability(wrong)


def test_the_package_exports_what_it_lists() -> None:
    """Every name in __all__ is there, the list is sorted, and there is a version."""
    assert all(hasattr(pq_core, name) for name in pq_core.__all__)
    assert pq_core.__all__ == sorted(pq_core.__all__)
    assert pq_core.__version__.split(".")[0].isdecimal()


WRONG = """
from pq_core import AckQueue, Message, Queue

def put_text(queue: Queue[int]) -> None:
    queue.put("text")  # 1

def get_text(queue: Queue[int]) -> str:
    return queue.get()  # 2

def many(queue: Queue[int]) -> list[str]:
    return queue.get_many(3)  # 3

def receive(queue: AckQueue[int]) -> Message[str]:
    return queue.receive()  # 4

def pass_on(queue: Queue[str]) -> None:
    get_text(queue)  # 5

def item(message: Message[int]) -> str:
    return message.item  # 6
"""


@pytest.mark.slow
def test_mypy_finds_items_of_the_wrong_type(tmp_path: Path) -> None:
    """The protocols carry the type of the item: every misuse is found, and nothing else."""
    api = pytest.importorskip("mypy.api")
    (tmp_path / "wrong.py").write_text(WRONG)
    (tmp_path / "mypy.ini").write_text(
        f"[mypy]\nstrict = true\nmypy_path = {Path(pq_core.__file__).parents[1]}\n"
    )
    report, complaint, _ = api.run(
        [
            str(tmp_path / "wrong.py"),
            f"--config-file={tmp_path / 'mypy.ini'}",
            f"--cache-dir={tmp_path / 'cache'}",
            "--no-error-summary",
        ]
    )
    found = [int(line.split(":")[1]) for line in report.splitlines() if ": error:" in line]
    marked = [number for number, line in enumerate(WRONG.splitlines(), 1) if "# " in line]
    assert complaint == ""
    assert found == marked, report
