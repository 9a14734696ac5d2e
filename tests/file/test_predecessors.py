"""Directories that persist-queue and pqueue wrote are opened, and lose nothing on the way."""

from __future__ import annotations

import ast
import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.disk import Disk
from pq_core.errors import StorageCorrupt, StorageError
from pq_file import Queue

FILES = Path(__file__).parents[1] / "fixtures" / "legacy" / "file"
EXPECTED: dict[str, dict[str, Any]] = json.loads((FILES / "expected.json").read_text())
NAMES = sorted(name for name, about in EXPECTED.items() if about["serializer"] != "queuelib")


def drain(queue: Queue[Any]) -> list[Any]:
    """Everything that is ready, settled."""
    items = []
    while not queue.empty():
        items.append(queue.get())
    queue.task_done() if items else None
    return items


def expected(name: str) -> list[Any]:
    """What the predecessor would deliver from a fixture."""
    return [_value(item) for item in EXPECTED[name]["items"]]


def _value(text: str) -> Any:
    """The value of a repr in expected.json."""
    if text.startswith("bytearray("):
        return bytearray(ast.literal_eval(text[len("bytearray(") : -1]))
    return ast.literal_eval(text)


@pytest.fixture
def copy(tmp_path: Path) -> Callable[[str], Path]:
    """Copies a fixture, to be changed."""

    def make(name: str) -> Path:
        return Path(shutil.copytree(FILES / name, tmp_path / "queue"))

    return make


@pytest.mark.parametrize("name", NAMES)
def test_what_is_held_is_delivered(name: str, copy: Callable[[str], Path]) -> None:
    """Every item that the predecessor would deliver is delivered, once, in order."""
    path = copy(name)
    with Queue[Any](path, serializer=EXPECTED[name]["serializer"]) as queue:
        assert queue.verify() == []
        assert drain(queue) == expected(name)
    with Queue[Any](path, serializer=EXPECTED[name]["serializer"]) as queue:
        assert drain(queue) == []
        assert queue.put("on we go") > 0
        assert queue.get() == "on we go"
    assert not (path / "info").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith("-half")])
def test_a_crash_in_the_first_open_loses_nothing(name: str, tmp_path: Path) -> None:
    """Whichever call fails while a directory is taken over, the next open delivers everything."""
    serializer = EXPECTED[name]["serializer"]
    for call in ("pwrite", "datasync", "sync_directory", "rename", "truncate"):
        for number in range(100):
            path = tmp_path / f"{call}{number}"
            shutil.copytree(FILES / name, path)
            disk, left = Disk(), number
            real = getattr(disk, call)

            def fail(*args: Any, real: Any = real) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise OSError(errno.EIO, "injected")
                return real(*args)

            setattr(disk, call, fail)
            with suppress(StorageError):
                Queue[Any](path, serializer=serializer, disk=disk).close()
            failed = left < 0
            with Queue[Any](path, serializer=serializer) as queue:
                assert drain(queue) == expected(name), (call, number)
                assert queue.verify() == []
            if not failed:
                break
        else:
            raise AssertionError(f"{call} is called without end")


def test_a_kill_before_the_cleaning_up_delivers_nothing_twice(copy: Callable[[str], Path]) -> None:
    """With a cursor there, what is left of the predecessor is only removed."""
    name = next(name for name in NAMES if "1.1.0-pickle-fresh" in name)
    path = copy(name)
    kept = {file.name: file.read_bytes() for file in path.iterdir()}
    with Queue[Any](path) as queue:
        assert queue.get() == expected(name)[0]
        queue.task_done()
    for file, data in kept.items():
        (path / file).write_bytes(data)
    with Queue[Any](path) as queue:
        assert drain(queue) == expected(name)[1:]
    assert not (path / "info").exists()


def test_what_an_earlier_version_puts_afterwards_is_not_removed(
    copy: Callable[[str], Path],
) -> None:
    """Where the predecessor has written again since, opening refuses and touches nothing."""
    path = copy(next(name for name in NAMES if "1.1.0-pickle-fresh" in name))
    Queue[Any](path).close()
    again = FILES / next(name for name in NAMES if "1.1.0-pickle-half" in name)
    (path / "info").write_bytes((again / "info").read_bytes())
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(StorageCorrupt, match="earlier version"):
        Queue[Any](path)
    assert {file.name: file.read_bytes() for file in path.iterdir()} == before


@pytest.mark.parametrize("damage", [b"", bytes(100), b"\x80\x04garbage"])
def test_a_damaged_info_loses_nothing(damage: bytes, copy: Callable[[str], Path]) -> None:
    """Where `info` is zeroed, cut or garbage, every item in the chunks comes, and info is kept."""
    name = next(name for name in NAMES if "1.1.0-pickle-fresh" in name)
    path = copy(name)
    (path / "info").write_bytes(damage)
    with Queue[Any](path) as queue:
        assert drain(queue) == expected(name)
    assert (path / "info.bad").read_bytes() == damage


class Bomb:
    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (self.path,)


def test_a_hostile_info_runs_nothing(copy: Callable[[str], Path], tmp_path: Path) -> None:
    """The pickle in `info` is never executed, whatever it says."""
    path = copy(next(name for name in NAMES if "1.1.0-pickle-fresh" in name))
    (path / "info").write_bytes(pickle.dumps({"chunksize": Bomb(str(tmp_path / "run"))}))
    Queue[Any](path).close()
    assert not (tmp_path / "run").exists()


def test_a_directory_of_another_serializer_is_left_alone(copy: Callable[[str], Path]) -> None:
    """Opened with the wrong serializer, it is refused, and nothing in it is touched."""
    name = next(name for name in NAMES if "1.1.0-msgpack-fresh" in name)
    path = copy(name)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    with pytest.raises(StorageCorrupt, match="info"):
        Queue[Any](path, serializer="json")
    assert {file: (path / file).read_bytes() for file in before} == before
    with Queue[Any](path, serializer="msgpack") as queue:
        assert drain(queue) == expected(name)


def test_the_import_name_is_not_the_predecessors() -> None:
    """What runs here is this project, not a predecessor that happens to be installed."""
    code = "import pq_file; print(pq_file.Queue.__module__)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "pq_file._queue"
