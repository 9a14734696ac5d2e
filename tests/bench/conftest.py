"""What the tests of the runner need beside it: queues to measure, which are other wheels."""

from __future__ import annotations

import pytest

from pq_core.registry import backends


@pytest.fixture
def local_backends() -> None:
    """The file and SQLite queues."""
    missing = {"file", "sqlite"} - backends().keys()
    if missing:
        pytest.skip(f"nothing to measure: no wheel has a backend for {', '.join(sorted(missing))}")
