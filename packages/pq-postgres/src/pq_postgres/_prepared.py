"""Statements that the server has prepared on one connection, where it is asked to.

They are prepared and said by SQL (PREPARE and EXECUTE), so that they travel with others in one
simple query. A claim that is planned each time takes a server three quarters more.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Prepared"]

#: What can be prepared (PostgreSQL manual, PREPARE).
_VERBS: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")


class Prepared:
    """What is prepared on one connection.

    Args:
        threshold: how often a statement is said before it is prepared.
    """

    __slots__ = ("_known", "_made", "_said", "_threshold")

    def __init__(self, threshold: int) -> None:
        self._threshold = threshold
        self._said: dict[str, int] = {}
        self._known: dict[str, str] = {}
        self._made = 0

    def known(self, sql: str) -> str | None:
        """The name of a statement that is prepared."""
        return self._known.get(sql)

    def is_due(self, sql: str) -> bool:
        """Counts a statement that is about to be said; whether to prepare it now."""
        said = self._said[sql] = self._said.get(sql, 0) + 1
        return said > self._threshold and sql.startswith(_VERBS)

    def new_name(self) -> str:
        """One under which nothing was prepared; of what fails nobody knows how far it came."""
        self._made += 1
        return f"pq_{self._made}"

    def keep(self, sql: str, name: str) -> None:
        """It is prepared now."""
        self._known[sql] = name
