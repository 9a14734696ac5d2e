"""`pq_core.serializers.pickle`, awaited, for files like those of aiofiles.

Only `loads` is not awaited. A queue that is given this module uses `pickle` itself: the bytes are the
same, and nothing in them is worth waiting for.
"""

from __future__ import annotations

from typing import Any

from pq_core.serializers import pickle
from pq_core.serializers.pickle import loads, protocol

__all__ = ["dump", "dumps", "load", "loads", "protocol"]


async def dump(value: Any, fp: Any, sort_keys: bool = False) -> None:
    """Write one item to a binary file.

    Args:
        value: the item.
        fp: a file open for writing bytes, whose `write` is awaited.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys.
    """
    await fp.write(pickle.dumps(value, sort_keys))


async def dumps(value: Any, sort_keys: bool = False) -> bytes:
    """The bytes of one item.

    Args:
        value: the item.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys.
    """
    return pickle.dumps(value, sort_keys)


async def load(fp: Any) -> Any:
    """The item that a binary file holds; the file is read to its end.

    Args:
        fp: a file open for reading bytes, whose `read` is awaited.
    """
    return loads(await fp.read())
