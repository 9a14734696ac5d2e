"""Durable queues in PostgreSQL, and the job queue PQ."""

from pq_core.sql.options import AckStatus, DuplicateKey
from pq_postgres._ackqueues import (
    FIFOPostgresAckQueue,
    FILOPostgresAckQueue,
    PostgresAckQueue,
    PostgresUniqueAckQ,
)
from pq_postgres._job import Job
from pq_postgres._jobqueue import JobQueue
from pq_postgres._pq import PQ
from pq_postgres._queues import (
    FIFOPostgresQueue,
    FILOPostgresQueue,
    PostgresPriorityQueue,
    PostgresQueue,
    PostgresUniqueQ,
)
from pq_postgres._url import PostgresBackend
from pq_postgres._version import __version__

__all__ = [
    "PQ",
    "AckStatus",
    "DuplicateKey",
    "FIFOPostgresAckQueue",
    "FIFOPostgresQueue",
    "FILOPostgresAckQueue",
    "FILOPostgresQueue",
    "Job",
    "JobQueue",
    "PostgresAckQueue",
    "PostgresBackend",
    "PostgresPriorityQueue",
    "PostgresQueue",
    "PostgresUniqueAckQ",
    "PostgresUniqueQ",
    "__version__",
]
