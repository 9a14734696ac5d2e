"""Every error that a queue raises, under its documented import name."""

from pq_core import errors
from pq_core.errors import *  # noqa: F403 - all of them, as listed there

__all__ = errors.__all__
