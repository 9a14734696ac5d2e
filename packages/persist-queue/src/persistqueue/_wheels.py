"""Which wheel has which name, and how a name is fetched from it on first use (PEP 562)."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

__all__ = ["HOMES", "WHEELS", "Wheel", "fetch", "installed_names"]


class Wheel(NamedTuple):
    """One wheel of ours.

    Attributes:
        name: what pip calls it.
        module: what an import calls it.
        names: what `persistqueue` offers of it.
    """

    name: str
    module: str
    names: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """Whether the wheel could be imported; it is not."""
        return self.module in sys.modules or find_spec(self.module) is not None


#: Every wheel whose names stand in the namespace. A name listed here also stands among the imports
#: for type checkers in `persistqueue/__init__.py`.
WHEELS: Final = (
    Wheel(
        "pq-core",
        "pq_core",
        (
            "BackendNotInstalled",
            "DecodeError",
            "Empty",
            "EncodeError",
            "Full",
            "LeaseLost",
            "OutcomeUnknown",
            "QueueClosed",
            "QueueError",
            "SchemaMismatch",
            "StorageBusy",
            "StorageCorrupt",
            "StorageError",
            "StorageUnusable",
            "open_queue",
        ),
    ),
    Wheel(
        "pq-async",
        "pq_async",
        (
            "AsyncAdapter",
            "AsyncFIFOSQLiteAckQueue",
            "AsyncFIFOSQLiteQueue",
            "AsyncFILOSQLiteAckQueue",
            "AsyncFILOSQLiteQueue",
            "AsyncMessage",
            "AsyncPriorityQueue",
            "AsyncQueue",
            "AsyncSQLiteAckQueue",
            "AsyncSQLiteQueue",
            "AsyncUniqueAckQ",
            "AsyncUniqueQ",
        ),
    ),
    Wheel("pq-file", "pq_file", ("Queue",)),
    Wheel(
        "pq-mysql",
        "pq_mysql",
        (
            "FIFOMySQLAckQueue",
            "FIFOMySQLQueue",
            "FILOMySQLAckQueue",
            "FILOMySQLQueue",
            "MySQLAckQueue",
            "MySQLPriorityQueue",
            "MySQLQueue",
            "MySQLUniqueAckQ",
            "MySQLUniqueQ",
        ),
    ),
    Wheel(
        "pq-postgres",
        "pq_postgres",
        (
            "FILOPostgresAckQueue",
            "FILOPostgresQueue",
            "PQ",
            "PostgresAckQueue",
            "PostgresPriorityQueue",
            "PostgresQueue",
            "PostgresUniqueAckQ",
            "PostgresUniqueQ",
        ),
    ),
    Wheel(
        "pq-sqlite",
        "pq_sqlite",
        (
            "AckStatus",
            "FIFOSQLiteAckQueue",
            "FIFOSQLiteQueue",
            "FILOSQLiteAckQueue",
            "FILOSQLiteQueue",
            "PDict",
            "PriorityQueue",
            "SQLiteAckQueue",
            "SQLiteQueue",
            "UniqueAckQ",
            "UniqueQ",
        ),
    ),
)

HOMES: Final = {name: wheel for wheel in WHEELS for name in wheel.names}


def fetch(name: str) -> Any:
    """The object that `persistqueue` offers as `name`, from the wheel that has it.

    Raises:
        BackendNotInstalled: that wheel is not installed.
        ModuleNotFoundError: it is, but something that it imports is not.
        KeyError: no wheel has such a name.
    """
    wheel = HOMES[name]
    try:
        module = import_module(wheel.module)
    except ModuleNotFoundError as error:
        if error.name != wheel.module:
            raise
        from pq_core.errors import BackendNotInstalled

        raise BackendNotInstalled(
            f"persistqueue.{name} comes with the wheel {wheel.name}, which is not installed; "
            f"run: pip install {wheel.name}",
            name=wheel.module,
        ) from None
    return getattr(module, name)


def installed_names() -> list[str]:
    """The names whose wheels are installed, sorted; nothing is imported to find out."""
    return sorted(name for wheel in WHEELS if wheel.is_installed for name in wheel.names)
