"""Errors of PyMySQL as errors of a queue: the one place where that happens.

Numbers are those of the MySQL 8.0 Error Message Reference, and for MariaDB of its
"MariaDB Error Code Reference"; those above 8000 are TiDB's.
"""

from __future__ import annotations

import ssl
from typing import Final

import pymysql.err

from pq_core.errors import StorageBusy, StorageError
from pq_core.server.driver import Verdict

__all__ = ["ERRORS", "code_of", "told", "verdict_of"]

#: What a connection may raise.
ERRORS: Final[tuple[type[Exception], ...]] = (pymysql.err.Error, OSError)

_CONFLICTS: Final = frozenset(
    {
        1020,  # the record has changed since it was read (MariaDB with innodb_snapshot_isolation)
        1040,  # too many connections
        1047,  # Galera: the node is not ready
        1060,  # somebody else has added the column
        1061,  # ... or the index
        1203,  # too many connections of this user
        1205,  # lock wait timeout
        1213,  # deadlock; in Galera also: another node was faster
        1226,  # too many connections of this account
        1412,  # the table was altered meanwhile
        1637,  # too many transactions
        8022,  # TiDB: the commit failed, to be tried again
        9007,  # TiDB: write conflict
    }
)
_GONE: Final = frozenset(
    {
        0,  # InterfaceError of a connection that was closed
        1053,  # the server shuts down
        1077,
        1079,
        1152,
        1184,
        1927,  # MariaDB: the connection was killed
        2002,  # no such socket
        2003,  # no such server
        2005,  # no such host
        2006,
        2013,
        2014,  # the answer was not read to its end
        2055,
        4031,  # MySQL 8: it was idle for too long
    }
)
_TLS: Final = 2026
_TOO_MANY: Final = frozenset({1040, 1203, 1226})

_TOLD: Final = {
    1005: "a table cannot be made; look into the server's log",
    1021: "the disk of the server is full; free some space and try again",
    1044: "the user may not use this database; GRANT ALL PRIVILEGES on it",
    1045: "the server refuses the user or the password; check both",
    1049: "there is no such database; CREATE DATABASE it",
    1062: "an equal item is in the queue already; update another one, or get it first",
    1071: "the name of a queue is too long for an index; choose a shorter one",
    1103: "a table cannot have this name; choose one that does not end with a space",
    1114: "the table is full; free some space on the server",
    1130: "the server takes no connections from this host; allow it in the server",
    1142: "the user may not do that; GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX",
    1146: "a table of the queue is not there any more; open the queue again",
    1153: "the item is larger than the server takes at once; raise its max_allowed_packet",
    1227: "the user lacks a privilege; see the server's log",
    1290: "the server is read-only; connect to the primary",
    1292: "the server refuses a value; look into its sql_mode",
    1317: "the statement was killed; nothing of it has happened",
    1665: "the server's binlog_format is STATEMENT, which READ COMMITTED rules out; set it to ROW",
    1698: "the server refuses the user, or wants no password for it; check both",
    1792: "the server is read-only; connect to the primary",
    1836: "the server is read-only; connect to the primary",
    1969: "the statement took longer than the server's max_statement_time",
    _TLS: "TLS failed; check ssl= and the certificates",
    2059: "the server wants an authentication method that PyMySQL does not have",
    3024: "the statement took longer than the server's max_execution_time",
    3159: "the server wants TLS; give ssl=",
    8130: "the server takes one statement at a time; give multi_statements=False",
}
_AWAY: Final = "the server cannot be reached; check that it runs, the host and the port"


def code_of(error: BaseException) -> int:
    """The number of an error; 0 where it has none."""
    # PyMySQL tells a certificate that it does not trust as "can't connect", and the reason beside.
    if isinstance(getattr(error, "original_exception", error), ssl.SSLError):
        return _TLS
    first = error.args[0] if error.args else 0
    return first if isinstance(first, int) else 0


def verdict_of(error: Exception) -> Verdict:
    """What an error means for its transaction."""
    code = code_of(error)
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLCertVerificationError):
        return Verdict.GONE
    if code in _CONFLICTS:
        return Verdict.CONFLICT
    if code in _GONE and isinstance(
        error, (pymysql.err.OperationalError, pymysql.err.InterfaceError, pymysql.err.InternalError)
    ):
        return Verdict.GONE
    return Verdict.OTHER


def told(error: Exception, where: str) -> Exception:
    """The error to raise from one of PyMySQL's; never shows a statement, which may hold an item.

    Args:
        error: what PyMySQL raised.
        where: the object that the message has to name.
    """
    code = code_of(error)
    if code in _TOO_MANY:
        return StorageBusy(
            f"{where}: the server has too many connections; close some, lower max_connections "
            "here, or raise it there"
        )
    if verdict_of(error) is Verdict.GONE:
        return StorageError(f"{where}: {_AWAY}")
    text = _TOLD.get(code, f"the server refused ({type(error).__name__}, code {code})")
    return StorageError(f"{where}: {text}")
