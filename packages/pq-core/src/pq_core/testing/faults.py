"""A file system that fails when it is told to.

`FaultyDisk` is a `pq_core.disk.Disk` on the real file system. It counts the calls that change
something, and spoils the ones it was told to::

    disk = FaultyDisk()
    queue = Queue(path, disk=disk)
    disk.fail(2, errno.ENOSPC, only={"pwrite"})   # the second write from now on
    with pytest.raises(StorageError):
        queue.put_many(items)

To try an operation at every point, run it once to learn how many calls it makes, and then again
with each of them failing: ``for k in range(1, len(disk.calls) + 1)``.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, ParamSpec, TypeVar

from pq_core.disk import Disk

__all__ = ["CHANGING", "Call", "Crash", "FaultyDisk"]

P = ParamSpec("P")
R = TypeVar("R")

#: The calls that are counted and can be made to fail: those that change something on the disk.
CHANGING: Final = frozenset(
    {"pwrite", "datasync", "sync_directory", "truncate", "rename", "unlink", "mkdir", "open"}
)


class Crash(BaseException):
    """The process is dead as far as the disk is concerned. Not an Exception: nobody may handle it."""


class Call(NamedTuple):
    """One call that reached the disk or was refused.

    Attributes:
        name: the field of `Disk`.
        path: the file or directory; where a descriptor was given, the path it was opened by.
        detail: length and offset of a write, length of a truncation, the new name of a rename.
    """

    name: str
    path: str
    detail: tuple[Any, ...]


@dataclass(slots=True)
class _Plan:
    """What happens to the call that is `countdown` calls away among the `only` ones."""

    countdown: int
    only: Collection[str]
    spoil: Callable[[Callable[[], Any], tuple[Any, ...]], Any]


class FaultyDisk(Disk):
    """The real disk, with every change recorded and some of them spoiled. Safe from any thread.

    Attributes:
        calls: the changes that were asked for so far, spoiled ones too, in order.
        crashed: whether `crash` has happened; every later call of the port raises `Crash`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self.crashed = False
        self._plans: list[_Plan] = []
        self._paths: dict[int, str] = {}
        # Protects the four fields above: which call is the k-th is decided here.
        self._lock = threading.RLock()
        real = Disk()
        self.pwrite = lambda fd, data, offset: self._do(
            "pwrite", fd, (len(data), offset), lambda: real.pwrite(fd, data, offset), data
        )
        self.datasync = lambda fd: self._do("datasync", fd, (), lambda: real.datasync(fd))
        self.sync_directory = lambda path: self._do(
            "sync_directory", path, (), lambda: real.sync_directory(path)
        )
        self.truncate = lambda fd, length: self._do(
            "truncate", fd, (length,), lambda: real.truncate(fd, length)
        )
        self.rename = lambda old, new: self._do(
            "rename", old, (os.fspath(new),), lambda: real.rename(old, new)
        )
        self.unlink = lambda path: self._do("unlink", path, (), lambda: real.unlink(path))
        self.mkdir = lambda path, mode: self._do(
            "mkdir", path, (mode,), lambda: real.mkdir(path, mode)
        )
        self.pread = self._until_crash(real.pread)
        self.lock = self._until_crash(real.lock)
        self.try_lock = self._until_crash(real.try_lock)
        self.locks = lambda fd: (self._until_crash(real.locks(fd)[0]), real.locks(fd)[1])

    def open(self, path: str | Path, *, create: bool = False, exclusive: bool = False) -> int:
        """See `Disk.open`; counted only where it may make a file."""

        def really() -> int:
            fd = super(FaultyDisk, self).open(path, create=create, exclusive=exclusive)
            self._paths[fd] = os.fspath(path)
            return fd

        if create or exclusive:
            fd: int = self._do("open", path, (), really)
        else:
            fd = self._until_crash(really)()
        return fd

    def fail(self, k: int = 1, error: int = errno.EIO, *, only: Collection[str] = CHANGING) -> None:
        """Make the k-th call from now on raise an OSError and change nothing.

        Args:
            k: 1 is the next one.
            error: the errno.
            only: names of `CHANGING`; other calls are not counted.
        """

        def refuse(_really: Callable[[], Any], _data: tuple[Any, ...]) -> Any:
            raise OSError(error, os.strerror(error))

        self._plan(k, only, refuse)

    def fail_for_good(
        self, k: int = 1, error: int = errno.ENOSPC, *, only: Collection[str] = CHANGING
    ) -> None:
        """Make the k-th call and all that follow fail, as a full disk does, until `heal`."""

        def refuse(_really: Callable[[], Any], _data: tuple[Any, ...]) -> Any:
            self._plan(1, only, refuse)
            raise OSError(error, os.strerror(error))

        self._plan(k, only, refuse)

    def write_short(self, k: int = 1, keep: int = 1) -> None:
        """Make the k-th pwrite from now on write only its first `keep` bytes, and say so."""

        def shorten(really: Callable[[], Any], write: tuple[Any, ...]) -> Any:
            fd, data, offset = write
            if len(data) <= keep:
                return really()
            return os.pwrite(fd, memoryview(data).cast("B")[:keep], offset)

        self._plan(k, ("pwrite",), shorten)

    def crash(
        self, k: int = 1, *, keep: int | None = None, only: Collection[str] = CHANGING
    ) -> None:
        """Raise `Crash` after the k-th call from now on, and on every call from then on.

        Args:
            k: 1 is the next one; it is still done.
            keep: where it is a pwrite, only its first `keep` bytes are written: a torn write.
            only: names of `CHANGING`; other calls are not counted.
        """

        def die(really: Callable[[], Any], write: tuple[Any, ...]) -> Any:
            if write and keep is not None:
                fd, data, offset = write
                os.pwrite(fd, memoryview(data).cast("B")[:keep], offset)
            else:
                really()
            self.crashed = True
            raise Crash

        self._plan(k, only, die)

    def heal(self) -> None:
        """Forget every fault that was planned. A crash is not healed: open the queue anew."""
        with self._lock:
            self._plans.clear()

    def _plan(
        self,
        k: int,
        only: Collection[str],
        spoil: Callable[[Callable[[], Any], tuple[Any, ...]], Any],
    ) -> None:
        if k < 1:
            raise ValueError(f"'k' counts from 1, not {k!r}")
        if unknown := set(only) - CHANGING:
            raise ValueError(f"no such calls: {', '.join(sorted(unknown))}")
        with self._lock:
            self._plans.append(_Plan(k, only, spoil))

    def _until_crash(self, call: Callable[P, R]) -> Callable[P, R]:
        """A call that is not counted, and refused after a crash."""

        def unless_crashed(*args: P.args, **kwargs: P.kwargs) -> R:
            if self.crashed:
                raise Crash
            return call(*args, **kwargs)

        return unless_crashed

    def _do(
        self,
        name: str,
        target: int | str | Path,
        detail: tuple[Any, ...],
        really: Callable[[], Any],
        data: bytes | bytearray | memoryview | None = None,
    ) -> Any:
        """Record a call, and do it unless it is the one to be spoiled."""
        with self._lock:
            if self.crashed:
                raise Crash
            path = self._paths.get(target, "?") if isinstance(target, int) else os.fspath(target)
            self.calls.append(Call(name, path, detail))
            due = None
            for plan in list(self._plans):
                if name in plan.only:
                    plan.countdown -= 1
                    if plan.countdown == 0:
                        self._plans.remove(plan)
                        due = due or plan
            if due is not None:
                return due.spoil(really, () if data is None else (target, data, detail[1]))
        return really()
