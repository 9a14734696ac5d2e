"""What is ready in a queue at one moment, without taking it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from pq_core.log.cursor import Position
from pq_core.log.frame import LIVE, Item
from pq_core.log.owners import Owners
from pq_core.log.store import Segment

__all__ = ["View"]

#: How many items browse() reads at a time under the lock.
_PART: Final = 64

Walk = Callable[[Position, int], Iterator[tuple[Segment, Item]]]


@dataclass(slots=True)
class View:
    """What take() would hand out, and in which order. Good while the tail lock is held.

    Attributes:
        walk: the items from a position up to before a seq.
        owners: who has what out.
        spans: where the items lie, from a position up to before a seq.
        settled: items before this seq are settled.
        careful: from this seq on, no item in a span is out.
    """

    walk: Walk
    owners: Owners
    spans: list[tuple[Position, int]]
    settled: int
    careful: int

    def items(self) -> Iterator[Item]:
        """The items that are ready."""
        for start, stop in self.spans:
            for _, item in self.walk(start, stop):
                if self._is_ready(item):
                    yield item

    def part(
        self, position: Position, stop: int
    ) -> tuple[list[tuple[int, bytes]], Position | None]:
        """Some items of a span, and where to go on; None at its end."""
        found = list(islice(self.walk(position, stop), _PART))
        if not found:
            return [], None
        segment, last = found[-1]
        ready = [(item.seq, item.payload) for _, item in found if self._is_ready(item)]
        return ready, Position(segment.number, last.end, last.following)

    def _is_ready(self, item: Item) -> bool:
        if item.state != LIVE or item.seq < self.settled:
            return False
        return item.seq >= self.careful or self.owners.holding(item.seq) is None
