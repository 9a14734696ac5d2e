"""Durable queues and a dictionary in SQLite."""

from pq_core.sql.options import AckStatus, DuplicateKey
from pq_sqlite._ackqueues import (
    FIFOSQLiteAckQueue,
    FILOSQLiteAckQueue,
    SQLiteAckQueue,
    UniqueAckQ,
)
from pq_sqlite._doctor import doctor
from pq_sqlite._pdict import PDict
from pq_sqlite._queues import (
    FIFOSQLiteQueue,
    FILOSQLiteQueue,
    PriorityQueue,
    SQLiteQueue,
    UniqueQ,
)
from pq_sqlite._url import SQLiteBackend
from pq_sqlite._version import __version__

__all__ = [
    "AckStatus",
    "DuplicateKey",
    "FIFOSQLiteAckQueue",
    "FIFOSQLiteQueue",
    "FILOSQLiteAckQueue",
    "FILOSQLiteQueue",
    "PDict",
    "PriorityQueue",
    "SQLiteAckQueue",
    "SQLiteBackend",
    "SQLiteQueue",
    "UniqueAckQ",
    "UniqueQ",
    "__version__",
    "doctor",
]
