"""The engine that runs plans on SQLite, for every wheel that has queues in SQLite files."""

from pq_core.sqlite.engine import SQLiteEngine
from pq_core.sqlite.place import DIALECT, Place, clock, reopened
from pq_core.sqlite.upkeep import InSQLite

__all__ = ["DIALECT", "InSQLite", "Place", "SQLiteEngine", "clock", "reopened"]
