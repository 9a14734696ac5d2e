"""The engine: runs plans on one SQLite connection, for any number of threads.

Each queue object has one connection. A lock keeps its threads apart; SQLite keeps connections
and processes apart. Whoever gets the lock carries out everything that waits at that moment in
one transaction (group commit), so that eight threads pay for one sync.

E1. What a plan returned is handed out after its COMMIT, never before.
E2. Where a shared transaction fails, each of its plans is run alone: none fails for another's
    sake.
E3. Waiting for a lock is done here with `time.sleep`, never inside SQLite, so that green threads
    go on.
E5. A lock is held by a `with` of C, and a transaction begins inside of the `try` that ends it: the
    handler of a signal may raise between any two calls.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

from pq_core.errors import QueueError, StorageError
from pq_core.protocols import Durability
from pq_core.sql import fork
from pq_core.sql.hub import hub_of
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, Statement
from pq_core.sqlite.owner import Owner, is_alive
from pq_core.sqlite.run import at_once, drive, roll_back, snapshot, within
from pq_core.sqlite.sharing import LOOK, Sharing
from pq_core.together import GATHER, Ticket, Together

__all__ = ["SQLiteEngine"]

R = TypeVar("R")

#: A plan, and what it is called with.
_Task: TypeAlias = "tuple[Callable[..., Plan[Any]], tuple[Any, ...]]"

#: How often who waits looks though no other connection has committed anything, in seconds.
_ANYWAY: Final = 0.25
#: Once in so many commits is looked whether free pages can be given back.
_SWEEP: Final = 1024
_DATA_VERSION: Final = Statement("PRAGMA data_version", "one")


class SQLiteEngine(Sharing):
    """See `pq_core.sql.driver.Engine`.

    Args:
        path: of the database file; None for a database in memory.
        layout: the tables, made or migrated on opening.
        timeout: seconds to wait for other processes before `StorageBusy`.
        durability: of what `settle` does, and of `write` unless that is `deferred`.
        deferred: `write` syncs nothing by itself; the next `settle` does.

    Attributes:
        where: what the queue is called in messages.
        bell: rings for all threads of this process that wait for this table.
        closed: whether `close` was called.
    """

    def __init__(
        self,
        path: Path | None,
        layout: Layout,
        *,
        timeout: float = 10.0,
        durability: Durability = "full",
        deferred: bool = False,
    ) -> None:
        super().__init__(path, layout, timeout, durability, deferred)
        self._syncs = self._written_at == "FULL"
        self._owners = None if path is None else path.with_name(path.name + "-owners")
        self._start()
        self.closed = False
        # From here on: what opening holds at the moment of a fork would stay locked in the child.
        fork.watch(self)
        try:
            with self._turn():
                self._connected()
        except BaseException:
            self.close()
            raise
        self.hub.join(self)

    def _start(self) -> None:
        #: Its lock protects the connection and everything that belongs to it.
        self._together: Together[_Task] = Together(patience=GATHER if self._syncs else 0.0)
        self._holder: int | None = None  # the thread that is in transaction() or share()
        #: What was done in share(): the plans and their results; None outside of it.
        self._shared: list[tuple[Callable[..., Any], Any]] | None = None
        self._broken: Exception | None = None  # why the transaction of share() must not commit
        self._owner: Owner | None = None
        #: (data version, number of ready items at it), as long as it is known.
        self._known: tuple[int, int] | None = None
        self._commits = 0
        self._seen = 0
        key = str(self.path) if self.path else f"memory {id(self)}"
        self.hub = hub_of(key, self.layout.table, _ANYWAY)
        self.bell = self.hub.bell

    # -- running plans ------------------------------------------------------------------------

    def write(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """The result of a plan that has happened as a whole, and is as durable as put is.

        Raises:
            QueueClosed: the queue was closed.
            StorageBusy: another process had the write lock for the whole timeout.
            StorageError: the storage failed, and nothing has happened.
        """
        if self._holder is not None and self._holder == threading.get_ident():
            return self._nested(plan, args)
        result: R = self._together.run(self, (plan, args))
        return result

    def _turn(self) -> AbstractContextManager[object]:
        """The lock, for what is not a plan that could share a transaction."""
        if self._holder == threading.get_ident():
            return nullcontext()  # inside of transaction() it is this thread's already
        return self._together.lock

    def settle(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """`write` that also makes durable everything that was written before it."""
        if self._written_at == self._settled_at or self._holder == threading.get_ident():
            return self.write(plan, *args)
        with self._turn():
            cursor = self._connected()
            cursor.execute(f"PRAGMA synchronous={self._settled_at}")
            try:
                self._alone(self.layout.mark, ())
                return self._alone(plan, args)
            finally:
                cursor.execute(f"PRAGMA synchronous={self._written_at}")

    def read(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """The result of a plan that sees one snapshot and changes nothing."""
        if self._holder is not None and self._holder == threading.get_ident():
            return drive(self._connected(), plan(*args))
        is_single = "single" in plan.__dict__  # getattr takes 0.6 us where there is none
        with self._together.lock:
            try:
                cursor = self._cursor or self._connected()
                # at_once() in line: a twentieth of a look.
                return drive(cursor, plan(*args)) if is_single else snapshot(cursor, plan, args)
            except (sqlite3.Error, UnicodeDecodeError) as error:  # as in _alone
                run = at_once if is_single else snapshot
                return self._attempt(lambda cursor: run(cursor, plan, args), failed=error)

    def ready(self, plans: Any, /) -> int:
        """How many items are ready, counted once and then remembered for as long as it is true."""
        if self._holder is not None and self._holder == threading.get_ident():
            count: int = drive(self._connected(), plans.count())
            return count
        with self._turn():
            version = self._version()
            known = self._known
            if known is not None and known[0] == version:
                return known[1]
            count, version = self._attempt(lambda cursor: snapshot(cursor, self._counted, (plans,)))
            self._known = (version, count)
            return count

    @staticmethod
    def _counted(plans: Any) -> Plan[tuple[int, int]]:
        count = yield from plans.count()
        (version,) = yield _DATA_VERSION, ()
        return count, version

    def _tally(self, plan: Callable[..., Any], result: Any) -> None:
        """Keeps the number of ready items true after a commit of our own."""
        delta = plan.__dict__.get("adds")
        known = self._known
        self._known = (known[0], known[1] + delta(result)) if known and delta else None

    def _alone(self, plan: Callable[..., Plan[R]], args: tuple[Any, ...]) -> R:
        """One plan in a transaction of its own. The lock is held."""
        if self._is_full:
            self._admit(plan)
        is_single = "single" in plan.__dict__  # getattr takes 0.6 us where there is none
        try:
            cursor = self._cursor or self._connected()
            result = drive(cursor, plan(*args)) if is_single else within(cursor, plan, args)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            # Once more (P3), with all that can be done about it. Without this first attempt a put
            # or get that meets nobody costs a seventh more.
            run = at_once if is_single else within
            result = self._attempt(lambda cursor: run(cursor, plan, args), plan, error)
        if self._known is not None:
            self._tally(plan, result)
        self._commits += 1
        if not self._commits % LOOK:
            self._look_after()
        return result

    def _look_after(self) -> None:
        """What has to be done from time to time."""
        if self._reserve is not None:
            self._reserve.keep()
            self._is_full = self._is_full or self._reserve.is_scarce()
        if not self._commits % _SWEEP:
            self._give_back()

    def carry_out(self, task: _Task) -> Any:
        """Runs one plan; of `Together`. The lock is held."""
        return self._alone(*task)

    def carry_out_all(self, batch: list[Ticket[_Task]]) -> bool:
        """Runs all plans in one transaction; of `Together`. The lock is held."""
        if self._is_full:
            return False  # some may go on, and others not
        try:
            self._attempt(lambda cursor: self._share(cursor, batch))
        except Exception:  # E2: whose it is shows when each is run alone
            return False
        if self._known is not None:
            for ticket in batch:
                if ticket.error is None:
                    self._tally(ticket.task[0], ticket.result)
        self._commits += 1
        if not self._commits % LOOK:
            self._look_after()
        return True

    def _share(self, cursor: sqlite3.Cursor, batch: list[Ticket[_Task]]) -> None:
        try:
            cursor.execute("BEGIN IMMEDIATE")
            for ticket in batch:
                ticket.error = None
                try:
                    plan, args = ticket.task
                    ticket.result = drive(cursor, plan(*args))
                except (QueueError, ValueError) as refusal:  # P2: nothing changed
                    ticket.error = refusal
            cursor.execute("COMMIT")
        except BaseException:
            roll_back(cursor)
            raise

    # -- transactions of the caller -----------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction for the calling thread; other threads of this object wait.

        Yields:
            the connection, for statements of one's own on the same database file.
        """
        me = threading.get_ident()
        if self._holder == me:
            raise StorageError(f"{self.where}: a transaction is open in this thread already")
        with self._turn():
            cursor = self._connected()
            connection = cursor.connection
            try:
                self._attempt(lambda cursor: cursor.execute("BEGIN IMMEDIATE"))
                self._holder = me
                yield connection
                if not connection.in_transaction:
                    raise StorageError(
                        f"{self.where}: the transaction was ended inside of its block; leave "
                        "commit and rollback to transaction()"
                    )
                try:
                    cursor.execute("COMMIT")
                except sqlite3.Error as error:
                    raise self._failure(error) from error
            except BaseException:
                roll_back(cursor)
                raise
            finally:
                self._holder = None
                self._known = None
        self.bell.ring()

    def execute(self, sql: str, *, script: bool = False) -> list[tuple[Any, ...]]:
        """The rows of a statement outside of a transaction: VACUUM, PRAGMA, checks."""

        def act(cursor: sqlite3.Cursor) -> list[tuple[Any, ...]]:
            if script:
                cursor.executescript(sql)
                return []
            return cursor.execute(sql).fetchall()

        with self._turn():
            self._known = None
            return self._attempt(act)

    def alarm(self, at: float, clock: Callable[[], float], /) -> None:
        """Who waits looks again when `clock` tells this time, in seconds; inf: no need."""
        self.hub.alarm = at, clock

    # -- owners -------------------------------------------------------------------------------

    def owner(self) -> int:
        """The number under which this object claims items; alive until `close`."""
        owner = self._owner
        if owner is None and self._holder == threading.get_ident():
            owner = self._owner = self._new_owner()
        elif owner is None:
            with self._turn():
                owner = self._owner
                if owner is None:
                    owner = self._owner = self._new_owner()
        return owner.number

    def _new_owner(self) -> Owner:
        try:
            return Owner(self._owners)
        except StorageError:
            if self._reserve is None or not self._reserve.give():
                raise
            try:
                return Owner(self._owners)
            finally:
                self._reserve.take_back()

    def dead(self, owners: Iterable[int], /) -> list[int]:
        """Which of these owners do not live any more."""
        own = self._owner.number if self._owner else None
        return [each for each in owners if each != own and not is_alive(self._owners, each)]

    # -- looking at the file ------------------------------------------------------------------

    def data_version(self) -> int:
        """Changes with every commit of another connection; the last one known while busy."""
        if not self._together.lock.locked():
            with self._together.lock:
                if self._cursor is not None and self._holder is None:
                    self._seen = self._version()
        return self._seen

    def bytes(self) -> int:
        """What the database file and its log occupy, in bytes."""
        if self.path is None:
            ((pages,),) = self.execute("PRAGMA page_count")
            ((size,),) = self.execute("PRAGMA page_size")
            return int(pages * size)
        total = 0
        for name in (self.path, Path(f"{self.path}-wal")):
            with suppress(OSError):
                total += os.stat(name).st_size
        return total

    def reclaimable(self) -> int:
        """How many bytes of the database file are in free pages: what shrinking it could free."""
        ((pages,),) = self.execute("PRAGMA freelist_count")
        ((size,),) = self.execute("PRAGMA page_size")
        return int(pages * size)

    def close(self) -> None:
        """Frees the connection and the sign of life; a second call does nothing.

        Raises:
            StorageError: the calling thread is inside of `transaction`.
        """
        if self._holder == threading.get_ident():
            raise StorageError(
                f"{self.where}: a transaction is open in this thread; close after it"
            )
        with self._turn():
            if self.closed:
                return
            self.closed = True
            cursor, self._cursor = self._cursor or self._spoiled, None
            if cursor is not None:
                with suppress(sqlite3.Error):
                    cursor.connection.close()
            if self._owner is not None:
                self._owner.close()
                self._owner = None
        self.hub.leave(self)

    # -- forks, and ends ----------------------------------------------------------------------

    def is_free(self) -> bool:
        """Whether no thread is in the middle of a call."""
        return not self._together.lock.locked()

    def before_fork(self) -> bool:
        """Waits until no thread is inside SQLite, whose mutexes the child could never free.

        Returns:
            whether the lock was taken; a thread that is in transaction() has it.
        """
        return self._holder != threading.get_ident() and self._together.lock.acquire(timeout=1.0)

    def after_fork_in_parent(self) -> None:
        """Lets the threads go on."""
        self._together.lock.release()

    def after_fork_in_child(self) -> None:
        """Leaves the parent's connection alone, and opens one of its own when it is needed.

        https://sqlite.org/howtocorrupt.html, 2.6: a connection must not cross a fork, not even to
        be closed.
        """
        if self._owner is not None:
            self._owner.abandon()
        if self.path is not None and (cursor := self._cursor or self._spoiled) is not None:
            fork.keep_for_ever(cursor)  # which keeps its connection
            self._cursor = self._spoiled = None
        self._start()
        if not self.closed:
            self.hub.join(self)
