"""Items as pickles of protocol 4: any Python object.

Loading a pickle can run any code. Use it for storage that only you can write to, or wrap it in
`pq_core.serializers.signed`.

In a file a pickle ends itself, so `dump` writes no length before it. ``load(fp)`` and
``loads(data)`` are the functions of the standard library; `load` leaves the file behind the item.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pickle import Pickler, load, loads
from pickle import dumps as _dumps
from types import SimpleNamespace
from typing import Any, BinaryIO, Final

from pq_core.serializers._order import in_order

__all__ = ["dump", "dumps", "dumps_all", "load", "loads", "protocol"]

#: The protocol of everything written here: the one that persist-queue 0.8 to 1.1 write, and
#: that every Python since 3.4 reads.
protocol: Final = 4
#: How many items share a pickler. Its memory of what it has seen is cleared for each of them and
#: stays as large as the largest one needed, so it must not go on for ever.
_SHARE: Final = 128


def dump(value: Any, fp: BinaryIO, sort_keys: bool = False) -> None:
    """Write one item to a binary file.

    Args:
        value: the item.
        fp: a file open for writing bytes.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys.
    """
    fp.write(dumps(value, sort_keys))


def dumps(value: Any, sort_keys: bool = False) -> bytes:
    """The bytes of one item.

    Args:
        value: the item.
        sort_keys: equal dicts become equal bytes, whatever the order of their keys.
    """
    if sort_keys:
        value = in_order(value)
    return _dumps(value, protocol)


def dumps_all(values: Sequence[Any]) -> list[bytes]:
    """The bytes of each item, as `dumps` makes them; a tenth faster, for they share a pickler."""
    found: list[bytes] = []
    stream = iter(values)
    for start in range(0, len(values), _SHARE):
        pickler = Pickler(SimpleNamespace(write=found.append), protocol)
        dump_one, forget = pickler.dump, pickler.clear_memo
        for value in islice(stream, _SHARE):
            dump_one(value)
            forget()
        if len(found) != min(start + _SHARE, len(values)):
            # One above 64 KiB comes in parts.
            return [_dumps(value, protocol) for value in values]
    return found
