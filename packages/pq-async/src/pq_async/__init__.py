"""The durable queues, awaited: asyncio twins of the file and SQLite queues, and an adapter."""

from pq_async._ack import (
    AsyncFIFOSQLiteAckQueue,
    AsyncFILOSQLiteAckQueue,
    AsyncSQLiteAckQueue,
    AsyncUniqueAckQ,
)
from pq_async._adapter import AsyncAdapter
from pq_async._message import AsyncMessage
from pq_async._queue import AsyncQueue
from pq_async._sqlite import (
    AsyncFIFOSQLiteQueue,
    AsyncFILOSQLiteQueue,
    AsyncPriorityQueue,
    AsyncSQLiteQueue,
    AsyncUniqueQ,
)
from pq_async._version import __version__

__all__ = [
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
    "__version__",
]
