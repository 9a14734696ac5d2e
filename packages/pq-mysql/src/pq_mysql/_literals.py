"""Values as text of a statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pymysql.converters import escape_string

__all__ = ["literals"]

#: Character sets in which no character but the quote and the backslash has a byte that looks like
#: one of them. In the others ("sjis", "gbk") a payload could end its own literal.
_SAFE: Final = frozenset({"ascii", "binary", "latin1", "utf8", "utf8mb3", "utf8mb4"})

#: A value as a literal.
Literal = Callable[[Any], bytes]


class _Literals(dict[type, Literal]):
    """By the type of the value."""

    def __missing__(self, kind: type) -> Literal:
        raise TypeError(f"a value of type {kind.__name__!r} has no literal")


def _of_bytes(value: bytes) -> bytes:
    # Of these only the backslash and the quote need escaping (MySQL 8.0 reference, 11.1.1), and
    # "_binary" keeps the server from reading them as characters.
    return b"_binary'%b'" % value.replace(b"\\", b"\\\\").replace(b"'", b"\\'")


def _of_float(value: float) -> bytes:
    text = repr(value)
    return (text if "e" in text else f"{text}e0").encode()


def literals(charset: str, encoding: str) -> dict[type, Literal]:
    """What makes literals, by type, for a connection without NO_BACKSLASH_ESCAPES.

    A type that is missing is a TypeError.

    Args:
        charset: of the connection.
        encoding: Python's name of it.
    """
    made = _Literals()
    made[int] = lambda value: b"%d" % value
    made[float] = _of_float
    made[type(None)] = lambda _: b"NULL"
    if charset in _SAFE:
        made[bytes] = _of_bytes
        made[str] = lambda value: b"'%b'" % escape_string(value).encode(encoding, "surrogateescape")
    else:
        made[bytes] = lambda value: b"x'%b'" % value.hex().encode()
        made[str] = lambda value: b"CONVERT(x'%b' USING utf8mb4)" % value.encode().hex().encode()
    return made
