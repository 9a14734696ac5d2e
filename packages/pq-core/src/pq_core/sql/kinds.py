"""Kinds of queues, as data.

A kind says in which order items come, which of them are refused, how they are settled, and what
the tables are called.

The table prefixes are those of persist-queue 0.8 to 1.1, whose tables are opened in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["KINDS", "Kind"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of queue.

    Attributes:
        name: as in the `kind` option of a URL.
        prefix: of its table; the queue's name follows.
        newest_first: items come in the reverse order of their ids.
        is_unique: an item equal to one that is there is not stored again.
        has_priority: its table has a priority, and the lowest comes first.
        is_acked: items are leased and settled one by one.
    """

    name: str
    prefix: str
    newest_first: bool = False
    is_unique: bool = False
    has_priority: bool = False
    is_acked: bool = False

    def table(self, name: str) -> str:
        """The table of the queue called `name`."""
        return f"{self.prefix}_{name}"


#: All kinds by name.
KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("fifo", "queue"),
        Kind("filo", "filo_queue", newest_first=True),
        Kind("unique", "unique_queue", is_unique=True),
        Kind("priority", "priority_queue", has_priority=True),
        Kind("ack", "ack_queue", is_acked=True),
        Kind("filo-ack", "ack_filo_queue", newest_first=True, is_acked=True),
        Kind("unique-ack", "ack_unique_queue", is_unique=True, is_acked=True),
    )
}
