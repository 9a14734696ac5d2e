"""docs/guarantees.md says what the rows say, and every row has its test."""

from __future__ import annotations

import ast
import json

import pytest

from tests.guarantees.mutants import MUTANTS, SOURCES
from tests.guarantees.render import FIGURES, PAGE, ROOT, page
from tests.guarantees.rows import ROWS, Row


@pytest.mark.parametrize("row", ROWS, ids=[row.promise[:40] for row in ROWS])
def test_every_row_has_its_test(row: Row) -> None:
    """Each test that a row names is a function of that file, in one of the runs."""
    assert row.tests
    for test in row.tests:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


@pytest.mark.parametrize("row", ROWS, ids=[row.promise[:40] for row in ROWS])
def test_every_row_has_a_mutant(row: Row) -> None:
    """A mechanism that can be taken out stands for each row, and stands in the code as it says."""
    mutants = [each for each in MUTANTS if row.promise.startswith(each.promise)]
    assert mutants
    for mutant in mutants:
        assert mutant.test in row.tests
        assert mutant.old in (ROOT / SOURCES / mutant.path).read_text("utf-8"), mutant


def test_the_page_is_what_is_rendered() -> None:
    """Nobody has typed a figure or a row into the page."""
    stored = json.loads(FIGURES.read_text())
    assert page(PAGE.read_text(), stored) == PAGE.read_text()


def test_every_figure_belongs_to_a_row() -> None:
    """What the tests count is shown, and what is shown is counted."""
    stored = json.loads(FIGURES.read_text())
    shown = {what for row in ROWS for what in row.figures}
    assert {"day", *shown} == set(stored)
