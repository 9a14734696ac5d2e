"""Items as MessagePack: small, fast, readable from other languages, never runs code.

Needs the extra: ``pip install 'pq-core[msgpack]'``. Lists come back as tuples, as they always did
in the predecessor.

In a file each item has its length before it, 4 bytes, little-endian.
"""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from pq_core.serializers._length import read_item, write_item
from pq_core.serializers._library import library
from pq_core.serializers._order import in_order

__all__ = ["dump", "dumps", "load", "loads"]

_msgpack = library("msgpack")
_packb = _msgpack.packb
_unpackb = _msgpack.unpackb


def dump(value: Any, fp: BinaryIO, sort_keys: bool = False) -> None:
    """Write one item to a binary file.

    Args:
        value: the item.
        fp: a file open for writing bytes.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys.
    """
    write_item(dumps(value, sort_keys), fp)


def dumps(value: Any, sort_keys: bool = False) -> bytes:
    """The bytes of one item.

    Args:
        value: the item.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys.

    Raises:
        TypeError: the item holds what MessagePack does not know.
        ValueError: it is nested too deeply; OverflowError: an int does not fit 64 bits.
    """
    if sort_keys:
        value = in_order(value)
    return cast(bytes, _packb(value))


def load(fp: BinaryIO) -> Any:
    """The next item of a binary file.

    Raises:
        EOFError: the file ends before the item does.
        ValueError: it is not MessagePack.
    """
    return loads(read_item(fp))


def loads(data: bytes) -> Any:
    """The item that `dumps` made `data` of.

    Raises:
        ValueError: `data` is not one MessagePack item.
    """
    # strict_map_key would refuse {1: 2}, which packb has accepted. A hash collision attack by
    # crafted keys, its reason, costs time but nothing else.
    return _unpackb(data, use_list=False, strict_map_key=False)
