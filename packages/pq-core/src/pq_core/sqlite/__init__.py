"""The engine that runs plans on SQLite, and its queues, for every wheel that has them."""

from pq_core.sqlite.acked import AckInSQLite
from pq_core.sqlite.engine import SQLiteEngine
from pq_core.sqlite.place import DIALECT, Place, clock, reopened
from pq_core.sqlite.plain import PlainInSQLite, PriorityInSQLite
from pq_core.sqlite.upkeep import InSQLite

__all__ = [
    "DIALECT",
    "AckInSQLite",
    "InSQLite",
    "Place",
    "PlainInSQLite",
    "PriorityInSQLite",
    "SQLiteEngine",
    "clock",
    "reopened",
]
