"""Parameters of the storage, and its files where it is made of files."""

from __future__ import annotations

import gc
import os
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pq_core.errors import DecodeError
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.contract._errors import Moody
from pq_core.testing.errands import settle

__all__ = ["StorageContract"]


def open_files(place: Path) -> list[str]:
    """The files below `place` that this process has open."""
    found = []
    for entry in os.scandir("/proc/self/fd"):
        # The descriptor of the scan itself is gone by now.
        with suppress(OSError):
            found.append(os.readlink(entry.path))
    return [file for file in found if file.startswith(str(place))]


class StorageContract(Contract):
    """Holds for every queue, however its items are settled."""

    def test_every_durability(self, durability: Any) -> None:
        """Each durability puts, gets, settles and re-opens alike."""
        queue = self.queue(durability=durability)
        queue.put("a")
        queue.put_many(["b", "c"])
        item = queue.get_nowait()
        settle(queue, item)
        if self.durable:
            queue = self.again(queue)
        assert drain(queue) == self.in_order(["a", "b", "c"])[1:]

    @pytest.mark.parametrize("word", ["", "FULL", "fsync", "none"])
    def test_an_unknown_durability(self, word: str) -> None:
        """A durability that is none of the three is a ValueError that names them."""
        with pytest.raises(ValueError, match="'full', 'normal' or 'off'") as raised:
            self.open(self.place, **{**self.options, "durability": word})
        assert repr(word) in str(raised.value)

    @needs(local=True)
    def test_only_the_owner_may_look(self) -> None:
        """Every directory that a queue makes has mode 0700, and every file 0600."""
        before = os.umask(0o022)
        try:
            self.place = self.place / "deep" / "down"
            queue = self.queue(serializer=Moody())
            queue.put_many(range(50))
            queue.put("bad")
            with pytest.raises(DecodeError):
                while True:
                    settle(queue, queue.get_nowait())
            queue.put("left")
            queue.close()
        finally:
            os.umask(before)
        top = self.place.parent.parent
        for path in (top, *top.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            assert oct(path.stat().st_mode & 0o777) == oct(wanted), path

    @needs(local=True)
    def test_a_path_may_be_text(self) -> None:
        """A path is a str or a Path."""
        queue = self.queue()
        queue.put("a")
        queue.close()
        with self.open(str(self.place), **self.options) as queue:
            assert drain(queue) == ["a"]

    @needs(local=True)
    def test_a_path_is_that_of_the_moment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A relative path goes on meaning the same storage when the process moves elsewhere."""
        (tmp_path / "home").mkdir()
        (tmp_path / "away").mkdir()
        monkeypatch.chdir(tmp_path / "home")
        with self.open("relative", **self.options) as queue:
            monkeypatch.chdir(tmp_path / "away")
            queue.put_many(range(100))
            assert drain(queue) == self.in_order(range(100))
        assert os.listdir(tmp_path / "away") == []

    @needs(local=True)
    @pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
    def test_close_frees_every_file(self) -> None:
        """A closed queue keeps no file open."""
        queue = self.queue()
        queue.put_many(range(100))
        assert open_files(self.place)
        settle(queue, queue.get_nowait())
        queue.close()
        assert open_files(self.place) == []

    @needs(local=True)
    @pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
    def test_a_deleted_object_frees_its_files(self) -> None:
        """`del queue` frees its files, without close and without the garbage collector."""
        queue = self.open(self.place, **self.options)
        queue.put_many(range(10))
        queue.get_nowait()
        gone = weakref.ref(queue)
        gc.disable()
        try:
            del queue
            assert gone() is None
            assert open_files(self.place) == []
        finally:
            gc.enable()

    @needs(has_verify=True)
    def test_verify_and_repair_of_a_sound_queue(self) -> None:
        """On a queue that is sound both find nothing, and change nothing."""
        queue = self.queue()
        queue.put_many(range(10))
        item = queue.get_nowait()
        assert queue.verify() == []
        assert queue.repair() == []
        settle(queue, item)
        assert queue.verify() == []
        assert drain(queue) == self.in_order(range(10))[1:]
