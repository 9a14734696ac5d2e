"""The SQLite queues with acknowledgement, under their documented import name."""

from persistqueue import (
    AckStatus,
    Empty,
    FIFOSQLiteAckQueue,
    FILOSQLiteAckQueue,
    SQLiteAckQueue,
    UniqueAckQ,
)

__all__ = [
    "AckStatus",
    "Empty",
    "FIFOSQLiteAckQueue",
    "FILOSQLiteAckQueue",
    "SQLiteAckQueue",
    "UniqueAckQ",
]
