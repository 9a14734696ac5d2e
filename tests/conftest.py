"""Fixtures of all tests: servers, started when the first test asks for one."""

from __future__ import annotations

import gc
import os
from contextlib import suppress

import pytest

from tests.servers.mariadb import mariadb, mysql_place
from tests.servers.pgbouncer import pgbouncer
from tests.servers.postgres import postgres, postgres_environment, postgres_to_kill

__all__ = [
    "mariadb",
    "mysql_place",
    "pgbouncer",
    "postgres",
    "postgres_environment",
    "postgres_to_kill",
]

#: A contract suite can be a function that opens a queue.
pytest_plugins = ["pq_core.testing.plugin"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Half as many workers again as there are processors, since many tests wait."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


def pytest_configure(config: pytest.Config) -> None:
    """Without the slow tests all goes quickly: few examples are drawn, and files lie in memory.

    With them a sync is one of a real disk.
    """
    is_quick = config.getoption("-m") == "not slow"
    if is_quick and os.access("/dev/shm", os.W_OK):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", "/dev/shm")
    with suppress(ImportError):  # not there where a wheel is tested alone
        from hypothesis import HealthCheck, settings

        # How long it takes to draw says something of the machine only.
        whole = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.register_profile("whole", whole)
        settings.register_profile("quick", whole, max_examples=8)
        settings.load_profile("quick" if is_quick else "whole")


def pytest_collection_finish() -> None:
    """What was collected stays to the end: the garbage collector need not go through it again."""
    gc.collect()
    gc.freeze()
