"""One connection: a PyMySQL connection that is set up once, and knows whether it still stands."""

from __future__ import annotations

import select
import ssl
import time
from typing import Any, Final

from pymysql.connections import Connection
from pymysql.constants import SERVER_STATUS

__all__ = ["MySQLConnection"]

#: Leases end, items are stamped and deadlines pass by the server's clock. In another time zone an
#: hour would come twice each autumn. READ COMMITTED takes no gap locks, so consumers do not wait
#: for producers; the words of sql_mode make the server refuse what it would otherwise alter.
_SESSION: Final = (
    "SET SESSION time_zone = '+00:00', innodb_lock_wait_timeout = {patience},"
    " sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
)
_ISOLATION: Final = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
_TELL: Final = (
    "SELECT @@max_allowed_packet, @@auto_increment_increment, @@innodb_flush_log_at_trx_commit"
)
#: A connection that has rested for so many seconds is asked before it is used: a firewall may have
#: dropped it without a word.
_RESTED: Final = 60.0


class MySQLConnection(Connection):
    """See `pymysql.connections.Connection`.

    Args:
        patience: seconds to wait for a lock of the server.
        arguments: of `pymysql.connect`.

    Attributes:
        packet: how many bytes the server takes in one statement.
        step: how far apart the ids of one INSERT are.
        flush: the server's `innodb_flush_log_at_trx_commit`.
        used: when it was last given back, on the monotonic clock.
    """

    def __init__(self, patience: int, **arguments: Any) -> None:
        self.packet = 0
        self.step = 1
        self.flush = 1
        self.used = time.monotonic()
        super().__init__(**arguments)
        try:
            with self.cursor() as cursor:
                for sql in (_SESSION.format(patience=patience), _ISOLATION, _TELL):
                    cursor.execute(sql)
                row: Any = cursor.fetchone()
        except BaseException:
            self.break_off()
            raise
        self.packet, self.step, self.flush = (int(each) for each in row)

    def _create_ssl_ctx(self, options: Any) -> ssl.SSLContext:
        """How to encrypt where the server can and nobody has said how.

        PyMySQL loads the machine's authorities, too, against which nothing is checked then: 50 ms
        for every connection.
        """
        if options:
            context: ssl.SSLContext = super()._create_ssl_ctx(options)  # type: ignore[misc]
            return context
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context

    def is_sound(self) -> bool:
        """Whether it can be used; costs a round trip only after a long rest.

        A server says nothing unasked but that it ends the connection, so an idle connection that
        has something to read is one that has ended.
        """
        if not self.open or _is_readable(self._sock):  # type: ignore[attr-defined]
            return False
        if time.monotonic() - self.used > _RESTED:
            try:
                self.ping(reconnect=False)
            except Exception:
                return False
        return True

    def is_in_transaction(self) -> bool:
        """Whether a transaction is open, as the server told with its last answer."""
        status: int = self.server_status  # type: ignore[attr-defined]
        return bool(status & SERVER_STATUS.SERVER_STATUS_IN_TRANS)

    def break_off(self) -> None:
        """Closes the socket without a word to the server."""
        self._force_close()  # type: ignore[attr-defined]


def _is_readable(sock: Any) -> bool:
    # poll where there is one: select cannot look at descriptors above 1023, and eventlet leaves
    # only select, which is green.
    if hasattr(select, "poll"):
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([sock], [], [], 0)[0])
