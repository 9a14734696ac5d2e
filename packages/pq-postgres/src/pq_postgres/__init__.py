"""Durable queues in PostgreSQL, and the job queue PQ."""

from pq_postgres._job import Job
from pq_postgres._jobqueue import JobQueue
from pq_postgres._pq import PQ
from pq_postgres._version import __version__

__all__ = ["PQ", "Job", "JobQueue", "__version__"]
