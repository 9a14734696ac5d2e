"""The dictionary in SQLite, under its documented import name."""

from persistqueue import PDict

__all__ = ["PDict"]
