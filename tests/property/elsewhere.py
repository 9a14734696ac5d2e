"""A queue object in another process, which looks as if it were here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pq_core.testing.clock import FakeClock
from pq_core.testing.elsewhere import InProcess
from tests.property.kinds import BACKENDS

__all__ = ["Other"]


class Other:
    """Does what it is told on an object that `process` has opened.

    Args:
        process: of `InProcess`, whose object is a dict.
        name: the backend's, in `BACKENDS`.
        path: of the queue.
        options: for `Backend.open`.
    """

    def __init__(self, process: InProcess, name: str, path: Path, options: dict[str, Any]) -> None:
        self._process = process
        process.call(_open, name, path, options)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **options: self._process.call(_call, name, args, options)


def _open(here: dict[str, Any], name: str, path: Path, options: dict[str, Any]) -> None:
    here["queue"] = BACKENDS[name].open(path, FakeClock(), options)


def _call(here: dict[str, Any], name: str, args: Any, options: dict[str, Any]) -> Any:
    found = getattr(here["queue"], name)(*args, **options)
    return list(found) if name == "browse" else found
