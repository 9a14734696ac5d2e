"""Directories whose syncs cost nothing, for tests in which a disk only pretends to fail."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["quick_directory"]

_MEMORY = "/dev/shm"


@contextmanager
def quick_directory() -> Iterator[Path]:
    """An empty directory, in memory where the system has a file system there."""
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="pq-", dir=memory) as name:
        yield Path(name)
