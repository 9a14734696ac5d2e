"""Hears on a connection of its own what other processes have changed."""

from __future__ import annotations

import logging
import select
import socket
import threading
from collections.abc import Callable
from typing import Any, Final

from pq_postgres._translate import is_of_driver

__all__ = ["PostgresListener"]

_LOG: Final = logging.getLogger("persistqueue")


class PostgresListener:
    """See `pq_core.server.driver.Listener`.

    Args:
        connection: of psycopg, in autocommit mode; closed with the listener.
        channel: to listen to, as an identifier.
        heard: called from a thread, after one or more notifications.

    Attributes:
        is_alive: whether it still hears.
    """

    def __init__(self, connection: Any, channel: str, heard: Callable[[], None]) -> None:
        connection.execute(f"LISTEN {channel}")
        self._connection = connection
        self._heard = heard
        self._wake, self._woken = socket.socketpair()
        self.is_alive = True
        self._thread = threading.Thread(target=self._run, name="persistqueue-listener", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while self._await():
                self._heard()
        except Exception as error:
            if not is_of_driver(error):
                raise
            _LOG.warning("a listener has lost its connection; polling meanwhile: %s", error)
        finally:
            self.is_alive = False
            self._connection.close()
            self._woken.close()
            self._heard()  # who relied on it has to look for themselves

    def _await(self) -> bool:
        """Blocks until there was a notification; False: the listener was closed."""
        pgconn = self._connection.pgconn
        while True:
            heard = False
            while pgconn.notifies() is not None:
                heard = True
            if heard:
                return True
            ready, _, _ = select.select([pgconn.socket, self._woken], [], [])
            if self._woken in ready:
                return False
            pgconn.consume_input()

    def close(self) -> None:
        """Ends it; a second call does nothing."""
        self._wake.close()
        if self._thread is not threading.current_thread():
            self._thread.join(1.0)
