"""psycopg, imported when it is needed: PQ may be used with psycopg2 alone."""

from __future__ import annotations

from functools import partial
from types import ModuleType
from typing import Any

from pq_core.errors import BackendNotInstalled
from pq_core.forking import undivided
from pq_core.yielding import elsewhere

__all__ = ["connected", "psycopg"]


def psycopg() -> ModuleType:
    """The module.

    Raises:
        BackendNotInstalled: it cannot be imported, for example because there is no libpq.
    """
    try:
        import psycopg as module
    except ImportError as error:
        raise BackendNotInstalled(
            "psycopg cannot be imported, most often because libpq is not installed; run: "
            "pip install 'pq-postgres[binary]'",
            name="psycopg",
        ) from error
    return module


def connected(**arguments: Any) -> Any:
    """A new connection, which lets an event loop go on while it waits; see `pq_core.yielding`.

    Args:
        arguments: of `psycopg.connect`.
    """
    psycopg()
    # libpq looks up the host without letting anybody go on.
    return elsewhere(partial(_connected, **arguments))


def _connected(**arguments: Any) -> Any:
    from pq_postgres._yielding import YieldingConnection

    with undivided():
        return YieldingConnection.connect(**arguments)
