"""Statements and plans: what an operation says to a database, without a database.

A *plan* is a generator. It yields ``(statement, parameters)`` and is sent what the statement
`wants`; what it returns is the result of the operation. Whoever runs it owns the connection, the
transaction and the waiting, so one plan serves a blocking driver and an awaiting one::

    def run(connection, plan):
        reply = None
        while True:
            try:
                statement, parameters = plan.send(reply)
            except StopIteration as stop:
                return stop.value
            reply = ...  # execute, and fetch what statement.wants

Rules for plans, which drivers rely on:

P1. A plan is one transaction, unless it is marked `single`: then it is one statement that is
    atomic by itself. (What it says behind that, of an item that cannot be read, is another.)
P2. A plan that refuses (raises) does so before its first change. So several plans may share a
    transaction without savepoints.
P3. A plan may be run again from its start after a rollback: it changes nothing but the database.
P4. A plan marked `adds` says by how much its result changes the number of ready items; any other
    plan that is not `reading` changes it by an unknown amount.
P5. A plan marked `reading` changes nothing; where it has several statements, they have to see
    one snapshot.
P6. A plan marked `growing` stores items. Any other leaves no more than there was, so that it may
    use what is kept for the time when a disk is full.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

__all__ = ["Plan", "Statement", "Step", "Wants", "adds", "growing", "reading", "single"]

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])

#: What a plan is sent for a statement:
#: rows: all rows; one: the first row or None; count: how many rows changed;
#: id: the id of the row just inserted; sure: None, and one row has to change, or what is stored
#: contradicts itself; many: the same for each execution, the parameters are a list of theirs;
#: ids: as many, for an INSERT that tells the ids, in the order of the list; none: None.
Wants: TypeAlias = Literal["rows", "one", "count", "id", "ids", "sure", "many", "none"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement, rendered for its dialect.

    Attributes:
        sql: the text; never holds a value.
        wants: what the plan is sent for it.
    """

    sql: str
    wants: Wants = "none"


#: What a plan yields.
Step: TypeAlias = tuple[Statement, Sequence[Any]]

#: An operation.
Plan: TypeAlias = Generator[Step, Any, R]


def single(plan: F) -> F:
    """Marks a plan that is one statement: it needs no transaction around it."""
    plan.__dict__["single"] = True
    return plan


def reading(plan: F) -> F:
    """Marks a plan that changes nothing."""
    plan.__dict__["reading"] = True
    return plan


def growing(plan: F) -> F:
    """Marks a plan that stores items."""
    plan.__dict__["growing"] = True
    return plan


def adds(delta: Callable[[Any], int]) -> Callable[[F], F]:
    """Marks a plan whose result tells how many more items are ready after it."""

    def mark(plan: F) -> F:
        plan.__dict__["adds"] = delta
        return plan

    return mark
