"""The connection of an engine: opened when needed, tried again while others are in the way."""

from __future__ import annotations

import math
import os
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, TypeVar

from pq_core.ending import keep
from pq_core.errors import QueueClosed, StorageBusy, StorageCorrupt, StorageError
from pq_core.protocols import Durability
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan
from pq_core.sqlite.files import SYNCHRONOUS, connect, sync_name
from pq_core.sqlite.reserve import Reserve
from pq_core.sqlite.run import snapshot, within
from pq_core.sqlite.translate import (
    has_lost_sync,
    is_busy,
    is_full,
    no_room,
    translated,
    unusable,
)

__all__ = ["Link"]

R = TypeVar("R")

#: The pauses between two attempts to get SQLite's write lock, in seconds: from a little more
#: than a commit without a sync to a little more than one with.
_SHORTEST: Final = 0.0002
_LONGEST: Final = 0.01
#: How often a put that is refused tries to make room, in seconds ...
_MAKE_ROOM: Final = 1.0
#: ... and after how many pages that became free meanwhile, whatever the time.
_WORTH: Final = 64
#: How many of the longer pauses a consumer waits for the reserve, while another has it.
_TURNS: Final = 10
#: Free pages are given back once there are this many (1 MiB of 4 KiB pages).
_FREE: Final = 256
#: Files up to this many bytes are checked when they are opened, in about 2 ms at most.
_SMALL: Final = 1 << 20


