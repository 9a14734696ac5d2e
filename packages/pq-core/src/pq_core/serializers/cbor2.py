"""Items as CBOR (RFC 8949): small, knows dates and sets, never runs code.

Needs the extra: ``pip install 'pq-core[cbor2]'``. Tuples come back as lists. Keep items less than
400 levels deep: cbor2 6 writes deeper ones and then refuses to read them.

In a file each item has its length before it, 4 bytes, little-endian.
"""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from pq_core.serializers._length import read_item, write_item
from pq_core.serializers._library import library
from pq_core.serializers._order import in_order

__all__ = ["dump", "dumps", "load", "loads"]

_cbor2 = library("cbor2")
_dumps = _cbor2.dumps
_loads = _cbor2.loads


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
        cbor2.CBOREncodeError: the item holds what CBOR does not know.
    """
    if sort_keys:
        value = in_order(value)
    return cast(bytes, _dumps(value))


def load(fp: BinaryIO) -> Any:
    """The next item of a binary file.

    Raises:
        EOFError: the file ends before the item does.
        cbor2.CBORDecodeError: it is not CBOR.
    """
    return loads(read_item(fp))


def loads(data: bytes) -> Any:
    """The item that `dumps` made `data` of.

    Raises:
        cbor2.CBORDecodeError: `data` is not CBOR.
    """
    return _loads(data)
