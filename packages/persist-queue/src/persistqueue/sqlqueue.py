"""The SQLite queues, under their documented import name."""

from persistqueue import FIFOSQLiteQueue, FILOSQLiteQueue, SQLiteQueue, UniqueQ

__all__ = ["FIFOSQLiteQueue", "FILOSQLiteQueue", "SQLiteQueue", "UniqueQ"]
