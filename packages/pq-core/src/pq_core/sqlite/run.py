"""The loop that turns plans into calls of sqlite3."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from pq_core.sql.statement import Plan

__all__ = ["drive", "roll_back", "within"]

R = TypeVar("R")


def drive(connection: sqlite3.Connection, plan: Plan[R]) -> R:
    """Runs a plan to its end on the open transaction."""
    reply: Any = None
    send = plan.send
    execute = connection.execute
    try:
        while True:
            statement, parameters = send(reply)
            wants = statement.wants
            if wants == "rows":
                reply = execute(statement.sql, parameters).fetchall()
            elif wants == "id":
                reply = execute(statement.sql, parameters).lastrowid
            elif wants == "count":
                reply = execute(statement.sql, parameters).rowcount
            elif wants == "one":
                found = execute(statement.sql, parameters).fetchall()
                reply = found[0] if found else None
            elif wants == "many":
                connection.executemany(statement.sql, parameters)
                reply = None
            else:
                execute(statement.sql, parameters)
                reply = None
    except StopIteration as stop:
        result: R = stop.value
        return result


def within(
    connection: sqlite3.Connection, begin: str, plan: Callable[..., Plan[R]], args: tuple[Any, ...]
) -> R:
    """Runs a plan in a transaction of its own."""
    connection.execute(begin)
    try:
        result = drive(connection, plan(*args))
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise
    return result


def roll_back(connection: sqlite3.Connection) -> None:
    """Ends the open transaction, if there is still one."""
    # SQLite has rolled back by itself after some errors (https://sqlite.org/lang_transaction.html).
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
