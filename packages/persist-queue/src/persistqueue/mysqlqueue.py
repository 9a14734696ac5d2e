"""The queue in MySQL or MariaDB, under its documented import name."""

from persistqueue import MySQLQueue

__all__ = ["MySQLQueue"]
