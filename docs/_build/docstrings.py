"""Docstrings as Markdown: what is plain text to `help()` becomes code on a page.

Two things of reStructuredText are in them because Python's own tools know them: examples that begin
with ``>>>``, and a ``::`` before an indented block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import griffe

__all__ = ["Docstrings"]


class Docstrings(griffe.Extension):
    """Rewrites every docstring before it is parsed."""

    def on_object(self, *, obj: griffe.Object, **_context: Any) -> None:
        """Rewrites the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            lines = obj.docstring.value.splitlines()
            obj.docstring.value = "\n".join(_without_colons(list(_fenced(lines))))


def _fenced(lines: list[str]) -> Iterator[str]:
    """The lines with a fence around each example."""
    inside = None  # the indentation of the example
    for line in lines:
        text = line.lstrip()
        if inside is None and text.startswith(">>>"):
            inside = line[: len(line) - len(text)]
            yield f"{inside}```pycon"
        elif inside is not None and not text:
            yield f"{inside}```"
            inside = None
        yield line
    if inside is not None:
        yield f"{inside}```"


def _without_colons(lines: list[str]) -> Iterator[str]:
    """The lines with one colon, or none, where two say that code follows."""
    for line in lines:
        if line.strip() == "::":
            continue
        yield line[:-1] if line.endswith("::") else line
