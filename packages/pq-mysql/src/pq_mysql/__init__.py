"""Durable queues in MySQL and MariaDB."""

from pq_core.sql.options import AckStatus, DuplicateKey
from pq_mysql._ackqueues import (
    FIFOMySQLAckQueue,
    FILOMySQLAckQueue,
    MySQLAckQueue,
    MySQLUniqueAckQ,
)
from pq_mysql._queues import (
    FIFOMySQLQueue,
    FILOMySQLQueue,
    MySQLPriorityQueue,
    MySQLQueue,
    MySQLUniqueQ,
)
from pq_mysql._url import MySQLBackend
from pq_mysql._version import __version__

__all__ = [
    "AckStatus",
    "DuplicateKey",
    "FIFOMySQLAckQueue",
    "FIFOMySQLQueue",
    "FILOMySQLAckQueue",
    "FILOMySQLQueue",
    "MySQLAckQueue",
    "MySQLBackend",
    "MySQLPriorityQueue",
    "MySQLQueue",
    "MySQLUniqueAckQ",
    "MySQLUniqueQ",
    "__version__",
]
