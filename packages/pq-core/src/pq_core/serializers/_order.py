"""Dicts with their keys in order, so that equal items become equal bytes."""

from __future__ import annotations

from typing import Any

__all__ = ["in_order"]


def in_order(value: Any) -> Any:
    """A copy of the item in which every dict has its keys sorted.

    Goes into exact dicts, lists and tuples; anything else is passed on as it is (the order of an
    OrderedDict is part of its value). A dict whose keys cannot be compared keeps its order.
    What was shared or cyclic before is shared or cyclic in the copy.

    Raises:
        RecursionError: the item is nested more deeply than Python's stack.
    """
    return _arranged(value, {})


def _arranged(value: Any, seen: dict[int, Any]) -> Any:
    kind = type(value)
    if kind is not dict and kind is not list and kind is not tuple:
        return value
    if id(value) in seen:
        return seen[id(value)]
    if kind is dict:
        arranged: dict[Any, Any] = {}
        seen[id(value)] = arranged
        try:
            keys = sorted(value)
        except TypeError:
            keys = list(value)
        for key in keys:
            arranged[key] = _arranged(value[key], seen)
        return arranged
    if kind is list:
        items: list[Any] = []
        seen[id(value)] = items
        items.extend(_arranged(item, seen) for item in value)
        return items
    seen[id(value)] = together = tuple([_arranged(item, seen) for item in value])
    return together
