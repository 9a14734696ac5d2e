"""The loop that turns plans into calls of sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from pq_core.sql.statement import Plan

__all__ = ["at_once", "drive", "roll_back", "snapshot", "within"]

R = TypeVar("R")


def drive(cursor: sqlite3.Cursor, plan: Plan[R]) -> R:
    """Runs a plan to its end on the open transaction.

    Every statement is stepped to its end before the next, so one cursor does for all.
    """
    reply: Any = None
    send = plan.send
    execute = cursor.execute
    try:
        while True:
            statement, parameters = send(reply)
            wants = statement.wants
            if wants == "one":
                found = execute(statement.sql, parameters).fetchall()
                reply = found[0] if found else None
            elif wants == "id":
                reply = execute(statement.sql, parameters).lastrowid
            elif wants == "count":
                reply = execute(statement.sql, parameters).rowcount
            elif wants == "rows":
                reply = execute(statement.sql, parameters).fetchall()
            elif wants == "sure":
                if execute(statement.sql, parameters).rowcount != 1:
                    raise _contradiction()
                reply = None
            elif wants == "many":
                changed = cursor.executemany(statement.sql, parameters).rowcount
                if parameters and changed != len(parameters):
                    raise _contradiction()
                reply = None
            else:
                execute(statement.sql, parameters)
                reply = None
    except StopIteration as stop:
        result: R = stop.value
        return result
    except BaseException:
        # Interrupted between two steps of a statement, which would keep its snapshot open: the next
        # one on this cursor ends it.
        with suppress(sqlite3.Error):
            execute("SELECT 1").fetchall()
        raise


def _contradiction() -> sqlite3.DatabaseError:
    """An index has named a row that is not there, or is not as the index has it.

    SQLite believes its indexes, so this is damage that only the one who asked can see.
    """
    return sqlite3.DatabaseError("database disk image is malformed")


def at_once(cursor: sqlite3.Cursor, plan: Callable[..., Plan[R]], args: tuple[Any, ...]) -> R:
    """Runs a plan that is one statement, and so a transaction by itself (P1)."""
    return drive(cursor, plan(*args))


def within(
    cursor: sqlite3.Cursor,
    plan: Callable[..., Plan[R]],
    args: tuple[Any, ...],
    begin: str = "BEGIN IMMEDIATE",
) -> R:
    """Runs a plan in a transaction of its own."""
    try:
        cursor.execute(begin)  # in here: an interrupt may come right behind it
        result = drive(cursor, plan(*args))
        cursor.execute("COMMIT")
    except BaseException:
        roll_back(cursor)
        raise
    return result


def snapshot(cursor: sqlite3.Cursor, plan: Callable[..., Plan[R]], args: tuple[Any, ...]) -> R:
    """Runs a plan that only reads, and sees one state of the database (P5)."""
    return within(cursor, plan, args, "BEGIN")


def roll_back(cursor: sqlite3.Cursor) -> None:
    """Ends the open transaction, if there is still one."""
    # SQLite has rolled back by itself after some errors (https://sqlite.org/lang_transaction.html).
    if cursor.connection.in_transaction:
        with suppress(sqlite3.Error):
            cursor.execute("ROLLBACK")
