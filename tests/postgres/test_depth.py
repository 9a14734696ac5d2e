"""What a claim costs does not grow with what lies in the table."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import Any

import pytest

import pq_postgres

#: How many rows lie there; ``PQ_TEST_DEEP=1000000`` for more.
DEEP = int(os.environ.get("PQ_TEST_DEEP", "200000"))
#: Pages that a claim may touch: a few steps of some indexes, and those it changes.
PAGES = 60

SQL = Callable[..., list[Any]]

#: By class: columns and values of rows that lie there, the statement that claims, its parameters.
CASES: dict[str, tuple[str, str, str, tuple[Any, ...]]] = {
    "PostgresQueue": ("", "", "_take", ()),
    "FILOPostgresQueue": ("", "", "_take", ()),
    "PostgresPriorityQueue": (", priority", ", g % 10", "_take", ()),
    "PostgresAckQueue": (
        ", status, priority, attempts, token",
        ", CASE WHEN g % 2 = 0 THEN 1 ELSE 5 END, g % 3, 0, 0",
        "claim_at_once",
        (1, 1, None),
    ),
    "FILOPostgresAckQueue": (
        ", status, priority, attempts, token",
        f", CASE WHEN g > {DEEP // 2} THEN 1 ELSE 5 END, 0, 0, 0",
        "claim_at_once",
        (1, 1, None),
    ),
}


#: What the statistics say: what is there, that the table is as it was before, or nothing at all.
STATISTICS = pytest.mark.parametrize("statistics", ["right", "of before", "none"])


def explained(sql: SQL, session: Any, statement: Any, parameters: tuple[Any, ...]) -> str:
    """How the server carries a statement out. It has an effect."""
    text = session._rendered(statement.sql, parameters)
    plan = "\n".join(row[0] for row in sql(f"EXPLAIN (ANALYZE, BUFFERS) {text}"))
    assert "Seq Scan" not in plan, plan
    assert "Sort" not in plan, plan
    return plan


def touched(plan: str) -> int:
    """Pages, in memory or on disk."""
    both = (re.search(rf"Buffers: shared.*?{what}=(\d+)", plan) for what in ("hit", "read"))
    return sum(int(found[1]) for found in both if found)


@pytest.mark.slow
@STATISTICS
@pytest.mark.parametrize("name", CASES)
def test_a_claim_touches_few_pages(postgres: str, sql: SQL, name: str, statistics: str) -> None:
    """No claim and no look for one scans or sorts a table, whatever the statistics say."""
    columns, values, claim, parameters = CASES[name]
    with getattr(pq_postgres, name)(postgres, f"deep {statistics}") as queue:
        main = queue._server.layout.main
        insert = f"INSERT INTO {main} (data, timestamp{columns}) SELECT '0'::bytea, 0{values}"
        if statistics == "of before":
            # Nothing is ready: it is settled, or out.
            sql(f"{insert} FROM generate_series(1, 1000) AS g")
            sql(f"UPDATE {main} SET {'status = 5' if 'status' in columns else 'owner = 1'}")
            sql(f"VACUUM ANALYZE {main}")
        sql(f"{insert} FROM generate_series(1, {DEEP}) AS g")
        if statistics == "right":
            sql(f"VACUUM ANALYZE {main}")
        plans = queue._base_plans
        said = vars(getattr(plans, "_sql", plans))
        session = queue._server.driver.lease()
        any_ready = said.get("any") or said["_any"]
        for statement, values_of in ((said[claim], parameters), (any_ready, ())):
            plan = explained(sql, session, statement, values_of)
            assert touched(plan) <= PAGES, plan
        queue._server.driver.give_back(session)
        sql(f"DROP TABLE {main}")


@pytest.mark.parametrize("name", ["PostgresAckQueue", "FILOPostgresAckQueue"])
def test_a_thousand_items_are_not_sorted_either(postgres: str, sql: SQL, name: str) -> None:
    """Before there are statistics, a claim among a thousand items takes the next one only."""
    with getattr(pq_postgres, name)(postgres, "shallow") as queue:
        queue.put_many(list(range(1000)))
        session = queue._server.driver.lease()
        explained(sql, session, queue._base_plans._sql.claim_at_once, (1, 1, None))
        queue._server.driver.give_back(session)


@pytest.mark.slow
def test_what_is_due_is_found_among_what_is_not(postgres: str, sql: SQL) -> None:
    """A look for items that are due passes over none that are delayed for longer."""
    with pq_postgres.PostgresAckQueue[Any](postgres, "due") as queue:
        main = queue._server.layout.main
        sql(
            f"INSERT INTO {main} (data, timestamp, status, priority, attempts, token, due) SELECT"
            " '0'::bytea, 0, 3, 0, 0, 0, date_part('epoch', statement_timestamp()) + 1000 + g"
            f" FROM generate_series(1, {DEEP}) AS g"
        )
        session = queue._server.driver.lease()
        plans: Any = queue._base_plans
        plan = explained(sql, session, plans._sql.due, ())
        assert touched(plan) <= PAGES, plan
        queue._server.driver.give_back(session)
        sql(f"DROP TABLE {main}")


def test_an_ack_queue_of_version_1(postgres: str, sql: SQL) -> None:
    """Its index of what is ready becomes the one that new queues have."""

    def index(table: str) -> str:
        (row,) = sql(f"SELECT indexdef FROM pg_indexes WHERE indexname = 'pq_ready_{table}'")
        return str(row[0]).replace(table, "")

    old, new = "ack_queue_old", "ack_queue_new"
    for name in ("old", "new"):
        with pq_postgres.PostgresAckQueue[str](postgres, name) as queue:
            queue.put_many(["a", "b"])
    sql(f"DROP INDEX pq_ready_{old}")
    sql(f"CREATE INDEX pq_ready_{old} ON {old} (priority, _id, due) WHERE status = 1")
    sql(f"UPDATE pq_meta SET version = 1 WHERE name = '{old}'")
    with pq_postgres.PostgresAckQueue[str](postgres, "old") as queue:
        assert queue.get(block=False) == "a"
    assert index(old) == index(new)
    assert sql(f"SELECT version FROM pq_meta WHERE name = '{old}'") == [(2,)]
