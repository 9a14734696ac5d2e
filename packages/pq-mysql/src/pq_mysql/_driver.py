"""The pool of connections to one database."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from dbutils.pooled_db import PooledDB
from pymysql.constants import CLIENT

from pq_core.errors import StorageError
from pq_core.forking import undivided
from pq_core.server.driver import Verdict
from pq_core.sql.fork import keep_for_ever
from pq_mysql._connection import MySQLConnection
from pq_mysql._errors import ERRORS, told, verdict_of
from pq_mysql._session import MySQLSession

__all__ = ["MySQLDriver"]

_LOG: Final = logging.getLogger("persistqueue")
#: The servers that were warned of, each once in a process.
_WARNED: Final[set[str]] = set()
#: InnoDB's longest lock wait, in seconds (innodb_lock_wait_timeout).
_LONGEST: Final = 1073741824


class _NoFailure(Exception):
    """DBUtils repeats statements after errors of the classes it is given; this one never comes.

    A statement that was lost may have been executed, so nobody but the engine may repeat it.
    """


class MySQLDriver:
    """See `pq_core.server.driver.Driver`.

    Args:
        arguments: of `pymysql.connect`.
        size: how many connections may be in use.
        timeout: seconds to wait for a lock of the server.
        several: whether several statements may be sent at once.
        wants_full: whether a server that does not sync each commit is worth a warning.
    """

    def __init__(
        self,
        arguments: Mapping[str, Any],
        *,
        size: int,
        timeout: float,
        several: bool,
        wants_full: bool,
    ) -> None:
        place = arguments.get("unix_socket") or f"{arguments['host']}:{arguments['port']}"
        self.where = f"mysql://{place}/{arguments['database']}"
        self.key = self.where
        self.size = size
        self.errors = ERRORS
        self.lost = 0
        flags = CLIENT.FOUND_ROWS | (CLIENT.MULTI_STATEMENTS if several else 0)
        self._arguments = {
            **arguments,
            "client_flag": arguments.get("client_flag", 0) | flags,
            "autocommit": True,
        }
        self._patience = min(_LONGEST, max(1, math.ceil(timeout)))
        self._several = several
        self._wants_full = wants_full
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._pool = PooledDB(
            self._connect,
            maxcached=self.size,
            reset=False,
            failures=(_NoFailure,),
            ping=self._is_sound,
        )
        #: Of what callers have for themselves: what one leaves open or changes must not meet a plan.
        self._lent = PooledDB(self._connect_to_lend, maxcached=self.size, ping=self._is_sound)
        #: Sessions that were given back, the last one last. To take one from here and to look
        #: whether it stands takes a third of what it takes DBUtils, which makes them, and makes
        #: them anew where they do not.
        self._idle: list[MySQLSession] = []

    def lend(self) -> Any:
        """A connection for a caller's own statements, which commits where it is told to.

        Closed it goes back, rolled back.
        """
        return self._lent.connection(shareable=False)

    def _connect_to_lend(self) -> MySQLConnection:
        connection = self._connect()
        connection.autocommit(False)
        return connection

    def _connect(self) -> MySQLConnection:
        try:
            with undivided():
                connection = MySQLConnection(self._patience, **self._arguments)
        except RuntimeError as error:  # the wheel cryptography is missing
            raise StorageError(
                f"{self.where}: the server wants sha256 authentication; "
                "run: pip install pq-mysql[rsa], or give ssl="
            ) from error
        if self._wants_full and connection.flush != 1 and self.where not in _WARNED:
            _WARNED.add(self.where)
            _LOG.warning(
                "%s: innodb_flush_log_at_trx_commit is %d, so a power cut may cost the newest "
                "items; set it to 1, or say durability='normal'",
                self.where,
                connection.flush,
            )
        return connection

    def _is_sound(self, connection: MySQLConnection) -> bool:
        """Asked by the pool for each connection that it is about to give; it replaces a broken one."""
        if connection.is_sound():
            return True
        self.lost += 1
        connection.break_off()
        return False

    def lease(self) -> MySQLSession:
        """A session on a connection that stands."""
        while self._idle:
            with suppress(IndexError):  # another thread may be faster
                session = self._idle.pop()
                if self._is_sound(session.connection):
                    return session
                session.pooled.close()
        while True:
            pooled = self._pool.connection(shareable=False)
            connection: MySQLConnection = pooled.dbapi_connection
            if connection.open:
                return MySQLSession(connection, pooled, self._several)
            # The pool tried to replace a broken one, and kept the reason to itself.
            pooled.close()
            self._connect().close()

    def give_back(self, session: MySQLSession, /) -> None:
        """It may be leased again."""
        session.connection.used = time.monotonic()
        self._idle.append(session)
        if self._closed:
            self._return_idle()

    def discard(self, session: MySQLSession, /) -> None:
        """Closes the connection; the pool makes a new one in its place."""
        self.lost += 1
        session.connection.break_off()
        session.pooled.close()

    def verdict(self, error: Exception, /) -> Verdict:
        """What an error means."""
        return verdict_of(error)

    def translated(self, error: Exception, where: str, /) -> Exception:
        """The error to raise from one of ours."""
        return told(error, where)

    def listen(self, table: str, heard: Callable[[], None], /) -> None:
        """MySQL tells nobody of changes: the engine polls."""
        del table, heard

    def close(self) -> None:
        """Closes all connections that are not leased, and the others as they come back."""
        self._closed = True
        self._return_idle()

    def _return_idle(self) -> None:
        """To the pool, and both to their end."""
        with suppress(IndexError):
            while True:
                self._idle.pop().pooled.close()
        self._pool.close()
        self._lent.close()

    def abandon(self) -> None:
        """Leaves the parent's connections alone: to close one would end the parent's session."""
        keep_for_ever((self._pool, self._idle, self._lent))
        self._start()
        self.lost = 0
