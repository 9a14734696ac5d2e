"""Fixtures of all tests: servers, started when the first test asks for one."""

from tests.servers.mariadb import mariadb, mysql_place

__all__ = ["mariadb", "mysql_place"]
