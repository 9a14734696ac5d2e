"""The plans of the persistent dictionary.

Keys are stored as text with their type, so that 1 and "1" are two keys. A text of a predecessor
has no type: it is a str key, and stays as it is. So a key of type str is stored as itself,
unless it looks like a typed one.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, Final

from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, Statement, Wants, growing, reading, single

__all__ = ["DictionaryPlans", "decode_key", "encode_key"]

#: Before a typed key: SQL and JSON texts hardly ever start with this control character.
_MARK: Final = "\x01"
#: How many rows a listing reads at a time.
PAGE: Final = 256


def encode_key(key: Any) -> str:
    """The text of a key.

    Raises:
        TypeError: it is not a str, int, float, bool, None, bytes, or a tuple of these.
    """
    if type(key) is str and not key.startswith(_MARK):
        return key
    _check(key)
    return _MARK + repr(key)


def decode_key(text: str) -> Any:
    """The key of a text.

    Raises:
        ValueError: it is not one that `encode_key` made.
    """
    if not text.startswith(_MARK):
        return text
    try:
        return ast.literal_eval(text[1:])
    except ValueError:
        # repr() of these floats is no literal.
        return {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan")}[text[1:]]


def _check(key: Any) -> None:
    if type(key) is tuple:
        for part in key:
            _check(part)
    elif key is not None and type(key) not in (str, int, float, bool, bytes):
        raise TypeError(
            f"a key of type {type(key).__name__!r} cannot be stored; use str, int, float, bool, "
            "None, bytes, or a tuple of these"
        )


class DictionaryPlans:
    """One method an operation. Statements are rendered once, here."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        d, main = layout.dialect, layout.main
        p = d.placeholder

        def say(sql: str, wants: Wants = "none") -> Statement:
            return Statement(sql, wants)

        values = f"(key, data, crc) VALUES ({p}, {p}, {p})"
        self._update = say(f"UPDATE {main} SET data = {p}, crc = {p} WHERE key = {p}", "count")
        self._insert = say(f"INSERT INTO {main} {values}")
        self._get = say(f"SELECT data, crc FROM {main} WHERE key = {p}", "one")
        self._delete = say(f"DELETE FROM {main} WHERE key = {p}", "count")
        self._count = say(f"SELECT count(*) FROM {main}", "one")
        self._exists = say(f"SELECT 1 FROM {main} WHERE key = {p}", "one")
        self._page = say(
            f"SELECT key, data, NULL, crc FROM {main} WHERE key > {p} ORDER BY key LIMIT {PAGE}",
            "rows",
        )
        self._first = say(
            f"SELECT key, data, NULL, crc FROM {main} ORDER BY key LIMIT {PAGE}", "rows"
        )
        self._last = say(
            f"SELECT key, data, NULL, crc FROM {main} ORDER BY key DESC LIMIT 1", "one"
        )
        self._clear = say(f"DELETE FROM {main}", "count")

    @growing
    def set(self, key: str, data: bytes, crc: int) -> Plan[None]:
        """Stores one value."""
        if not (yield self._update, (data, crc, key)):
            yield self._insert, (key, data, crc)

    @growing
    def set_many(self, rows: Sequence[tuple[str, bytes, int]]) -> Plan[None]:
        """Stores all values."""
        for row in rows:
            yield from self.set(*row)

    @growing
    def set_default(self, key: str, data: bytes, crc: int) -> Plan[Any]:
        """Stores a value where there is none; the row that is there instead, or None."""
        row = yield from self.get(key)
        if row is None:
            yield self._insert, (key, data, crc)
        return row

    @reading
    @single
    def get(self, key: str) -> Plan[Any]:
        """The row of a key, None where there is none."""
        found = yield self._get, (key,)
        # To select the other two, which say nothing, would cost a thirtieth of a look.
        return None if found is None else (0, found[0], None, found[1])

    @reading
    @single
    def exists(self, key: str) -> Plan[bool]:
        """Whether there is such a key."""
        return (yield self._exists, (key,)) is not None

    @reading
    @single
    def count(self) -> Plan[int]:
        """How many keys there are."""
        return int((yield self._count, ())[0])

    def delete(self, key: str) -> Plan[bool]:
        """Removes a key; whether it was there."""
        return bool((yield self._delete, (key,)))

    def pop(self, key: str) -> Plan[Any]:
        """Removes a key; its row, None where there was none."""
        row = yield from self.get(key)
        if row is not None:
            yield self._delete, (key,)
        return row

    def pop_last(self) -> Plan[Any]:
        """Removes the last key; its row, None where there was none."""
        row = yield self._last, ()
        if row is not None:
            yield self._delete, (row[0],)
        return row

    @reading
    @single
    def page(self, after: str | None) -> Plan[list[Any]]:
        """The rows whose keys follow `after`; None: from the start."""
        if after is None:
            rows: list[Any] = yield self._first, ()
        else:
            rows = yield self._page, (after,)
        return rows

    def clear(self) -> Plan[int]:
        """Removes all keys; how many."""
        count: int = yield self._clear, ()
        return count
