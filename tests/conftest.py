"""Fixtures of all tests: servers, started when the first test asks for one."""

from __future__ import annotations

from contextlib import suppress

import pytest

from tests.servers.mariadb import mariadb, mysql_place
from tests.servers.postgres import postgres, postgres_environment, postgres_to_kill

__all__ = ["mariadb", "mysql_place", "postgres", "postgres_environment", "postgres_to_kill"]


def pytest_configure(config: pytest.Config) -> None:
    """Without the slow tests, those that draw their examples draw fewer, too."""
    with suppress(ImportError):  # not there where a wheel is tested alone
        from hypothesis import settings

        settings.register_profile("quick", max_examples=20)
        if config.getoption("-m") == "not slow":
            settings.load_profile("quick")
