"""What a wheel has to bring so that the queues of this package run on its database server.

A *driver* has the pool; a *session* is one of its connections, leased for one transaction. Neither
retries, waits for a free connection, or decides anything: the engine does.

Rules for drivers, which the engine relies on:

D1. A session that is not in a transaction commits each statement by itself.
D2. A session may hold back a statement that wants nothing, and send it together with the next
    one, with `commit`, or with `flush`. Nothing else is delayed.
D3. A session never repeats anything by itself, and a pool never does behind its back.
D4. `abandon` says nothing to the server: the connections are those of the parent process.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from pq_core.sql.statement import Statement

__all__ = ["Driver", "Listener", "Session", "Verdict"]

S = TypeVar("S", bound="Session")


class Verdict(enum.Enum):
    """What an error of a driver means for the transaction it happened in."""

    #: A deadlock, a lock that took too long, a serialization failure: it was rolled back (or can
    #: be), and may be run again (rule P3 of plans).
    CONFLICT = enum.auto()
    #: The connection is lost, or could not be made.
    GONE = enum.auto()
    #: Anything else: to run it again would not help.
    OTHER = enum.auto()


class Session(Protocol):
    """One connection, in the hands of one thread."""

    @property
    def connection(self) -> Any:
        """The driver's own, for statements of the caller."""
        ...

    def begin(self, reading: bool) -> None:
        """Starts a transaction.

        Args:
            reading: it changes nothing, and all its statements see one snapshot.
        """
        ...

    def execute(self, statement: Statement, parameters: Sequence[Any]) -> Any:
        """What the statement wants, as `pq_core.sql.statement.Wants` tells."""
        ...

    def flush(self) -> None:
        """Sends what was held back."""
        ...

    def commit(self) -> None:
        """Ends the transaction; it has happened on return."""
        ...

    def roll_back(self) -> None:
        """Ends the transaction; nothing has happened."""
        ...

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open, as far as the connection knows without asking."""
        ...


class Listener(Protocol):
    """Hears of changes that other processes have made to one table."""

    @property
    def is_alive(self) -> bool:
        """Whether it still hears them; otherwise the engine polls again, and makes a new one."""
        ...

    def close(self) -> None:
        """Ends it; a second call does nothing."""
        ...


class Driver(Protocol):
    """The way to one database of one server. Every method may be called from any thread."""

    @property
    def key(self) -> str:
        """What two drivers have in common that lead to the same database."""
        ...

    @property
    def where(self) -> str:
        """The server and database in messages; no password."""
        ...

    @property
    def size(self) -> int:
        """How many sessions may be leased at a time.

        The engine keeps to it, but for one more, with which it gives its signs of life.
        """
        ...

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What any method here, and any of a session, may raise."""
        ...

    @property
    def lost(self) -> int:
        """How many connections were found broken so far."""
        ...

    def lease(self) -> Any:
        """A `Session`, of the pool or new; one that the server has closed meanwhile is never given."""
        ...

    def give_back(self, session: Any, /) -> None:
        """It is in no transaction, and may be leased again."""
        ...

    def discard(self, session: Any, /) -> None:
        """It is in an unknown state: closes it. Never raises."""
        ...

    def verdict(self, error: Exception, /) -> Verdict:
        """What an error means."""
        ...

    def translated(self, error: Exception, where: str, /) -> Exception:
        """The error to raise from one of ours.

        Args:
            error: what this driver raised.
            where: the object that the message has to name.
        """
        ...

    def listen(self, table: str, heard: Callable[[], None], /) -> Listener | None:
        """Calls `heard`, from any thread, soon after a commit of another process on this table.

        Returns:
            None where the server cannot tell: the engine polls.
        """
        ...

    def close(self) -> None:
        """Closes all connections that are not leased, and the others as they come back."""
        ...

    def abandon(self) -> None:
        """In a forked child: forgets all connections, and leases new ones from now on."""
        ...
