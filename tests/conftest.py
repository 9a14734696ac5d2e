"""Fixtures of all tests: servers, started when the first test asks for one."""

from __future__ import annotations

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


def pytest_configure(config: pytest.Config) -> None:
    """Without the slow tests, those that draw their examples draw fewer, too."""
    with suppress(ImportError):  # not there where a wheel is tested alone
        from hypothesis import HealthCheck, settings

        # How long it takes to draw says something of the machine only.
        whole = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
        settings.register_profile("whole", whole)
        settings.register_profile("quick", whole, max_examples=20)
        settings.load_profile("quick" if config.getoption("-m") == "not slow" else "whole")
