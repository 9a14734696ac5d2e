"""`Player`: a queue that can play every workload.

A loop is given an iterator of items and performs one operation for each. Whether the iterator
only counts or also stamps the time is the caller's choice, so there is one loop for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from itertools import islice, repeat
from typing import Any

__all__ = ["Player"]

#: How many items are put at once where nobody measures it.
_BATCH = 1000


class Player:
    """Plays on an object with the methods of `queue.Queue`.

    Subclasses override what their queue calls otherwise.

    Args:
        queue: to play on.
        settles: how a got item is settled: "get" (it is when get returns), "task_done", "ack".
    """

    def __init__(self, queue: Any, settles: str = "task_done") -> None:
        self.queue = queue
        self.settles = settles

    # -- what is measured ---------------------------------------------------------------------

    def put(self, items: Iterator[Any]) -> None:
        """One put for each."""
        put = self.queue.put
        for item in items:
            put(item)

    def take(self, items: Iterator[Any]) -> None:
        """One get, settled at once, for each."""
        get = self.queue.get
        if self.settles == "ack":
            ack = self.queue.ack
            for _ in items:
                ack(get())
        elif self.settles == "task_done":
            done = self.queue.task_done
            for _ in items:
                get()
                done()
        else:
            for _ in items:
                get()

    def alternate(self, items: Iterator[Any]) -> None:
        """One put, and one get that is settled, for each."""
        put, get = self.queue.put, self.queue.get
        if self.settles == "ack":
            ack = self.queue.ack
            for item in items:
                put(item)
                ack(get())
        elif self.settles == "task_done":
            done = self.queue.task_done
            for item in items:
                put(item)
                get()
                done()
        else:
            for item in items:
                put(item)
                get()

    def put_many(self, batches: Iterator[list[Any]]) -> None:
        """One put of a batch for each."""
        put_many = self.queue.put_many
        for batch in batches:
            put_many(batch)

    def take_many(self, batches: Iterator[Any], size: int) -> None:
        """One get of a batch, settled together, for each."""
        get_many = self.queue.get_many
        for _ in batches:
            found = get_many(size)
            if len(found) != size:
                raise ValueError(f"asked for {size} items, the queue gave {len(found)}")
            self.settle_all(found)

    def read_one(self, items: Iterator[Any]) -> None:
        """Puts all; gets all and settles them at once."""
        everything = list(items)
        self.put(iter(everything))
        get = self.queue.get
        self.settle_all([get() for _ in everything])

    def read_many(self, items: Iterator[Any]) -> None:
        """Puts all; gets all and settles each."""
        everything = list(items)
        self.put(iter(everything))
        self.take(iter(everything))

    # -- what is not --------------------------------------------------------------------------

    def settle_all(self, items: list[Any]) -> None:
        """Settles what was got."""
        if self.settles == "ack":
            # One commit for all of them, where the queue can.
            transaction = getattr(self.queue, "transaction", nullcontext)
            ack = self.queue.ack
            with transaction():
                for item in items:
                    ack(item)
        elif self.settles == "task_done":
            self.queue.task_done()

    def fill(self, items: Iterable[Any]) -> None:
        """Puts items, as fast as it goes."""
        if not hasattr(self.queue, "put_many"):
            self.put(iter(items))
            return
        stream = iter(items)
        while batch := list(islice(stream, _BATCH)):
            self.queue.put_many(batch)

    def age(self, item: Any, count: int) -> None:
        """Leaves so many settled items behind, of a queue that was empty."""
        if not hasattr(self.queue, "put_many"):
            self.fill(repeat(item, count))
            self.take(repeat(None, count))
            return
        while count:
            batch = min(count, _BATCH)
            ids = self.queue.put_many([item] * batch)
            found = self.queue.get_many(batch)
            if hasattr(self.queue, "ack_many"):
                self.queue.ack_many(ids)
            else:
                self.settle_all(found)
            count -= len(found)

    def size(self) -> int:
        """How many items can be got."""
        return int(self.queue.qsize())

    def close(self) -> None:
        """Gives back what it holds."""
        if hasattr(self.queue, "close"):
            self.queue.close()
