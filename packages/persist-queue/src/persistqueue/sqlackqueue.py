"""The SQLite queues with acknowledgement, under their documented import name."""

from persistqueue import (
    AckStatus,
    FIFOSQLiteAckQueue,
    FILOSQLiteAckQueue,
    SQLiteAckQueue,
    UniqueAckQ,
)

__all__ = ["AckStatus", "FIFOSQLiteAckQueue", "FILOSQLiteAckQueue", "SQLiteAckQueue", "UniqueAckQ"]
