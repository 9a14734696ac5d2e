"""Makes the table of docs/guarantees.md from the rows and the figures that the tests have counted.

``python -m tests.guarantees.render`` takes new figures from the directory in `PQ_FIGURES`, where
it is set, adds the day, and writes both the file of figures and the page.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from pathlib import Path
from typing import Final

from tests.figures import VARIABLE, recorded
from tests.guarantees.rows import ROWS, Row

__all__ = ["FIGURES", "PAGE", "ROOT", "page", "table"]

ROOT: Final = Path(__file__).parent.parent.parent
PAGE: Final = ROOT / "docs" / "guarantees.md"
FIGURES: Final = Path(__file__).with_name("figures.json")
START: Final = "<!-- made by tests/guarantees/render.py: start -->"
END: Final = "<!-- made by tests/guarantees/render.py: end -->"


def _line(row: Row, figures: dict[str, int]) -> str:
    tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in row.tests)
    told = [f"{figures[what]:,} {what}" for what in row.figures if what in figures]
    return f"| {row.promise} | {row.mechanism} | {tests} | {'<br>'.join(told) or 'each run'} |"


def table(stored: dict[str, object]) -> str:
    """The table, with the figures of one day."""
    figures = {what: count for what, count in stored.items() if isinstance(count, int)}
    lines = [
        "| promise | mechanism | test | last figures |",
        "|---|---|---|---|",
        *(_line(row, figures) for row in ROWS),
        "",
        f"Figures of {stored['day']}, counted by the tests themselves.",
    ]
    return "\n".join(lines)


def page(text: str, stored: dict[str, object]) -> str:
    """The page with a new table in it."""
    before, _, rest = text.partition(START)
    _, _, after = rest.partition(END)
    return f"{before}{START}\n\n{table(stored)}\n\n{END}{after}"


def main() -> None:
    """Writes the figures and the page."""
    directory = os.environ.get(VARIABLE)
    if directory is not None:
        day = dt.datetime.now(tz=dt.timezone.utc).date().isoformat()
        stored = {"day": day, **dict(sorted(recorded(Path(directory)).items()))}
        FIGURES.write_text(json.dumps(stored, indent=2) + "\n")
    PAGE.write_text(page(PAGE.read_text(), json.loads(FIGURES.read_text())))


if __name__ == "__main__":
    main()
