"""Readers of bytes that anybody may have written: each takes any input, and fails in its own way only.

A target is given bytes and raises AssertionError, or anything that it should not, where the
reader is wrong. Run one by hand for as long as you like::

    python -m tests.fuzz.targets frames 60

or give it to a fuzzer that calls a function with bytes, such as atheris.
"""

from __future__ import annotations

import logging
import os
import pickle
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from struct import Struct
from typing import Any, Final
from zlib import crc32

from pq_core import serializers
from pq_core.disk import Disk
from pq_core.errors import DecodeError, Empty, StorageError
from pq_core.log.frame import BODY, HEAD, MANY, encode, encode_many, next_valid, scan
from pq_core.log.legacy import LegacyDamage, parse_info, salvage
from pq_core.log.pickles import split_pickles
from pq_core.serializers import codec
from pq_file import Queue
from tests.fault.quick import quick_directory
from tests.fault.scenes import Serializer

__all__ = ["TARGETS", "Target", "mutated"]

_SEED: Final = 0x5EED
_COUNT: Final = Struct("<I")


@dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        read: reads any bytes.
        corpus: inputs that make sense, to start from.
    """

    read: Callable[[bytes], None]
    corpus: tuple[bytes, ...]


def _frames(data: bytes) -> None:
    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    end = 0
    for frame in scan(read, 0, _SEED):
        assert frame.end > end
        assert frame.end <= len(data)
        end = frame.end
    found = next_valid(read, 0, len(data), _SEED, 0)
    assert found is None or found.end <= len(data)


def _bodies(data: bytes) -> None:
    """A frame of many that is whole as far as its checksum goes, whatever it holds."""
    (count,) = _COUNT.unpack_from(data.ljust(4, b"\0"))
    marks = min(4 * count, max(0, len(data) - 4))
    raw = BODY.pack(len(data), 1, 1) + data
    frame = HEAD.pack(MANY, crc32(raw[: len(raw) - marks], _SEED)) + raw
    for found in scan(lambda offset, length: frame[offset : offset + length], 0, _SEED):
        assert sum(len(item.payload) for item in found.items(0)) <= len(data)


def _segment(data: bytes) -> None:
    """The whole queue, with these bytes behind the header of its segment."""
    with quick_directory() as path:
        with Queue[int](path / "q", serializer=Serializer, disk=Disk()) as queue:
            queue.put(1)
        with (path / "q" / "q00000").open("r+b") as stream:
            stream.seek(1024)
            stream.write(data)
        try:
            with Queue[int](path / "q", serializer=Serializer, disk=Disk()) as queue:
                with suppress(Empty):
                    while True:
                        assert queue.get_nowait() == 1
                queue.repair()
                assert queue.verify() == []
        except StorageError as error:
            _names(error, path)


def _names(error: StorageError, path: Path) -> None:
    assert str(path) in str(error)


def _cursor(data: bytes) -> None:
    """The whole queue, with these bytes as its cursor."""
    with quick_directory() as path:
        shutil.copytree(_queue(), path / "q")
        (path / "q" / "cursor").write_bytes(data)
        try:
            with Queue[int](path / "q", serializer=Serializer, disk=Disk()) as queue:
                assert set(queue.browse()) <= {1, 2, 3}
        except StorageError as error:
            _names(error, path)


_MADE: Final[list[Any]] = []


def _queue() -> Path:
    if not _MADE:
        _MADE.append(quick_directory())
        path = _MADE[0].__enter__() / "q"
        with Queue[int](path, serializer=Serializer, disk=Disk()) as queue:
            queue.put_many([1, 2, 3])
        _MADE.append(path)
    path = _MADE[1]
    assert isinstance(path, Path)
    return path


def _info(name: str) -> Callable[[bytes], None]:
    loads = codec(name).loads  # type: ignore[arg-type]

    def read(data: bytes) -> None:
        with suppress(LegacyDamage):
            parse_info(data, name, loads)

    return read


def _chunk(data: bytes) -> None:
    with suppress(LegacyDamage):
        assert sum(map(len, split_pickles(data, 0, len(data)))) <= len(data)
    for layout in ("json", "msgpack", "cbor2", "queuelib"):
        for found in salvage([("q00000", data)], layout):
            assert sum(map(len, found.items)) <= len(data)


def _serializer(name: str) -> Callable[[bytes], None]:
    of_items = codec(name)  # type: ignore[arg-type]

    def read(data: bytes) -> None:
        with suppress(DecodeError):
            of_items.decode(data)

    return read


def _signed(data: bytes) -> None:
    # Nobody can guess the signature, so whatever it is given it must refuse.
    with suppress(DecodeError):
        _SIGNED.loads(data)
        assert data in _SIGNED_CORPUS


_SIGNED: Final = serializers.signed(serializers.pickle, key=b"k" * 32)
_SIGNED_CORPUS: Final = tuple(_SIGNED.dumps(item) for item in (1, "text", [1, 2]))
_MANY: Final = encode_many([b"a", b"bb", b"ccc"], [1, 2, 3], 1, 1, _SEED)
_INFO: Final = {"chunksize": 10, "size": 2, "head": [0, 2, 9], "tail": [0, 0, 0]}
_ITEMS: Final = (None, 1, "text", [1, {"a": 2.5}], {"key": "value"})

TARGETS: Final[dict[str, Target]] = {
    "frames": Target(
        _frames,
        (
            b"".join(encode(b"item %d" % seq, seq, 1, _SEED) for seq in range(1, 5)),
            _MANY + encode(b"d", 4, 1, _SEED),
        ),
    ),
    "bodies": Target(_bodies, (_MANY[28:],)),
    "segment": Target(_segment, (encode(Serializer.dumps(7), 2, 1, _SEED), b"\0" * 100)),
    "cursor": Target(_cursor, (bytes(8192), (_queue() / "cursor").read_bytes())),
    "chunk": Target(_chunk, (b"".join(map(pickle.dumps, _ITEMS)), b'"a"\n[1]\n', b"\1\0\0\0a")),
    "info of pickle": Target(_info("pickle"), (pickle.dumps(_INFO), pickle.dumps(_INFO, 0))),
    "info of json": Target(_info("json"), (b'{"chunksize": 10, "size": 0}',)),
    **{
        f"serializer {name}": Target(
            _serializer(name),
            tuple(codec(name).dumps(item) for item in _ITEMS),  # type: ignore[arg-type]
        )
        for name in ("json", "msgpack", "cbor2")
    },
    "serializer signed": Target(_signed, _SIGNED_CORPUS),
}


def mutated(corpus: tuple[bytes, ...], random: Random) -> bytes:
    """An input of the corpus, with a few changes."""
    data = bytearray(random.choice(corpus))
    for _ in range(random.choice([1, 1, 2, 5])):
        at = random.randrange(len(data) + 1)
        what = random.choice(["flip", "byte", "insert", "cut", "copy", "number"])
        if what == "flip" and at < len(data):
            data[at] ^= 1 << random.randrange(8)
        elif what == "byte" and at < len(data):
            data[at] = random.choice([0, 1, 0x7F, 0x80, 0xFF])
        elif what == "insert":
            data[at:at] = random.randbytes(random.choice([1, 4, 8]))
        elif what == "cut":
            del data[at : at + random.choice([1, 4, 30])]
        elif what == "copy":
            other = random.choice(corpus)
            data[at:at] = other[random.randrange(len(other) + 1) :]
        else:
            data[at : at + 4] = random.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\x80", b"\xff\xff\xff\x7f"]
            )
    return bytes(data)


def _main(name: str, seconds: float) -> None:
    logging.disable()
    random = Random()
    until = time.monotonic() + seconds
    count = 0
    while time.monotonic() < until:
        data = mutated(TARGETS[name].corpus, random)
        try:
            TARGETS[name].read(data)
        except BaseException:
            sys.stderr.write(f"{name}: {data.hex()}\n")
            raise
        count += 1
    sys.stdout.write(f"{name}: {count} inputs{os.linesep}")


if __name__ == "__main__":
    for each in TARGETS if sys.argv[1] == "all" else [sys.argv[1]]:
        _main(each, float(sys.argv[2]))
