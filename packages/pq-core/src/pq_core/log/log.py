"""One queue directory in one process: its head, its tail, and who waits for them.

All queue objects of a process on the same directory share one `Log`, so that they are one queue
without asking the disk.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pq_core.disk import DISK, Disk
from pq_core.log import verification
from pq_core.log.cursor import (
    L_SEQ,
    P_SEQ,
    T_RETURNED,
    T_SEQ,
)
from pq_core.log.joint import JointHead
from pq_core.log.letters import Letters
from pq_core.log.opening import Find, Predecessor, open_store
from pq_core.log.store import Gone, failure
from pq_core.log.tail import Tail
from pq_core.protocols import Damage, DeadLetter, Stats
from pq_core.waiting import Bell

if TYPE_CHECKING:
    from pq_core.log.session import Session

__all__ = ["Log", "Predecessor", "attach"]


_logs: dict[tuple[str, int], Log] = {}
# Protects `_logs` and the counts of users in it.
_logs_mutex = threading.RLock()


def attach(path: Path, *, disk: Disk = DISK, find: Find | None = None) -> Log:
    """The log of the directory `path`, made if there is none, shared within the process.

    Every call has to be answered by one of `Log.detach`.

    Args:
        path: the directory.
        disk: the port through which files are touched.
        find: looks for what another library left there.

    Raises:
        StorageError: the directory cannot be made, read or written.
        StorageCorrupt: it holds something that is no queue.
        SchemaMismatch: a newer version wrote it.
    """
    key = os.path.realpath(path), id(disk)
    with _logs_mutex:
        while True:
            log = _logs.get(key)
            if log is None or log.broken:
                log = _logs[key] = Log(Path(key[0]), disk, find or _find_nothing)
            log.users += 1
            # Its last user may have been garbage that was collected meanwhile.
            if _logs.get(key) is log:
                return log


class Log:
    """One queue directory, open.

    Attributes:
        path: the directory, without symbolic links.
        head: where items are appended.
        tail: where they are taken and settled.
        items: rung when there may be something to take.
        room: rung when there may be room, or when something was settled.
        users: how many queue objects of this process use it.
        damage: what was found damaged and set aside since it was opened.
    """

    def __init__(self, path: Path, disk: Disk, find: Find) -> None:
        self.path = path
        self.users = 0
        self.sessions: weakref.WeakSet[Session] = weakref.WeakSet()
        self._disk = disk
        self._find = find
        self._open()

    # -- the life of it -----------------------------------------------------------------------

    def _open(self) -> None:
        try:
            self._store = open_store(self.path, self._disk, self._find)
        except OSError as error:
            raise failure(error, error.filename or self.path) from error
        self._words: Any = self._store.cursor.words
        self.damage: list[Damage] = self._store.damage
        self.head = JointHead(self._store)
        self.tail = Tail(self._store, self.head)
        self.items = Bell(self._probe_items)
        self.room = Bell(self._probe_room)
        try:
            self.tail.sweep()
        except BaseException:
            self.tail.close()
            self._store.close()
            raise

    @property
    def broken(self) -> bool:
        """Whether a sync has failed, so that this object must not be trusted any more."""
        return self._store.latch.error is not None

    def detach(self, *, sync: bool) -> None:
        """One user less; the last one closes the files.

        Args:
            sync: put everything on the medium first.

        Raises:
            StorageError: the files are closed, but the last sync failed.
        """
        with _logs_mutex:
            self.users -= 1
            if self.users:
                return
            key = str(self.path), id(self._disk)
            if _logs.get(key) is self:
                del _logs[key]
            try:
                self.head.syncing.rest()  # then it makes visible what another thread has put
                if not self.broken:
                    self.head.close(sync=sync)
            finally:
                self.tail.close()
                self.head.shut()
                # Another thread may be syncing what it has settled, or a later put.
                self.head.syncing.rest()
                self.tail.syncing.rest()
                self._words = Gone()
                self._store.close()

    def is_free(self) -> bool:
        """Whether no thread of this process is in the middle of a call."""
        return self.head.is_free() and self.tail.is_free()

    def _forked(self) -> None:
        """In a forked child: lets go of what is the parent's, to open anew when first used.

        The child must not keep the parent's descriptors: their locks tell that the parent lives.
        """
        for session in self.sessions:
            session.forget()
        with suppress(BufferError, ValueError):
            self.tail.abandon()
            self._store.close()
        self.head = _Reopening(self, "head")  # type: ignore[assignment]
        self.tail = _Reopening(self, "tail")  # type: ignore[assignment]
        self._words = _Reopening(self, "_words")
        self.items = Bell(self._probe_items)
        self.room = Bell(self._probe_room)

    def reopen(self) -> None:
        """Opens the files in a forked child, once."""
        with _logs_mutex:
            if isinstance(self.head, _Reopening):
                self._open()

    # -- what the waiting look at ---------------------------------------------------------------

    def _probe_items(self) -> object:
        words = self._words
        return words[P_SEQ], words[T_RETURNED]

    def _probe_room(self) -> object:
        words = self._words
        return words[T_SEQ], words[T_RETURNED], words[L_SEQ]

    # -- the whole of it ------------------------------------------------------------------------

    def stats(self) -> Stats:
        """What the queue holds, of one moment."""
        ready, out, oldest = self.tail.snapshot()
        size = 0
        with suppress(OSError):
            for entry in os.scandir(self.path):
                if entry.name.startswith("q") and entry.name[1:].isdigit():
                    size += entry.stat().st_size
        age = None if oldest is None else max(0.0, time.time() - oldest / 1e9)
        return Stats(ready, 0, out, len(self.dead_letters()), size, age)

    def bury(self, seq: int, reason: str, payload: bytes) -> None:
        """Keeps an item that cannot be read back as a dead letter, durably."""
        with self._alone():
            Letters(self._store).add(seq, reason, payload, time.time_ns())

    def dead_letters(self) -> list[DeadLetter]:
        """The dead letters, oldest first."""
        with self._alone():
            return Letters(self._store).kept()

    def forget_dead(self, ids: Iterable[int]) -> None:
        """Drops the dead letters with these ids."""
        with self._alone():
            Letters(self._store).remove(ids)

    def verify(self) -> list[Damage]:
        """Reads everything and reports what is damaged; changes nothing."""
        with self._alone():
            self.head.published()
            return verification.verify(self._store, Letters(self._store))

    def repair(self) -> list[Damage]:
        """Sets what is damaged aside; returns what that was."""
        found = self.verify()
        with self._alone():
            self.tail.heal()
            Letters(self._store).repair()
            self.tail.renew()
        return found

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with self.tail.locked():
            yield


class _Reopening:
    """Stands for a part of a log in a forked child until it is first used."""

    def __init__(self, log: Log, part: str) -> None:
        self._log = log
        self._part = part

    def _real(self) -> Any:
        self._log.reopen()
        return getattr(self._log, self._part)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def __getitem__(self, index: Any) -> Any:
        return self._real()[index]


def _find_nothing(path: Path) -> None:
    """No predecessor is looked for."""


def _after_fork_in_child() -> None:
    global _logs_mutex
    _logs_mutex = threading.RLock()
    for log in list(_logs.values()):
        log._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
