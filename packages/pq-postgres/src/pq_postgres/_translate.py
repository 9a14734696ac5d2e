"""Errors of psycopg and psycopg2 as errors of a queue: the one place where that happens.

What decides is the SQLSTATE (PostgreSQL manual, appendix A), never the text of a message.
"""

from __future__ import annotations

from typing import Final

from pq_core.errors import StorageBusy, StorageError

__all__ = ["is_gone", "is_of_driver", "sqlstate_of", "translated"]

_BUSY: Final = {
    "40001": "two transactions got in each other's way",
    "40P01": "the server ended a deadlock",
    "55P03": "somebody else held a lock for too long",
    "57014": "the statement was cancelled, or took longer than statement_timeout",
    "53300": "the server has no connection left",
}
_KNOWN: Final = {
    "28P01": "the password was refused; check user and password",
    "28000": "the server does not let this user in; check user and pg_hba.conf",
    "3D000": "the database is not there; create it, or give another dbname",
    "3F000": "the schema is not there; create it, or give another one",
    "42501": "this user has no right to do that; GRANT it, or connect as another user",
    "42P01": "the table is not there; call create(), or open the queue anew",
    "53100": "the server's disk is full; free some space and try again",
    "53200": "the server is out of memory",
    "54000": "the item is larger than PostgreSQL takes; store it elsewhere",
    "25006": "the server takes no writes: it is a standby; connect to the primary",
    "57P01": "the server was shut down; try again when it is back",
    "57P02": "the server has crashed; try again when it is back",
    "57P03": "the server is starting up; try again",
    "25P02": "a statement of the transaction has failed, so nothing of it has happened; run it again",
    "23505": "an equal item is there already, and the queue is unique; settle that one first",
    "22P02": "the data is not valid JSON; check encode=",
    "22P05": "the data has a character that the database's encoding cannot store",
}
#: The classes of errors that mean that a connection is gone, or was never there.
_CONNECTION: Final = "08"


#: Where the errors are defined that are translated.
_DRIVERS: Final = frozenset({"psycopg", "psycopg_pool", "psycopg2", "psycopg2cffi"})


def is_of_driver(error: BaseException) -> bool:
    """Whether a driver or its pool has raised this."""
    return any(cls.__module__.partition(".")[0] in _DRIVERS for cls in type(error).__mro__)


def sqlstate_of(error: BaseException) -> str:
    """The five characters that name the error; "" where the server did not say any."""
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or ""


def is_gone(error: BaseException) -> bool:
    """Whether the connection is lost."""
    state = sqlstate_of(error)
    if not state:
        # Of the driver itself: it could not connect, or the connection broke.
        names = {cls.__name__ for cls in type(error).__mro__}
        return bool(names & {"OperationalError", "InterfaceError"})
    return state.startswith(_CONNECTION) or state in ("57P01", "57P02", "57P03")


def translated(error: BaseException, where: str) -> StorageError:
    """The error to raise from `error`.

    Args:
        error: what the driver raised.
        where: what the queue is called.
    """
    state = sqlstate_of(error)
    if state in _BUSY:
        return StorageBusy(f"{where}: {_BUSY[state]}; try again")
    if state in _KNOWN:
        return StorageError(f"{where}: {_KNOWN[state]}")
    if is_gone(error):
        # What libpq and the server say of a connection has no code; it never shows a password.
        said = " ".join(str(error).split("\n")[0].split()) or type(error).__name__
        return StorageError(
            f"{where}: there is no connection ({said}); check host, port, user, password and "
            "dbname, and that the server runs"
        )
    named = f"SQLSTATE {state}" if state else "no SQLSTATE"
    return StorageError(f"{where}: PostgreSQL failed ({type(error).__name__}, {named})")
