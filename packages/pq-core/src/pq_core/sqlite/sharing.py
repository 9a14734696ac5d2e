"""Several calls in one transaction, and plans inside of a transaction that is open."""

from __future__ import annotations

import sqlite3
import threading
from abc import abstractmethod
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Final, TypeVar

from pq_core.callers import SharedCall
from pq_core.errors import QueueError, StorageBusy
from pq_core.sql.statement import Plan
from pq_core.sqlite.link import Link
from pq_core.sqlite.run import drive, roll_back
from pq_core.sqlite.translate import translated
from pq_core.waiting import Bell

__all__ = ["LOOK", "Sharing"]

R = TypeVar("R")

#: Once in so many commits is looked whether there is a reserve for a full disk.
LOOK: Final = 32


class Sharing(Link):
    """The part of the engine that has a transaction open for more than one plan.

    Attributes:
        bell: rings for all threads of this process that wait for this table.
    """

    bell: Bell
    _holder: int | None
    _shared: list[tuple[Callable[..., Any], Any]] | None
    _broken: Exception | None
    _known: tuple[int, int] | None
    _commits: int

    @abstractmethod
    def _turn(self) -> AbstractContextManager[object]: ...

    @abstractmethod
    def _tally(self, plan: Callable[..., Any], result: Any) -> None: ...

    @abstractmethod
    def _look_after(self) -> None: ...

    def _nested(self, plan: Callable[..., Plan[R]], args: tuple[Any, ...]) -> R:
        """A plan inside of transaction() or share(), by the thread that is in it."""
        cursor = self._connected()
        if self._shared is not None:
            try:
                result = drive(cursor, plan(*args))
            except sqlite3.Error as error:
                self._broken = error
                raise translated(error, self.path or self.where) from error
            self._shared.append((plan, result))
            return result
        try:
            cursor.execute("SAVEPOINT pq_plan")
            try:
                result = drive(cursor, plan(*args))
            except BaseException:
                cursor.execute("ROLLBACK TO pq_plan")
                cursor.execute("RELEASE pq_plan")
                raise
            cursor.execute("RELEASE pq_plan")
        except sqlite3.Error as error:
            raise translated(error, self.where) from error
        return result

    def share(self, calls: Iterable[SharedCall]) -> bool:
        """Carries out calls that write by this engine, in the calling thread, in one transaction.

        Returns:
            False where that failed, and nothing has happened (E2); the calls were undone.
        """
        calls = list(calls)
        done: list[SharedCall] = []
        try:
            with self._turn():
                cursor = self._connected()
                if self._is_full:
                    return False  # some may go on, and others not
                try:
                    self._attempt(lambda cursor: cursor.execute("BEGIN IMMEDIATE"))
                except StorageBusy as error:
                    # One timeout is over for all of them; alone, each would wait for another.
                    for call in calls:
                        call.fail(error)
                    return True
                changes = cursor.connection.total_changes
                self._holder, self._shared, self._broken = threading.get_ident(), [], None
                try:
                    for call in calls:
                        done.append(call)
                        call.run()
                        if self._broken is not None:
                            raise self._broken
                    cursor.execute("COMMIT")
                    shared = self._shared
                except BaseException:
                    roll_back(cursor)
                    raise
                finally:
                    self._holder = self._shared = None
                for plan, result in shared:
                    if self._known is not None and not getattr(plan, "reading", False):
                        self._tally(plan, result)
                self._commits += 1
                if not self._commits % LOOK:
                    self._look_after()
        except (sqlite3.Error, QueueError) as error:
            if isinstance(error, sqlite3.Error):
                self._failure(error)  # after a lost sync none of them is tried again
            # Whose fault it is shows when each is carried out alone.
            for call in done:
                call.undo()
            return False
        # Looks that found nothing must not ring: who waits would look again and again.
        if cursor.connection.total_changes != changes and self.bell.waiting:
            self.bell.ring()  # those who were rung before the commit found nothing
        return True