class Link:
    """One connection to one database. Every method is for who has the lock of the engine.

    Args:
        path: of the database file; None for a database in memory.
        layout: the tables, made or migrated on opening.
        timeout: seconds to wait for other processes before `StorageBusy`.
        durability: of what is written.
        deferred: writes are at most "normal" until somebody asks for more.
    """

    def __init__(
        self,
        path: Path | None,
        layout: Layout,
        timeout: float,
        durability: Durability,
        deferred: bool,
    ) -> None:
        self.closed = True  # for __del__, if the next lines fail
        self.path = path
        self.layout = layout
        self.where = f"{path or ':memory:'}, table {layout.table}"
        self._timeout = timeout
        self._settled_at = SYNCHRONOUS[durability]
        self._written_at = "NORMAL" if deferred and durability == "full" else self._settled_at
        self._reserve = None if path is None else Reserve(path)
        self._emptied = -math.inf
        self._left = 0
        self._is_full = False  # or soon will be: R3 holds
        #: The cursor of a connection whose sync has failed, kept only to be closed.
        self._spoiled: sqlite3.Cursor | None = None
        #: The one cursor of the open connection. Making one for each statement, as
        #: `Connection.execute` does, takes 1 us: a tenth of a put without a sync.
        self._cursor: sqlite3.Cursor | None = None
        self._is_checked = False

    def _connected(self) -> sqlite3.Cursor:
        """The cursor of the open connection. The lock is held."""
        if self.closed:
            raise QueueClosed(f"{self.where}: the queue was closed; open a new one")
        if self._spoiled is not None:
            raise unusable(self.path or self.where)
        if self._cursor is not None:
            return self._cursor
        try:
            connection = connect(self.path)
        except sqlite3.Error as error:
            raise translated(error, self.path or self.where) from error
        cursor = self._cursor = connection.cursor()
        keep(self, cursor)
        self._is_full = self._reserve is not None and self._reserve.is_scarce()
        try:
            self._check()
            self._attempt(self._set_up, self.layout.is_current)
            if not self.read_open(self.layout.is_current):
                self._attempt(lambda c: within(c, self.layout.prepare, ()))
            if self._settled_at == "FULL" and self.path is not None:
                sync_name(self.path)
        except BaseException:
            self._cursor = None
            connection.close()
            raise
        return cursor

    def read_open(self, plan: Callable[[], Plan[R]]) -> R:
        """`read` for the thread that has the lock."""
        return self._attempt(lambda cursor: snapshot(cursor, plan, ()), plan)

    def _set_up(self, cursor: sqlite3.Cursor) -> None:
        cursor.execute("PRAGMA auto_vacuum=INCREMENTAL")  # D2: before anything else
        cursor.execute("PRAGMA journal_mode=WAL").fetchall()
        cursor.execute(f"PRAGMA synchronous={self._written_at}")
        # Leave the log at a size that a reader's long look may have blown up.
        cursor.execute("PRAGMA journal_size_limit=67108864").fetchall()

    def _give_back(self) -> None:
        """Gives free pages back to the file system, once they are many."""
        cursor = self._connected()
        with suppress(sqlite3.Error):
            free = self._free_pages(cursor)
            ((pages,),) = cursor.execute("PRAGMA page_count").fetchall()
            if free > _FREE and free * 4 > pages:
                # execute() would free a single page.
                cursor.executescript(f"PRAGMA incremental_vacuum({free // 2})")

    def _check(self) -> None:
        """Looks at every page of a small file, once: damage is told before anything is served."""
        if self._is_checked or self.path is None:
            return
        if not 0 < os.stat(self.path).st_size <= _SMALL:
            return

        def look(cursor: sqlite3.Cursor) -> list[tuple[str]]:
            return cursor.execute("PRAGMA quick_check(1)").fetchall()

        ((told,),) = self._attempt(look, self.layout.is_current)
        if told != "ok":
            raise StorageCorrupt(
                self.path,
                None,
                "the database is damaged",
                "restore a copy of it, or use .recover of the sqlite3 program",
            )
        self._is_checked = True

    def _attempt(
        self,
        act: Callable[[sqlite3.Cursor], R],
        plan: Callable[..., Any] | None = None,
        failed: Exception | None = None,
    ) -> R:
        """What `act` returns, tried again while others are in the way.

        Args:
            act: does something in a transaction of its own.
            plan: which; one that stores nothing may use the reserve of a full disk.
            failed: what the first attempt has raised, if the caller has made it already.
        """
        cursor = self._cursor or self._connected()
        until: float | None = None
        emptied = False
        pause = _SHORTEST
        while True:
            try:
                if failed is not None:
                    told: Exception = failed
                    failed = None
                    raise told
                return act(cursor)
            except UnicodeDecodeError as error:
                # A message of SQLite that quotes what is damaged: sqlite3 cannot make a text of it.
                raise StorageCorrupt(
                    self.path or self.where, None, "the database is damaged"
                ) from error
            except sqlite3.Error as error:
                if is_full(error, self.path):
                    if not emptied:
                        # The log may hold pages that are in the database already.
                        emptied = True
                        self._empty_log(cursor)
                        continue
                    if plan is not None and not getattr(plan, "growing", False):
                        return self._spend(act, error)
                    self._is_full = True
                if not is_busy(error):
                    raise self._failure(error) from error
                now = time.monotonic()
                if until is None:
                    until = now + self._timeout
                elif now >= until:
                    raise StorageBusy(
                        f"{self.where}: another process or transaction held the database for "
                        f"{self._timeout} seconds; shorten it, or give a longer timeout"
                    ) from error
            time.sleep(pause * random.random())
            pause = min(_LONGEST, pause * 1.5)

    def _failure(self, error: sqlite3.Error) -> Exception:
        """What to raise from `error`; after a failed sync nothing else is done any more."""
        if has_lost_sync(error):
            # SQLite would sync again and believe it, though the system may have dropped the pages.
            self._spoiled, self._cursor = self._cursor, None
            return unusable(self.path or self.where)
        return translated(error, self.path or self.where)

    def _spend(self, act: Callable[[sqlite3.Cursor], R], full: sqlite3.Error) -> R:
        """What `act` returns with the help of the reserve (R2)."""
        reserve = self._reserve
        if reserve is None or not reserve.exists():
            raise translated(full, self.path or self.where) from full
        for _ in range(_TURNS):
            if reserve.give():
                break
            # Another consumer is using it; soon it is back, or there is room without it.
            time.sleep(_LONGEST)
            with suppress(StorageError):
                return self._attempt(act)
        else:
            raise translated(full, self.path or self.where) from full
        try:
            cursor = self._connected()
            self._empty_log(cursor)
            result = self._attempt(act)
            self._empty_log(cursor)
        finally:
            reserve.take_back()
        return result

    def _admit(self, plan: Callable[..., Any]) -> None:
        """Where room is scarce: whether this plan may try (R3).

        Raises:
            StorageError: it stores something, and the disk is still full.
        """
        if not getattr(plan, "growing", False):
            return
        reserve = self._reserve
        if reserve is not None and reserve.is_short():
            self._make_room(reserve)
            if reserve.is_short():
                raise no_room(self.path or self.where)
        self._is_full = reserve is not None and reserve.is_scarce()

    def _make_room(self, reserve: Reserve) -> None:
        """Gives back what the log and free pages occupy, and makes the reserve whole with it.

        Once a second at most, unless consumers have freed something to give back.
        """
        now = time.monotonic()
        cursor = self._connected()
        with suppress(sqlite3.Error, StorageError):
            free = self._free_pages(cursor)
            if now - self._emptied < _MAKE_ROOM and free - self._left < _WORTH:
                return
            self._emptied, self._left = now, free
            self._empty_log(cursor)
            if free:
                give = f"PRAGMA incremental_vacuum({free})"
                self._attempt(lambda c: c.executescript(give), self.layout.is_current)
                self._empty_log(cursor)
                self._left = self._free_pages(cursor)
            reserve.take_back()

    @staticmethod
    def _free_pages(cursor: sqlite3.Cursor) -> int:
        ((free,),) = cursor.execute("PRAGMA freelist_count").fetchall()
        return int(free)

    @staticmethod
    def _empty_log(cursor: sqlite3.Cursor) -> None:
        with suppress(sqlite3.Error):
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _version(self) -> int:
        cursor = self._connected()
        try:
            ((version,),) = cursor.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error as error:
            raise translated(error, self.path or self.where) from error
        return int(version)
