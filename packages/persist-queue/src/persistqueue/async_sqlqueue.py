"""The awaited SQLite queues, under their documented import name."""

from persistqueue import (
    AsyncFIFOSQLiteQueue,
    AsyncFILOSQLiteQueue,
    AsyncSQLiteQueue,
    AsyncUniqueQ,
    Empty,
)

__all__ = [
    "AsyncFIFOSQLiteQueue",
    "AsyncFILOSQLiteQueue",
    "AsyncSQLiteQueue",
    "AsyncUniqueQ",
    "Empty",
]
