"""Values as text of a statement."""

from __future__ import annotations

from typing import Any, Final

from pymysql.converters import escape_string

__all__ = ["literal"]

#: Character sets in which no character but the quote and the backslash has a byte that looks like
#: one of them. In the others ("sjis", "gbk") a payload could end its own literal.
_SAFE: Final = frozenset({"ascii", "binary", "latin1", "utf8", "utf8mb3", "utf8mb4"})


def literal(value: Any, charset: str) -> str:
    """A value as a literal, for a connection without NO_BACKSLASH_ESCAPES.

    Bytes stand for themselves by surrogates (PEP 383). Of them only the backslash and the quote
    need escaping (MySQL 8.0 reference, 11.1.1), and "_binary" keeps the server from reading them
    as characters.

    Args:
        value: bytes, str, int, float or None.
        charset: of the connection.
    """
    kind = type(value)
    if kind is bytes:
        if charset not in _SAFE:
            return f"x'{value.hex()}'"
        escaped = value.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
        return f"_binary'{escaped.decode('ascii', 'surrogateescape')}'"
    if kind is int:
        return str(value)
    if value is None:
        return "NULL"
    if kind is float:
        return f"{value!r}" if "e" in repr(value) else f"{value!r}e0"
    if kind is str and charset in _SAFE:
        return f"'{escape_string(value)}'"
    if kind is str:
        return f"CONVERT(x'{value.encode().hex()}' USING utf8mb4)"
    raise TypeError(f"a value of type {kind.__name__!r} has no literal")
