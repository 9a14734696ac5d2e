"""The servers that tests ask for by name."""

from tests.servers.postgres import postgres, postgres_to_kill

__all__ = ["postgres", "postgres_to_kill"]
