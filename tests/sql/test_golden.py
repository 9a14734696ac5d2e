"""Every statement of the project, in every dialect, on a few pages: tests/sql/golden.

``UPDATE_GOLDEN=1 pytest tests/sql`` writes the pages anew; the difference is for a reader.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pq_core.serializers import codec
from pq_core.sql import KINDS, MYSQL, POSTGRESQL, SQLITE, SQLITE_OLD, Dialect
from pq_core.sql.plans import AckedPlans, DictionaryPlans, PlainPlans
from pq_core.sql.plans.acked import Retry
from pq_core.sql.rows import opener
from pq_core.sql.schema import Layout, dictionary_layout, queue_layout
from pq_core.sql.statement import Statement

GOLDEN = Path(__file__).parent / "golden"
DIALECTS = (SQLITE, SQLITE_OLD, MYSQL, POSTGRESQL)


def plans_of(dialect: Dialect, kind: str) -> Any:
    """The plans of a kind of queue, or of the dictionary."""
    if kind == "dictionary":
        return DictionaryPlans(dictionary_layout(dialect, "x"))
    of_kind = KINDS[kind]
    layout = queue_layout(dialect, of_kind, "x")
    open_row = opener(codec("json"), "x")

    def clock() -> tuple[float, ...]:
        return (0.0,) if dialect.now == dialect.placeholder else ()

    if of_kind.is_acked:
        return AckedPlans(layout, of_kind, open_row, clock, Retry())
    return PlainPlans(layout, of_kind, open_row, clock)


def made(layout: Layout) -> list[str]:
    """The statements that make the tables of a new queue."""
    plan = layout.prepare()
    statements = []
    reply: Any = None
    try:
        while True:
            statement, _ = plan.send(reply)
            statements.append(statement.sql)
            reply = [] if statement.wants == "rows" else None
    except StopIteration:
        return statements


def statements(plans: Any) -> Iterator[tuple[str, str]]:
    """All statements of some plans, by name."""
    rendered = vars(getattr(plans, "_sql", plans))
    for name, value in sorted(rendered.items()):
        if isinstance(value, Statement):
            yield name.strip("_"), value.sql
        elif isinstance(value, dict):
            for key, each in value.items():
                yield f"{name.strip('_')}, {key}", each.sql


def page(dialect: Dialect, kind: str) -> str:
    """One golden file."""
    plans = plans_of(dialect, kind)
    lines = [f"-- {kind}, {dialect.name}", ""]
    lines += [f"{sql};" for sql in made(plans.layout)]
    for name, sql in statements(plans):
        lines += ["", f"-- {name}", f"{sql};" if sql else "-- not needed"]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("kind", [*KINDS, "dictionary"])
@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_the_statements_are_those_that_were_reviewed(dialect: Dialect, kind: str) -> None:
    """No statement changes without its golden file."""
    file = GOLDEN / dialect.name / f"{kind}.sql"
    rendered = page(dialect, kind)
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(rendered)
    assert file.read_text() == rendered


@pytest.mark.parametrize("kind", [*KINDS, "dictionary"])
@pytest.mark.parametrize("dialect", [SQLITE, SQLITE_OLD], ids=lambda dialect: dialect.name)
def test_sqlite_accepts_every_statement(dialect: Dialect, kind: str) -> None:
    """Each statement of the SQLite dialects can be prepared on the tables that they make."""
    plans = plans_of(dialect, kind)
    database = sqlite3.connect(":memory:", isolation_level=None)
    for sql in made(plans.layout):
        database.execute(sql, ("x", 1)[: sql.count("?")])
    for _, sql in statements(plans):
        if not sql:
            continue
        database.execute(f"EXPLAIN {sql}", (1,) * sql.count("?")).fetchall()
    database.close()


def test_claims_use_their_indexes() -> None:
    """No claim scans a table or sorts: its cost does not grow with what is not ready."""
    plans = plans_of(SQLITE, "ack")
    database = sqlite3.connect(":memory:", isolation_level=None)
    for sql in made(plans.layout):
        database.execute(sql, ("x", 1)[: sql.count("?")])
    found = dict(statements(plans))
    for name in ("claim", "next", "any", "count", "due", "next_due", "kept, 5", "trim_items, 5"):
        sql = found[name]
        rows = database.execute(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?")).fetchall()
        for _, _, _, detail in rows:
            assert "TEMP B-TREE" not in detail, (name, detail)
            if detail.startswith(("SCAN pq_state", "SCAN ack_queue")):
                assert "INDEX pq_" in detail, (name, detail)
    database.close()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_names_are_quoted(dialect: Dialect) -> None:
    """A quote in a name is doubled, a percent sign too where it stands for a parameter."""
    quote = dialect.quote
    quoted = dialect.name_of(f"a{quote}b%")
    assert quoted.startswith(f"{quote}a{quote}{quote}b%")
    assert quoted.count("%") == (2 if dialect.placeholder == "%s" else 1)
    with pytest.raises(ValueError, match="NUL"):
        dialect.name_of("a\0b")
    with pytest.raises(ValueError, match="empty"):
        dialect.name_of("")
