"""`MappingPlayer`: a dictionary that can play."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

__all__ = ["KEYS", "MappingPlayer"]

#: So many keys are set and looked up, in turn.
KEYS: Final = 500


class MappingPlayer:
    """Plays "set" and "look_up" on a mapping.

    Args:
        mapping: with `__getitem__`, `__setitem__` and perhaps `close`.
    """

    def __init__(self, mapping: Any) -> None:
        self._mapping = mapping
        self._turn = 0
        for number in range(KEYS):
            mapping[f"key{number}"] = number

    def set(self, items: Iterator[Any]) -> None:
        """Replaces one value for each item, by one that differs: SQLite skips equal ones."""
        mapping, turn = self._mapping, self._turn
        for turn, item in enumerate(items, self._turn + 1):
            mapping[f"key{turn % KEYS}"] = {**item, "id": turn}
        self._turn = turn

    def look_up(self, items: Iterator[Any]) -> None:
        """Reads one value for each."""
        mapping = self._mapping
        for number, _ in enumerate(items):
            mapping[f"key{number % KEYS}"]

    def close(self) -> None:
        """Gives back what it holds."""
        if hasattr(self._mapping, "close"):
            self._mapping.close()
