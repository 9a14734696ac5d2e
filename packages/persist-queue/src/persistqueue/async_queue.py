"""The awaited file queue, under its documented import name."""

from persistqueue import AsyncQueue, Empty, Full

__all__ = ["AsyncQueue", "Empty", "Full"]
