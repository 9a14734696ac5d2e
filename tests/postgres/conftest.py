"""Connections of every driver, for the tests of PQ."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from pq_postgres import PQ

_NUMBERS = itertools.count()

#: The ways to hand connections to PQ.
WAYS = ("psycopg", "psycopg2", "psycopg pool", "psycopg2 pool")


@pytest.fixture
def table() -> str:
    """A name that no table has yet."""
    return f"jobs_{next(_NUMBERS)}"


@pytest.fixture
def connect(postgres: str) -> Iterator[Callable[..., dict[str, Any]]]:
    """Makes the arguments of PQ for one of `WAYS`; everything is closed at the end."""
    with ExitStack() as stack:

        def arguments(way: str, autocommit: bool = False) -> dict[str, Any]:
            if way == "psycopg":
                import psycopg

                connection: Any = psycopg.connect(postgres, autocommit=autocommit)
                stack.callback(connection.close)
                return {"conn": connection}
            if way == "psycopg2":
                psycopg2 = pytest.importorskip("psycopg2")
                connection = psycopg2.connect(postgres)
                connection.autocommit = autocommit
                stack.callback(connection.close)
                return {"conn": connection}
            if way == "psycopg pool":
                psycopg_pool = pytest.importorskip("psycopg_pool")
                opened = psycopg_pool.ConnectionPool(postgres, min_size=1, max_size=4, open=True)
                stack.callback(opened.close)
                return {"pool": opened}
            psycopg2_pool = pytest.importorskip("psycopg2.pool")
            pool = psycopg2_pool.ThreadedConnectionPool(1, 4, postgres)
            stack.callback(lambda: pool.closed or pool.closeall())
            return {"pool": pool}

        yield arguments


@pytest.fixture(params=WAYS)
def pq(request: pytest.FixtureRequest, connect: Any, table: str) -> PQ:
    """PQ over each driver, with its table made."""
    made = PQ(**connect(request.param), table=table)
    made.create()
    return made


@pytest.fixture
def one(connect: Any, table: str) -> PQ:
    """PQ over a connection of psycopg, with its table made."""
    made = PQ(**connect("psycopg"), table=table)
    made.create()
    return made


@pytest.fixture
def sql(postgres: str) -> Iterator[Callable[..., list[Any]]]:
    """The rows of a statement, on another connection."""
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as connection:

        def run(statement: str, *parameters: Any) -> list[Any]:
            cursor = connection.execute(statement, parameters or None)
            return cursor.fetchall() if cursor.description else []

        yield run
