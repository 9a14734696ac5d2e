"""The names of what a run leaves in a database server until its end."""

from __future__ import annotations

from pathlib import Path

__all__ = ["table_name", "table_token"]


def table_name(directory: Path) -> str:
    """A name for the queue of a session in a server, after its directory."""
    return f"{table_token(directory.parent)}_{_letters(directory.name)}"


def table_token(root: Path) -> str:
    """What is in the names of all tables of one run, and of no other's."""
    return f"pq_bench_{_letters(root.name)}"


def _letters(name: str) -> str:
    return "".join(each for each in name.removeprefix("pq-bench-") if each.isalnum()).lower()
