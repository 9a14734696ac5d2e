"""`Spec`: what is done and how often, as data that can be sent to another interpreter."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import repeat
from time import perf_counter_ns
from typing import Any, Final

__all__ = ["ITEM", "Spec", "distinct", "item_of", "stamped"]

#: About a hundred bytes when pickled, like an entry of a work list.
ITEM: Final[dict[str, Any]] = {
    "id": 123_456,
    "kind": "order.paid",
    "customer": "c-0000042",
    "amount": 19.99,
    "express": True,
}
#: What `ITEM` takes as a pickle of protocol 4 without its padding, in bytes.
_BARE: Final = 98
#: What a text takes as a pickle of protocol 4 beside its characters.
_TEXT: Final = 15


@dataclass(frozen=True)
class Spec:
    """One workload.

    Attributes:
        shape: what an operation is: "put", "take" (get and settle), "put_many", "take_many",
            "alternate" (put, then take), "through" (producers and consumers at once), "read_one"
            and "read_many" (all are put, then all are got, with one `task_done` at the end or
            one for each), "set" and "look_up" (of a dictionary).
        kind: of queue: "fifo", "filo", "unique", "priority", "ack" …; "dict".
        batch: items of one operation.
        threads: that share the operations of "put" and "take".
        producers: of "through".
        consumers: of "through".
        processes: whether those are processes; threads otherwise.
        depth: items that lie in the queue all the time.
        history: acked items that lie in the queue.
        size: bytes of an item when pickled.
        tasks: coroutines that share the operations, where the queue is an async one.
        deferred: open with `auto_commit=False`, where the queue has that.
    """

    shape: str
    kind: str = "fifo"
    batch: int = 1
    threads: int = 1
    producers: int = 0
    consumers: int = 0
    processes: bool = False
    depth: int = 0
    history: int = 0
    size: int = 0
    tasks: int = 0
    deferred: bool = False

    @property
    def is_standing(self) -> bool:
        """Whether one queue serves all rounds, because it takes long to prepare."""
        return self.depth > 0 or self.history > 0 or self.shape in ("alternate", "set", "look_up")

    @property
    def lot(self) -> int:
        """The number of items must be a multiple of this."""
        tasks = max(1, self.tasks)
        return math.lcm(
            self.batch * self.threads * tasks, max(1, self.producers), max(1, self.consumers)
        )

    def whole(self, count: int) -> int:
        """The nearest number of items that can be shared out evenly; never none."""
        return max(1, round(count / self.lot)) * self.lot

    def to_json(self) -> str:
        """One line, for `from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """What `to_json` was called on."""
        return cls(**json.loads(text))


def item_of(size: int) -> Any:
    """An item that takes `size` bytes when pickled; 0: the usual one.

    The dict is padded; what is too small for one is a text.
    """
    if size == 0:
        return ITEM
    if size < _BARE + 20:
        return "x" * max(1, size - _TEXT)
    return {**ITEM, "note": "x" * (size - _BARE - 14)}


def distinct(item: Any, count: int) -> list[Any]:
    """As many items of that kind, no two alike, for a queue that drops equal ones."""
    if isinstance(item, dict):
        return [{**item, "id": number} for number in range(1_000_000, 1_000_000 + count)]
    return [f"{number:07d}{item[7:]}" for number in range(count)]


def stamped(items: Iterator[Any], stamps: list[int]) -> Iterator[Any]:
    """The same items; notes the time, in nanoseconds, before each and after the last."""
    note, now = stamps.append, perf_counter_ns
    for item in items:
        note(now())
        yield item
    note(now())


def stream(item: Any, count: int, kind: str) -> Iterator[Any]:
    """`count` items for a queue of this kind."""
    return iter(distinct(item, count)) if "unique" in kind else repeat(item, count)
