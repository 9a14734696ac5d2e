"""The loop that turns plans into calls of a session, and what it says by itself."""

from __future__ import annotations

from typing import Any, Final, TypeVar

from pq_core.server.driver import Session, Verdict
from pq_core.sql.statement import Plan, Statement

__all__ = ["BACK", "RELEASE", "SAVEPOINT", "Again", "drive"]

R = TypeVar("R")

#: A plan inside of the caller's transaction stands between the first and the last of these.
SAVEPOINT: Final = Statement("SAVEPOINT pq_plan")
BACK: Final = Statement("ROLLBACK TO SAVEPOINT pq_plan")
RELEASE: Final = Statement("RELEASE SAVEPOINT pq_plan")


class Again(Exception):
    """Nothing has happened; another attempt makes sense."""

    def __init__(self, cause: Exception, verdict: Verdict) -> None:
        super().__init__()
        self.cause = cause
        self.verdict = verdict


def drive(session: Session, plan: Plan[R]) -> R:
    """Runs a plan to its end on a session."""
    reply: Any = None
    send, execute = plan.send, session.execute
    try:
        while True:
            statement, parameters = send(reply)
            reply = execute(statement, parameters)
    except StopIteration as stop:
        result: R = stop.value
        return result
