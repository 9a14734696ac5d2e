"""Contract classes without the tests that tell little about their kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import pytest

__all__ = ["in_short"]

C = TypeVar("C", bound=type[Any])

#: Where the tests stand that take long and go through code that all kinds share.
PATIENT = ("_processes", "_blocking")


def in_short(cls: C) -> C:
    """The class with those of its tests marked slow that tell little about its kind."""
    for name in dir(cls):
        test = getattr(cls, name, None)
        if test is not None and name.startswith("test_") and test.__module__.endswith(PATIENT):
            setattr(cls, name, pytest.mark.slow(_copied(test)))
    return cls


def _copied(test: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(test)
    def copy(*args: Any, **kwargs: Any) -> Any:
        return test(*args, **kwargs)

    copy.__dict__["pytestmark"] = list(getattr(test, "pytestmark", []))
    return copy
