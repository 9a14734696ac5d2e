"""A dictionary in an SQLite database."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeVar
from zlib import crc32

from pq_core.ending import end
from pq_core.protocols import AnySerializer, Durability
from pq_core.serializers import Codec, codec
from pq_core.sql import dictionary_layout
from pq_core.sql.fork import all_free
from pq_core.sql.plans.dictionary import DictionaryPlans, decode_key, encode_key
from pq_core.sql.rows import Unreadable, opener
from pq_core.sqlite.place import DIALECT, Place, reopened

__all__ = ["PDict"]

Self = TypeVar("Self", bound="PDict")

_MISSING: Final = object()


class PDict(MutableMapping[Any, Any]):
    """A durable dictionary, for any number of threads and processes.

    Keys are str, int, float, bool, None, bytes, or tuples of these, and keep their types: 1, True
    and "1" are three keys. Values are anything that the serializer takes. What is changed inside
    of a value has to be stored again. Iteration goes in the order of the stored keys, reads a page
    at a time, and may run while the dictionary changes.

    Example:
        >>> numbers = PDict(":memory:", "numbers")
        >>> numbers["one"] = 1
        >>> numbers["one"]
        1

    Values are pickled by default, and reading a pickle can run any code: use another serializer
    where others can write to the file.

    Args:
        path: a directory, made where there is none; ``:memory:`` for a dictionary that lasts as
            long as this object.
        name: of the dictionary; several share one database file.
        multithreading: accepted; every dictionary may be used from any thread.
        timeout: seconds to wait for other processes before `StorageBusy`.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        db_file_name: of the database file in `path`; None: ``data.db``.
        durability: what an assignment survives: "full" (power loss), "normal" (the death of the
            process) or "off".

    Raises:
        ValueError: an argument is out of range, or a name holds a NUL character.
        StorageError: the database cannot be opened.
        SchemaMismatch: a newer version wrote the dictionary.
    """

    def __init__(
        self,
        path: str | Path,
        name: str,
        multithreading: bool = False,
        *,
        timeout: float = 10.0,
        serializer: AnySerializer | Codec = "pickle",
        db_file_name: str | None = None,
        durability: Durability = "full",
    ) -> None:
        place = Place.of(path, db_file_name, timeout, durability)
        layout = dictionary_layout(DIALECT, name)
        self._codec = codec(serializer)
        self._arguments = {
            "path": str(path if place.path is None else place.path.parent),
            "name": name,
            "multithreading": multithreading,
            "timeout": timeout,
            "serializer": self._codec,
            "db_file_name": db_file_name,
            "durability": durability,
        }
        self._engine = place.engine(layout)
        self._plans = DictionaryPlans(layout)
        self._open_row = opener(self._codec, self._engine.where)

    def __getitem__(self, key: Any) -> Any:
        """The value of a key.

        Raises:
            KeyError: there is no such key.
            DecodeError: the value cannot be read back; it is left where it is.
        """
        row = self._engine.read(self._plans.get, encode_key(key))
        if row is None:
            raise _no(key)
        return self._value(row)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Stores a value, durably on return as `durability` says.

        Raises:
            TypeError: keys of this type cannot be stored.
            EncodeError: the value cannot be serialized; the dictionary is as before.
        """
        self._engine.write(self._plans.set, *self._row(key, value))

    def __delitem__(self, key: Any) -> None:
        """Removes a key.

        Raises:
            KeyError: there is no such key.
        """
        if not self._engine.write(self._plans.delete, encode_key(key)):
            raise _no(key)

    def __contains__(self, key: object) -> bool:
        try:
            text = encode_key(key)
        except TypeError:
            return False
        return self._engine.read(self._plans.exists, text)

    def __len__(self) -> int:
        return self._engine.read(self._plans.count)

    def __bool__(self) -> bool:
        return len(self) > 0

    def __iter__(self) -> Iterator[Any]:
        """The keys, a page at a time."""
        for row in self._rows():
            yield decode_key(row[0])

    def _rows(self) -> Iterator[Any]:
        after = None
        while rows := self._engine.read(self._plans.page, after):
            yield from rows
            after = rows[-1][0]

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """The value of a key, which is `default` from now on where there was none; atomic."""
        row = self._engine.write(self._plans.set_default, *self._row(key, default))
        return default if row is None else self._value(row)

    def pop(self, key: Any, default: Any = _MISSING) -> Any:
        """Removes a key and returns its value; atomic.

        Raises:
            KeyError: there is no such key, and no default.
        """
        row = self._engine.write(self._plans.pop, encode_key(key))
        if row is not None:
            return self._value(row)
        if default is _MISSING:
            raise _no(key)
        return default

    def popitem(self) -> tuple[Any, Any]:
        """Removes a key and returns it with its value; atomic.

        Raises:
            KeyError: the dictionary is empty.
        """
        row = self._engine.write(self._plans.pop_last)
        if row is None:
            raise KeyError("popitem(): the dictionary is empty")
        return decode_key(row[0]), self._value(row)

    def update(  # type: ignore[override]
        self, other: Mapping[Any, Any] | Iterable[tuple[Any, Any]] = (), /, **more: Any
    ) -> None:
        """Stores many values, all or none, in one transaction."""
        rows = [self._row(key, value) for key, value in dict(other, **more).items()]
        self._engine.write(self._plans.set_many, rows)

    def clear(self) -> None:
        """Removes everything."""
        self._engine.write(self._plans.clear)

    def copy(self) -> dict[Any, Any]:
        """An ordinary dict with the same keys and values."""
        return dict(self.items())

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Several changes, and statements of one's own on the same database, all or nothing."""
        return self._engine.transaction()

    def _row(self, key: Any, value: Any) -> tuple[str, bytes, int]:
        text = encode_key(key)
        data = self._codec.encode(value)
        return text, data, crc32(data)

    def _value(self, row: Any) -> Any:
        value = self._open_row(row)
        if type(value) is Unreadable:
            raise value.error
        return value

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._engine.closed

    def close(self) -> None:
        """Frees the connection; a second call does nothing."""
        self._engine.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The constructor may have failed, and at the end of the interpreter anything may be gone.
        with suppress(Exception):
            if not self.closed:
                end(self.close, all_free)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._engine.path is None:
            raise TypeError("a dictionary in memory cannot be pickled; give it a path")
        return reopened, (type(self), self._arguments)

    def __repr__(self) -> str:
        state = " closed" if self.closed else ""
        return f"<PDict {self._engine.where}{state}>"


def _no(key: object) -> KeyError:
    return KeyError(f"Key: {key} not exists.")
