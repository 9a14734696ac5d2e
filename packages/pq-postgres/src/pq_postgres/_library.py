"""psycopg, imported when it is needed: PQ may be used with psycopg2 alone."""

from __future__ import annotations

from types import ModuleType

from pq_core.errors import BackendNotInstalled

__all__ = ["psycopg"]


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
