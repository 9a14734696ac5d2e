"""Fixtures of all tests: servers, started when the first test asks for one."""

from tests.servers.mariadb import mariadb, mysql_place
from tests.servers.postgres import postgres, postgres_environment, postgres_to_kill

__all__ = ["mariadb", "mysql_place", "postgres", "postgres_environment", "postgres_to_kill"]
