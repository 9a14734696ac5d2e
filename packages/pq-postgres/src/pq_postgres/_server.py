"""The connections to one database, for the engine."""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from pq_core.server.driver import Verdict
from pq_core.sql.dialect import POSTGRESQL
from pq_core.sql.fork import keep_for_ever
from pq_postgres._library import connected, psycopg
from pq_postgres._listener import PostgresListener
from pq_postgres._names import quoted
from pq_postgres._session import PostgresSession
from pq_postgres._translate import is_gone, sqlstate_of, translated

__all__ = ["PostgresDriver", "channel_of_table"]

#: A conflict: the transaction may be run again (PostgreSQL manual, 13.5, appendix A): serialization
#: failure, deadlock, lock not available.
_CONFLICTS: Final = frozenset({"40001", "40P01", "55P03"})
#: Seconds before listening is tried again after it has failed.
_DEAF: Final = 5.0


def channel_of_table(table: str) -> str:
    """The channel that tells of changes of a table of a queue."""
    return POSTGRESQL.beside("changed", table)


class PostgresDriver:
    """See `pq_core.server.driver.Driver`.

    Args:
        conninfo: of libpq; a connection string or URL.
        size: how many sessions may be leased at a time.
        listens: whether to hear of changes by LISTEN.
        waits_for_disk: whether a commit returns only when it is on the server's disk.
        prepare_threshold: see `PostgresQueue`.
    """

    def __init__(
        self,
        conninfo: str,
        *,
        size: int,
        listens: bool,
        waits_for_disk: bool,
        prepare_threshold: int | None,
    ) -> None:
        library = psycopg()
        parts = library.conninfo.conninfo_to_dict(conninfo)
        parts.setdefault("connect_timeout", "10")
        parts.setdefault("application_name", "persistqueue")
        parts["client_encoding"] = "utf8"
        if not waits_for_disk:
            # Consistent after a crash of the server, without its last moments (manual, 30.4).
            parts["options"] = f"{parts.get('options', '')} -c synchronous_commit=off".strip()
        self._parts = parts
        host = parts.get("host") or parts.get("hostaddr") or "(local)"
        port = f":{parts['port']}" if parts.get("port") else ""
        self.where = f"postgresql://{host}{port}/{parts.get('dbname', '')}"
        self.key = f"{self.where} {parts.get('user', '')} {parts.get('options', '')}"
        self.size = size
        self.errors: tuple[type[Exception], ...] = (library.Error,)
        self.lost = 0
        self._listens = listens
        self._prepare_threshold = prepare_threshold
        self._deaf_until = 0.0
        self._closed = False
        #: Protects the list: a session is in it, or in somebody's hands.
        self._mutex = threading.Lock()
        self._idle: list[PostgresSession] = []

    # -- sessions -----------------------------------------------------------------------------

    def lease(self) -> PostgresSession:
        """A session of the pool, or a new one."""
        while True:
            with self._mutex:
                session = self._idle.pop() if self._idle else None
            if session is None:
                return PostgresSession(self._connect(), self._prepare_threshold)
            if _is_fresh(session):
                return session
            self._lose(session)

    def give_back(self, session: PostgresSession, /) -> None:
        """It is in no transaction, and may be leased again."""
        with self._mutex:
            if not self._closed:
                self._idle.append(session)
                return
        session.connection.close()

    def discard(self, session: PostgresSession, /) -> None:
        """It is in an unknown state: closes it. Never raises."""
        self._lose(session)

    def _lose(self, session: PostgresSession) -> None:
        self.lost += 1
        with suppress(*self.errors):
            session.connection.close()

    def _connect(self) -> Any:
        # psycopg prepares nothing by itself: behind a pooler the next statement may meet another
        # server process.
        return connected(autocommit=True, prepare_threshold=None, **self._parts)

    # -- errors -------------------------------------------------------------------------------

    def verdict(self, error: Exception, /) -> Verdict:
        """What an error means."""
        if sqlstate_of(error) in _CONFLICTS:
            return Verdict.CONFLICT
        return Verdict.GONE if is_gone(error) else Verdict.OTHER

    def translated(self, error: Exception, where: str, /) -> Exception:
        """The error to raise from one of psycopg's."""
        return translated(error, where)

    # -- listening ----------------------------------------------------------------------------

    def listen(self, table: str, heard: Callable[[], None], /) -> PostgresListener | None:
        """Calls `heard` soon after a commit on this table; None where that is not wanted."""
        if not self._listens or self._closed or time.monotonic() < self._deaf_until:
            return None
        try:
            return PostgresListener(self._connect(), quoted(channel_of_table(table)), heard)
        except self.errors:
            self._deaf_until = time.monotonic() + _DEAF
            return None

    # -- the end ------------------------------------------------------------------------------

    def close(self) -> None:
        """Closes all connections that are not leased, and the others as they come back."""
        with self._mutex:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            with suppress(*self.errors):
                session.connection.close()

    def abandon(self) -> None:
        """In a forked child: forgets all connections, and leases new ones from now on."""
        for session in self._idle:
            keep_for_ever(session)
        self._mutex = threading.Lock()
        self._idle = []


def _is_fresh(session: PostgresSession) -> bool:
    """Whether the server has not closed it: nothing comes on an idle connection but its end."""
    pgconn = session.connection.pgconn
    if session.connection.closed:
        return False
    ready, _, _ = select.select([pgconn.socket], [], [], 0)
    return not ready
