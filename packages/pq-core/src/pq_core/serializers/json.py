"""Items as JSON text in UTF-8: what JSON knows, readable by everything, never runs code.

Tuples come back as lists and the keys of dicts as strings.

In a file each item is one line.
"""

from __future__ import annotations

from json import JSONDecoder, JSONEncoder
from typing import Any, BinaryIO

from pq_core.serializers._order import in_order

__all__ = ["dump", "dumps", "load", "loads"]

# json.dumps and json.loads look through eight options each time before they come to these two.
_encode = JSONEncoder().encode
_encode_sorted = JSONEncoder(sort_keys=True).encode
_decode = JSONDecoder().decode


def dump(value: Any, fp: BinaryIO, sort_keys: bool = False) -> None:
    """Write one item to a binary file, as one line.

    Args:
        value: the item.
        fp: a file open for writing bytes.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys.
    """
    fp.write(dumps(value, sort_keys) + b"\n")


def dumps(value: Any, sort_keys: bool = False) -> bytes:
    """The bytes of one item, without a line end.

    Args:
        value: the item.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys. Keys that
            cannot be compared keep their order.

    Raises:
        TypeError: the item holds what JSON does not know.
        ValueError: the item contains itself.
    """
    if not sort_keys:
        return _encode(value).encode()
    try:
        return _encode_sorted(value).encode()
    except TypeError:  # keys of several types, or something that JSON does not know at all
        return _encode(in_order(value)).encode()


def load(fp: BinaryIO) -> Any:
    """The item on the next line of a binary file.

    Raises:
        EOFError: the file is at its end.
        ValueError: the line is not JSON.
    """
    line = fp.readline()
    if not line:
        raise EOFError("the file ends where an item should begin")
    return loads(line)


def loads(data: bytes) -> Any:
    """The item that `dumps` made `data` of.

    Raises:
        ValueError: `data` is not JSON in UTF-8.
    """
    return _decode(str(data, "utf-8"))
