"""The SQLite queue with priorities, under its documented import name."""

from persistqueue import PriorityQueue

__all__ = ["PriorityQueue"]
