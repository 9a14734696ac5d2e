"""Mounts the recording file system of `tests.fault.forgetful`, and talks to it."""

from __future__ import annotations

import ctypes.util
import errno
import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from tests.fault.events import Event

__all__ = ["CHANGING", "Mounted", "mounted", "why_not"]

#: The calls that can be made to fail.
CHANGING: Final = ("write", "truncate", "sync", "create", "rename", "unlink", "mkdir")


def why_not() -> str | None:
    """Why a file system cannot be mounted here; None where it can."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return "there is no /dev/fuse that may be used"
    if shutil.which("fusermount3") is None:
        return "there is no fusermount3"
    if importlib.util.find_spec("mfusepy") is None:
        return "mfusepy is not installed"
    if ctypes.util.find_library("fuse3") is None and ctypes.util.find_library("fuse") is None:
        return "there is no libfuse"
    return None


class Mounted:
    """The file system, mounted.

    Attributes:
        path: its mount point.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fault.forgetful", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        )
        assert self._process.stdin
        assert self._process.stdout
        self._orders, self._answers = self._process.stdin, self._process.stdout
        try:
            pickle.load(self._answers)
        except EOFError:
            self.close()
            raise OSError(errno.EIO, "tests.fault.forgetful could not mount", str(path)) from None

    def _order(self, order: str, *args: object) -> Any:
        pickle.dump((order, args), self._orders)
        self._orders.flush()
        return pickle.load(self._answers)

    def note(self, note: object) -> None:
        """Puts a note into the record."""
        self._order("note", note)

    def record(self) -> list[Event]:
        """What has happened since the last call."""
        events: list[Event] = self._order("record")
        return events

    def counts(self) -> dict[str, int]:
        """How many calls of each kind there were since the last time this was asked."""
        counted: dict[str, int] = self._order("counts")
        return counted

    def fail(
        self,
        k: int = 1,
        error: int = errno.EIO,
        *,
        only: Collection[str] = CHANGING,
        stay: bool = False,
    ) -> None:
        """Makes the k-th call of these kinds fail, and with `stay` all that follow."""
        self._order("fail", tuple(only), k, error, None, stay)

    def write_short(self, k: int, keep: int) -> None:
        """Makes the k-th write take only so many bytes, and say so."""
        self._order("fail", ("write",), k, 0, keep, False)

    def heal(self) -> bool:
        """Forgets the faults; whether all that were planned have happened."""
        left: int = self._order("heal")
        return left == 0

    def close(self) -> None:
        """Unmounts it."""
        with suppress(OSError):
            pickle.dump(("end", ()), self._orders)
            self._orders.close()
        try:
            status = self._process.wait(1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        if status:
            subprocess.run(["fusermount3", "-u", "-z", str(self.path)], check=False)
        self._answers.close()


@contextmanager
def mounted() -> Iterator[Mounted]:
    """The file system in a directory of its own."""
    with tempfile.TemporaryDirectory(prefix="pq-fuse-") as name:
        medium = Mounted(Path(name) / "disk")
        try:
            yield medium
        finally:
            medium.close()
