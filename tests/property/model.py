"""What a queue should hold, in plain Python: a dict of entries and a clock.

It knows every kind: how items are ordered, which are refused, how they are settled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from pq_core.testing.clock import FakeClock

__all__ = ["BAD", "DEAD", "DELAYED", "OUT", "READY", "Entry", "Kind", "Model"]

READY, OUT, DELAYED, ACKED, DEAD = "ready", "out", "delayed", "acked", "dead"

#: An item that is stored, and cannot be read back.
BAD: Final = "cannot be read"


@dataclass(frozen=True)
class Kind:
    """What the model has to know of a kind of queue.

    Attributes:
        newest_first: items come in the reverse order of their ids.
        has_priority: the lowest priority comes first.
        is_unique: an item equal to one that is there is not stored again.
        settles: whether a get settles.
        is_acked: items are leased, and settled one by one.
        renews_ids: a dead letter that is put back is a new item.
        passes_over: get_many goes on behind an item that cannot be read.
        lease: seconds that an item is leased for; None: as long as its consumer lives.
        max_attempts: so often an item is handed out; None: no limit.
    """

    newest_first: bool = False
    has_priority: bool = False
    is_unique: bool = False
    settles: bool = True
    is_acked: bool = False
    renews_ids: bool = False
    passes_over: bool = False
    lease: float | None = None
    max_attempts: int | None = None


@dataclass
class Entry:
    """One item."""

    id: int
    item: Any
    priority: int = 0
    state: str = READY
    #: When its state changes by itself.
    due: float | None = None
    expires: float | None = None
    attempts: int = 0
    #: Which object has it, and in its how manieth lease.
    owner: int | None = None
    lease: int = 0
    #: The how manieth dead letter it was, and when it died.
    died: int = 0
    died_at: float = 0.0


@dataclass
class Model:
    """The entries by id, and what has happened."""

    kind: Kind
    clock: FakeClock
    maxsize: int = 0
    entries: dict[int, Entry] = field(default_factory=dict)
    last: int = 0
    deaths: int = 0

    # -- looking ------------------------------------------------------------------------------

    def of(self, state: str, owner: int | None = None) -> list[Entry]:
        """Entries in a state, of one object or of all, in the order of their ids."""
        return [
            entry
            for entry in self.entries.values()
            if entry.state == state and owner in (None, entry.owner)
        ]

    def ready(self) -> list[Entry]:
        """What the next gets take, in order."""
        sign = -1 if self.kind.newest_first else 1
        return sorted(self.of(READY), key=lambda each: (each.priority, sign * each.id))

    def has_room(self, count: int) -> bool:
        return self.maxsize <= 0 or len(self.of(READY)) + count <= self.maxsize

    def dead(self) -> list[Entry]:
        """Dead letters, in the order in which they died.

        SQL tells that by the time, then the id. Ack queues have the model's clock, which stands
        still between two deaths; the others have the machine's.
        """
        if self.kind.is_acked:
            return sorted(self.of(DEAD), key=lambda each: (each.died_at, each.id))
        return sorted(self.of(DEAD), key=lambda each: each.died)

    # -- putting ------------------------------------------------------------------------------

    def same(self, item: Any) -> Entry | None:
        """In a unique queue: what keeps an equal item from being stored."""
        if not self.kind.is_unique:
            return None
        for entry in self.entries.values():
            is_there = entry.state != DEAD or self.kind.is_acked
            if is_there and repr(entry.item) == repr(item):
                return entry
        return None

    def put(
        self, id: int, item: Any, priority: int = 0, delay: float = 0, ttl: float | None = None
    ) -> None:
        """An item was put, and got this id."""
        known = self.same(item)
        if known is not None and known.state != ACKED:
            assert id == known.id
            if known.state == DEAD:
                self._revive(known)
            return
        if known is not None:
            del self.entries[known.id]
        assert id > self.last
        self.last = id
        now = self.clock()
        entry = self.entries[id] = Entry(id, item, priority)
        entry.expires = None if ttl is None else now + ttl
        entry.due = entry.expires
        if delay > 0:
            entry.state, entry.due = DELAYED, now + delay

    # -- taking and settling ------------------------------------------------------------------

    def take(self, entry: Entry, owner: int) -> None:
        """An object was handed an item."""
        entry.attempts += 1
        entry.lease += 1
        if self.kind.settles:
            del self.entries[entry.id]
            return
        entry.state, entry.owner = OUT, owner
        lease = self.kind.lease
        entry.due = None if lease is None else self.clock() + lease

    def settle(self, entry: Entry) -> None:
        """Done with it; of a unique ack queue its row remains."""
        if self.kind.is_acked:
            entry.state, entry.due = ACKED, None
        else:
            del self.entries[entry.id]

    def bury(self, entry: Entry) -> None:
        """It becomes a dead letter, which never expires, nor does what becomes of it."""
        self.deaths += 1
        entry.state, entry.due, entry.died = DEAD, None, self.deaths
        entry.expires = None
        entry.died_at = self.clock()

    def give_back(self, entry: Entry, delay: float = 0) -> None:
        """Its consumer gave it back, died, or was too slow."""
        limit = self.kind.max_attempts
        if limit is not None and entry.attempts >= limit:
            self.bury(entry)
        elif delay > 0:
            entry.state, entry.due = DELAYED, self.clock() + delay
        else:
            entry.state, entry.due = READY, entry.expires

    def release(self, owners: Iterable[int]) -> None:
        """These objects are closed or dead."""
        for owner in owners:
            for entry in self.of(OUT, owner):
                self.give_back(entry)

    def clear(self) -> int:
        """Everything ready or delayed is gone; how many."""
        gone = [*self.of(READY), *self.of(DELAYED)]
        for entry in gone:
            del self.entries[entry.id]
        return len(gone)

    def redrive(self) -> int:
        """All dead letters are put back; how many."""
        letters = self.dead()
        count = 0
        for entry in letters:
            if self.kind.renews_ids:
                del self.entries[entry.id]
                self.last += 1
                self.entries[self.last] = Entry(self.last, entry.item)
                count += 1
            elif not self.kind.is_acked and self.same(entry.item) is not None:
                del self.entries[entry.id]
            else:
                self._revive(entry)
                count += 1
        self.entries = dict(sorted(self.entries.items()))
        return count

    @staticmethod
    def _revive(entry: Entry) -> None:
        entry.state, entry.attempts, entry.due = READY, 0, None

    # -- time ---------------------------------------------------------------------------------

    def tend(self) -> None:
        """What is due by now happens."""
        now = self.clock()
        while True:
            due = [e for e in self.entries.values() if e.due is not None and e.due <= now]
            if not due:
                return
            for entry in sorted(due, key=lambda each: each.due or 0.0):
                if entry.state == OUT:
                    self.give_back(entry)
                elif entry.expires is not None and entry.expires <= now:
                    del self.entries[entry.id]
                else:
                    entry.state, entry.due = READY, entry.expires
