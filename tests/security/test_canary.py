"""No payload in a log, in an error, in its attributes or in what a queue says of itself."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from pq_core import serializers
from pq_core.errors import QueueError
from pq_file import Queue
from pq_sqlite import PDict, SQLiteAckQueue, SQLiteQueue, UniqueQ

#: What must not be seen anywhere but in an item.
CANARY: Final = "canary-7f3a91"
CLASSES: Final = (Queue, SQLiteQueue, SQLiteAckQueue, UniqueQ)
queues = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: str(cls.__name__))


class Refuses:
    """Stores text, and refuses to read it back or to write it at all, naming what it was given."""

    def __init__(self, *, writes: bool = True) -> None:
        self.writes = writes

    def dumps(self, item: str) -> bytes:
        if not self.writes:
            raise ValueError("will not store this")
        # Nothing that any of the serializers begins an item with.
        return b"\x1c" + item.encode()

    def loads(self, data: bytes) -> str:
        raise ValueError(f"will not read {len(data)} bytes")


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Collects what users see; in the end the canary must not be in it."""
    seen: list[str] = []
    with caplog.at_level(logging.DEBUG):
        yield seen
    seen += [record.getMessage() for record in caplog.records]
    seen += [repr(record.args) for record in caplog.records]
    assert seen
    assert not [text for text in seen if CANARY in text]


def tell(told: list[str], call: Callable[[], object]) -> None:
    """Does a call that fails, and keeps all that its error says."""
    with pytest.raises((QueueError, ValueError, TypeError, KeyError)) as raised:
        call()
    error = raised.value
    told += [str(error), repr(error), repr(vars(error))]
    # Causes are errors of others, with attributes of their own; here it counts what is printed.
    told += traceback.format_exception(type(error), error, error.__traceback__)


@queues
def test_a_serializer_that_fails(cls: Any, told: list[str], tmp_path: Path) -> None:
    """An item that cannot be written or read is not shown."""
    with closing(cls(tmp_path, serializer=Refuses(writes=False))) as queue:
        tell(told, lambda: queue.put(CANARY))
        tell(told, lambda: queue.put_many([CANARY]))
    with closing(cls(tmp_path, serializer=Refuses())) as queue:
        queue.put(CANARY)
        tell(told, lambda: next(iter(queue.browse())))
        tell(told, queue.peek)
        with suppress(QueueError):
            queue.get_nowait()
        letters = queue.dead_letters()
        told += [str(letters), repr(queue), str(queue.stats())]
        assert CANARY.encode() in letters[0].data


@queues
@pytest.mark.parametrize("name", ["pickle", "json", "msgpack", "cbor2"])
def test_bytes_that_are_no_item(cls: Any, name: Any, told: list[str], tmp_path: Path) -> None:
    """What a serializer says of bytes that it cannot read does not show them."""
    with closing(cls(tmp_path, serializer=Refuses())) as queue:
        queue.put(CANARY)
        queue.put(CANARY * 3)
    with closing(cls(tmp_path, serializer=name)) as queue:
        tell(told, queue.get_nowait)
        tell(told, lambda: queue.get_many(2, block=False))
        told += [letter.reason for letter in queue.dead_letters()]


@queues
def test_a_signature_that_is_wrong(cls: Any, told: list[str], tmp_path: Path) -> None:
    """A payload whose signature is wrong is not shown, and neither is the key."""
    for key in (b"k" * 32, f"{CANARY}{CANARY}{CANARY}".encode()):
        signed = serializers.signed(serializers.json, key=key)
        told.append(repr(signed))
        with closing(cls(tmp_path, serializer=signed)) as queue:
            if key.startswith(b"k"):
                queue.put(CANARY)
            else:
                tell(told, queue.get_nowait)


@pytest.mark.parametrize("cls", [SQLiteQueue, SQLiteAckQueue])
def test_a_damaged_row(cls: Any, told: list[str], tmp_path: Path) -> None:
    """A payload that fails its checksum is not shown by get, verify or repair."""
    with closing(cls(tmp_path)) as queue:
        queue.put_many(["a", "b"])
    table = cls.kind.table("default")
    with closing(sqlite3.connect(tmp_path / "data.db")) as database, database:
        database.execute(f"UPDATE {table} SET data = ?", (CANARY.encode(),))
    with closing(cls(tmp_path)) as queue:
        told.append(repr(queue.verify()))
        tell(told, queue.get_nowait)
        told.append(repr(queue.repair()))
        told.append(str(queue.dead_letters()))


def test_a_damaged_segment(told: list[str], tmp_path: Path) -> None:
    """What is set aside of a damaged segment is not shown."""
    path = tmp_path / "queue"
    with Queue[str](path) as queue:
        queue.put_many([CANARY, CANARY, "c"])
    segment = path / "q00000"
    data = segment.read_bytes().replace(CANARY[:3].encode(), b"CAN", 1)
    segment.write_bytes(data)
    with Queue[str](path) as queue:
        told += [repr(queue.verify()), repr(queue.repair()), repr(queue.damage), repr(queue)]
        told += [str(letter) for letter in queue.dead_letters()]
        with suppress(QueueError):
            told.append(f"got {len(queue.get_many(5, block=False))}")


def test_a_predecessor_that_is_damaged(told: list[str], tmp_path: Path) -> None:
    """What cannot be read of a predecessor's files is not shown."""
    fixture = Path(__file__).parent.parent / "fixtures" / "legacy" / "file"
    path = Path(shutil.copytree(fixture / "persist-queue-1.1.0-json-fresh", tmp_path / "old"))
    (path / "info").write_bytes(b'{"' + CANARY.encode())
    chunk = min(path.glob("q*"))
    chunk.write_bytes(CANARY.encode() + b"\n" + chunk.read_bytes())
    with Queue[Any](path, serializer="json") as queue:
        told += [repr(queue.damage), repr(queue)]
    assert os.listdir(path)


@queues
def test_what_is_settled_wrongly(cls: Any, told: list[str], tmp_path: Path) -> None:
    """Settling what nobody has, and getting from an empty or closed queue, shows no item."""
    queue = cls(tmp_path)
    queue.put(CANARY)
    assert queue.get_nowait() == CANARY
    tell(told, queue.get_nowait)
    if cls is SQLiteAckQueue:
        told.append(repr(queue.ack(CANARY + "x")))
        queue.nack(CANARY)
        message = queue.receive()
        message.ack()
        told.append(repr(message))
        tell(told, message.nack)
    else:
        queue.task_done()
        tell(told, queue.task_done)
    queue.close()
    tell(told, lambda: queue.put(CANARY))
    told.append(repr(queue))


def test_a_dictionary(told: list[str], tmp_path: Path) -> None:
    """The values of a PDict are not shown by its errors."""
    with closing(PDict(tmp_path, "settings", serializer=Refuses())) as settings:
        settings["key"] = CANARY
        tell(told, lambda: settings["key"])
        told.append(repr(settings))
    with closing(PDict(tmp_path, "settings", serializer=Refuses(writes=False))) as settings:
        tell(told, lambda: settings.update(other=CANARY))
