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


@pytest.mark.slow
@pytest.mark.parametrize("analyzed", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_a_claim_touches_few_pages(postgres: str, sql: SQL, name: str, analyzed: bool) -> None:
    """No claim and no look for one scans or sorts a table, with statistics or without."""
    columns, values, claim, parameters = CASES[name]
    with getattr(pq_postgres, name)(postgres, f"deep {analyzed}") as queue:
        layout = queue._server.layout
        sql(
            f"INSERT INTO {layout.main} (data, timestamp{columns})"
            f" SELECT '0'::bytea, 0{values} FROM generate_series(1, {DEEP}) AS g"
        )
        if analyzed:
            sql(f"VACUUM ANALYZE {layout.main}")
        plans = queue._base_plans
        said = vars(getattr(plans, "_sql", plans))
        session = queue._server.driver.lease()
        any_ready = said.get("any") or said["_any"]
        for statement, values_of in ((said[claim], parameters), (any_ready, ())):
            text = session._rendered(statement.sql, values_of)
            plan = "\n".join(row[0] for row in sql(f"EXPLAIN (ANALYZE, BUFFERS) {text}"))
            assert "Seq Scan" not in plan, plan
            assert "Sort" not in plan, plan
            hit, read = (
                re.search(rf"Buffers: shared.*?{what}=(\d+)", plan) for what in ("hit", "read")
            )
            assert sum(int(each[1]) for each in (hit, read) if each) <= PAGES, plan
        queue._server.driver.give_back(session)
        sql(f"DROP TABLE {layout.main}")
