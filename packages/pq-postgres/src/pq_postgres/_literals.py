"""Values as text of a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Literals"]


class Literals(dict[type, Callable[[Any], str]]):
    """What makes literals, by the type of the value; plans have no other types.

    Args:
        escaping: of libpq, for the connection.
    """

    def __init__(self, escaping: Any) -> None:
        self._escaping = escaping
        self[type(None)] = lambda _: "NULL"
        self[bytes] = lambda value: f"E'\\\\x{value.hex()}'::bytea"
        self[int] = self[float] = lambda value: f"({value!r})" if value < 0 else repr(value)
        self[str] = self._of_text

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        return lambda value: self[bytes](bytes(value))

    def _of_text(self, value: str) -> str:
        if "\0" in value:
            raise ValueError("PostgreSQL stores no NUL character in a text; leave it out")
        escaped: bytes = self._escaping.escape_literal(value.encode())
        return escaped.decode()
