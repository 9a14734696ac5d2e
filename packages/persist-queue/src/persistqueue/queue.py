"""The file queue, under its documented import name."""

from persistqueue import Empty, Full, Queue

__all__ = ["Empty", "Full", "Queue"]
