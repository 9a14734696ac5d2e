"""Which item has which id, for `ack(item)`: a short memory, and never the only one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, Final

from pq_core.forking import renew_in_child

__all__ = ["InFlight"]

#: How many items are remembered at most ...
COUNT: Final = 256
#: ... and how many bytes they may have when stored; the newest one is kept whatever its size.
BYTES: Final = 4 << 20


class InFlight:
    """The items that were handed out last, by id. Every method is safe from any thread.

    What is forgotten here is found in the storage, by its bytes. What is remembered makes a
    difference for an item that is known by identity alone, and saves that look.
    """

    def __init__(self) -> None:
        self._items: OrderedDict[int, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._mutex = threading.Lock()
        renew_in_child(self)

    def add(self, id: int, item: Any, size: int) -> None:
        """An item of `size` bytes was handed out."""
        with self._mutex:
            items = self._items
            if id in items:
                self._bytes -= items.pop(id)[1]
            items[id] = (item, size)
            self._bytes += size
            while (self._bytes > BYTES or len(items) > COUNT) and len(items) > 1:
                self._bytes -= items.popitem(last=False)[1][1]

    def discard(self, id: int) -> None:
        """It was settled."""
        with self._mutex:
            known = self._items.pop(id, None)
            if known is not None:
                self._bytes -= known[1]

    def find(self, item: Any) -> int | None:
        """The id of this very object; else that of the oldest item equal to it; else None."""
        with self._mutex:
            for id, (other, _) in self._items.items():
                if other is item:
                    return id
            known = list(self._items.items())
        return next(self._equal(known, item), None)

    @staticmethod
    def _equal(known: list[tuple[int, tuple[Any, int]]], item: Any) -> Iterator[int]:
        for id, (other, _) in known:
            # 1 == True, but an ack of True must not settle 1.
            if type(other) is type(item) and bool(other == item):
                yield id
