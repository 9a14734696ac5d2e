"""The benchmark runner for durable queues."""

from pq_bench._version import __version__

__all__ = ["__version__"]
