"""Contract classes without the tests that tell little about their kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import pytest

__all__ = ["in_parts", "in_short"]

C = TypeVar("C", bound=type[Any])

#: Where the tests stand that take long and go through code that all kinds share.
PATIENT = ("_processes", "_blocking", "_sharing")


def in_parts(cls: C) -> C:
    """The class with the tests that take long marked slow."""
    for name, test in _patient(cls):
        setattr(cls, name, pytest.mark.slow(_copied(test)))
    return cls


def in_short(cls: C) -> C:
    """The class, marked slow, without the tests that take long: another kind has them."""
    for name, _ in _patient(cls):
        setattr(cls, name, None)
    marked: C = pytest.mark.slow(cls)
    return marked


def _patient(cls: type[Any]) -> list[tuple[str, Any]]:
    tests = ((name, getattr(cls, name, None)) for name in dir(cls) if name.startswith("test_"))
    return [(name, test) for name, test in tests if test and test.__module__.endswith(PATIENT)]


def _copied(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    def copy(*args: Any, **kwargs: Any) -> Any:
        return test(*args, **kwargs)

    copy.__dict__["pytestmark"] = list(getattr(test, "pytestmark", []))
    return copy
