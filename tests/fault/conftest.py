"""All of these tests are quick on a file system in memory, and as good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.quick import quick_directory


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """An empty directory."""
    with quick_directory() as path:
        yield path
