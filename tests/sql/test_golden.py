"""Every statement of the project, in every dialect, on a few pages: tests/sql/golden.

A page begins with the plans, and which statements each may say; then come the statements. Pages of
kinds that differ little from another show only what differs.

``UPDATE_GOLDEN=1 pytest tests/sql`` writes the pages anew; the difference is for a reader.
"""

from __future__ import annotations

import ast
import inspect
import os
import sqlite3
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pq_core.serializers import codec
from pq_core.sql import KINDS, MYSQL, POSTGRESQL, SQLITE, Dialect
from pq_core.sql.plans import AckedPlans, DictionaryPlans, PlainPlans
from pq_core.sql.plans.acked import Retry
from pq_core.sql.plans.front import Front
from pq_core.sql.rows import opener
from pq_core.sql.schema import Layout, dictionary_layout, queue_layout
from pq_core.sql.statement import Statement

GOLDEN = Path(__file__).parent / "golden"
#: The kinds that differ little, and from which.
LIKE = dict.fromkeys(("filo", "unique", "priority"), "fifo")
LIKE.update(dict.fromkeys(("filo-ack", "unique-ack"), "ack"))
DIALECTS = (SQLITE, MYSQL, POSTGRESQL)


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
    for holder in [each for each in rendered.values() if isinstance(each, Front)]:
        rendered = {**rendered, **vars(holder)}
    for name, value in sorted(rendered.items(), key=lambda each: each[0].strip("_")):
        if isinstance(value, Statement):
            yield name.strip("_"), value.sql
        elif isinstance(value, dict):
            for key, each in value.items():
                yield f"{name.strip('_')}, {key}", each.sql


def dotted(function: Callable[..., Any]) -> Iterator[list[str]]:
    """The names like self.a.b in a function, each split, in the order of its lines."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    for node in sorted(found, key=lambda node: (node.lineno, node.col_offset)):
        yield ast.unparse(node).split(".")


def said(plans: Any, plan: Callable[..., Any]) -> list[str]:
    """The names of the statements that a plan may say, those of its parts included."""
    names: list[str] = []
    for first, *parts in dotted(plan):
        owner, value = plans, plans
        for part in parts if first == "self" else ():
            owner, value = value, getattr(value, part, None)
        if isinstance(value, dict) or (isinstance(value, Statement) and value.sql):
            names.append(parts[-1].strip("_"))
        elif inspect.isgeneratorfunction(value):
            names += said(owner, value)
    return list(dict.fromkeys(names))


def index(plans: Any) -> list[str]:
    """Each plan with its statements, on a line."""
    public = {name: getattr(plans, name) for name in sorted(dir(plans)) if name[0] != "_"}
    return [
        f"-- {name}: {', '.join(said(plans, plan))}"
        for name, plan in public.items()
        if inspect.isgeneratorfunction(plan)
    ]


def sections(dialect: Dialect, kind: str) -> dict[str, str]:
    """What a page has, by title."""
    plans = plans_of(dialect, kind)
    layout = plans.layout
    found = {"the plans, and what each may say": "\n".join(index(plans))}
    found["the tables"] = "\n".join(f"{sql};" for sql in made(layout))
    for number, migration in enumerate(layout.migrations[1:], 1):
        changes = "\n".join(f"{sql};" for sql in migration(layout, frozenset()))
        found[f"from version {number} to {number + 1}"] = changes
    found["mark"] = f"{next(layout.mark())[0].sql};"
    found.update({name: f"{sql};" for name, sql in statements(plans) if sql})
    return found


def page(dialect: Dialect, kind: str) -> str:
    """One golden file."""
    found = sections(dialect, kind)
    like = LIKE.get(kind)
    title = f"-- {kind}, {dialect.name}"
    if like:
        title += f": as {like}.sql with other names of tables, but for this"
        names = (KINDS[like].table("x"), KINDS[kind].table("x"))
        other = {key: text.replace(*names) for key, text in sections(dialect, like).items()}
        left_out = [key for key in other if key not in found]
        found = {key: text for key, text in found.items() if text != other.get(key)}
        found.update(dict.fromkeys(left_out, "-- is not said"))
    return "\n\n".join([title, *(f"-- {key}\n{text}" for key, text in found.items())]) + "\n"


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
def test_sqlite_accepts_every_statement(kind: str) -> None:
    """Each statement of the SQLite dialect can be prepared on the tables that it makes."""
    plans = plans_of(SQLITE, kind)
    database = sqlite3.connect(":memory:", isolation_level=None)
    for sql in made(plans.layout):
        database.execute(sql, ("x", 1)[: sql.count("?")])
    for sql in (sql for _, sql in statements(plans) if sql):
        database.execute(f"EXPLAIN {sql}", (1,) * sql.count("?")).fetchall()
    database.close()


def test_claims_use_their_indexes() -> None:
    """No claim scans a table or sorts: its cost does not grow with what is not ready."""
    plans = plans_of(SQLITE, "ack")
    database = sqlite3.connect(":memory:", isolation_level=None)
    for sql in made(plans.layout):
        database.execute(sql, ("x", 1)[: sql.count("?")])
    found = dict(statements(plans))
    for name in ("first", "next", "any", "count", "due", "next_due", "kept, 5", "trim_items, 5"):
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
