"""An ack queue in memory, as small as the contract allows, and mutants of it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pq_core.errors import DecodeError, Empty, LeaseLost
from pq_core.message import Message
from pq_core.protocols import DeadLetter, Stats
from tests.contract.reference import Reference


@dataclass
class Entry:
    """What is known of an item besides its bytes."""

    data: bytes
    put_at: float
    visible_at: float
    gone_at: float
    priority: int
    key: str | None
    attempts: int = 0
    lease_ends: float = math.inf
    item: Any = None


class AckReference(Reference):
    """A FIFO queue of leases. An object that is closed gives back what it has leased."""

    def __init__(
        self,
        where: object,
        *,
        lease: float = math.inf,
        max_attempts: int | None = None,
        clock: Callable[[], float] = time.time,
        **options: Any,
    ) -> None:
        super().__init__(where, **options)
        self._lease = lease
        self._max_attempts = max_attempts
        self._clock = clock
        self._entries: dict[int, Entry] = vars(self._storage).setdefault("entries", {})
        self._keys: dict[str, int] = vars(self._storage).setdefault("keys", {})

    # What a mutant gets wrong -------------------------------------------------------------------

    def _too_late(self, entry: Entry, attempts: int) -> bool:
        return entry.attempts != attempts or entry.lease_ends <= self._clock()

    def _match(self, item: Any) -> int:
        mine = [id for id, (_, taker, _) in self._storage.out.items() if taker is self]
        for same in (lambda it: it is item, lambda it: it == item):
            for id in mine:
                if same(self._entries[id].item):
                    return id
        raise LeaseLost("no such item is out")

    def _drop_dead(self, id: int, reason: str) -> None:
        entry = self._entries[id]
        self._storage.dead[id] = DeadLetter(id, reason, entry.data, entry.attempts)

    def _used_up(self, entry: Entry) -> bool:
        return self._max_attempts is not None and entry.attempts >= self._max_attempts

    # ---------------------------------------------------------------------------------------------

    def put(
        self,
        item: Any,
        block: bool = True,
        timeout: float | None = None,
        *,
        delay: float = 0.0,
        ttl: float | None = None,
        priority: int = 0,
        dedupe_key: str | None = None,
    ) -> int:
        with self._storage.changed:
            if dedupe_key in self._keys:
                return self._keys[dedupe_key]
            id = super().put(item, block, timeout)
            entry = self._entries[id]
            entry.visible_at += delay
            entry.gone_at = entry.put_at + (math.inf if ttl is None else ttl)
            entry.priority = priority
            if dedupe_key is not None:
                self._keys[dedupe_key] = id
            return id

    def _put(self, id: int, data: bytes) -> None:
        super()._put(id, data)
        now = self._clock()
        self._entries[id] = Entry(data, now, now, math.inf, 0, None)

    def _visible(self) -> list[int]:
        """The ready ids in order, after time has done its work."""
        now = self._clock()
        for id in [id for id in self._storage.out if self._entries[id].lease_ends <= now]:
            self._storage.ready[id] = self._storage.out.pop(id)[0]
        for id in [id for id in self._storage.ready if self._entries[id].gone_at <= now]:
            del self._storage.ready[id]
        seen = [id for id in self._storage.ready if self._entries[id].visible_at <= now]
        return sorted(seen, key=lambda id: (self._entries[id].priority, id))

    def receive(self, block: bool = True, timeout: float | None = None) -> Message[Any]:
        deadline = self._deadline(block, timeout)

        def look() -> Message[Any] | None:
            for id in self._visible():
                data, entry = self._drop(id), self._entries[id]
                entry.attempts += 1
                entry.lease_ends = self._clock() + self._lease
                self._ring()
                try:
                    entry.item = self._codec.decode(data)
                except DecodeError as error:
                    raise self._bury(id, data, error) from error
                self._storage.out[id] = data, self, threading.current_thread()
                return Message(
                    entry.item,
                    id=id,
                    attempts=entry.attempts,
                    enqueued_at=entry.put_at,
                    settler=_Settler(self),
                    token=entry.attempts,
                )
            return None

        message: Message[Any] | None = self._wait_for(look, deadline)
        if message is None:
            raise Empty("nothing is ready")
        return message

    def receive_nowait(self) -> Message[Any]:
        return self.receive(block=False)

    def get(self, block: bool = True, timeout: float | None = None, *, raw: bool = False) -> Any:
        message = self.receive(block, timeout)
        if raw:
            return {"pqid": message.id, "data": message.item, "timestamp": message.enqueued_at}
        return message.item

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[Any]:
        items = [self.get(block, timeout)]
        try:
            while len(items) < n:
                items.append(self.get_nowait())
        except (Empty, DecodeError):
            pass
        return items

    def _id(self, item: Any, id: int | None) -> int:
        if id is None and isinstance(item, dict) and "pqid" in item:
            id = int(item["pqid"])
        found = self._match(item) if id is None else id
        if found not in self._storage.out:
            raise LeaseLost(f"item {found} is not out")
        return found

    def _settle(
        self, way: str, item: Any, id: int | None, *rest: Any, attempts: int | None = None
    ) -> int:
        with self._storage.changed:
            self._check()
            found = self._id(item, id)
            entry = self._entries[found]
            if self._too_late(entry, entry.attempts if attempts is None else attempts):
                raise LeaseLost(f"the lease of item {found} has ended")
            if way == "extend":
                entry.lease_ends = self._clock() + rest[0]
                return found
            data = self._storage.out.pop(found)[0]
            if way == "fail":
                self._drop_dead(found, *rest)
            elif way == "nack" and self._used_up(entry):
                self._drop_dead(found, "too many attempts")
            elif way == "nack":
                self._storage.ready[found] = data
                entry.visible_at = self._clock() + rest[0]
            self._ring()
            return found

    def ack(self, item: Any = None, id: int | None = None) -> int | None:
        return self._settle("ack", item, id)

    def nack(self, item: Any = None, id: int | None = None, *, delay: float = 0.0) -> int | None:
        return self._settle("nack", item, id, delay)

    def ack_failed(
        self, item: Any = None, id: int | None = None, *, reason: str = ""
    ) -> int | None:
        return self._settle("fail", item, id, reason)

    def ack_many(self, ids: Iterable[int]) -> int:
        out = [id for id in ids if id in self._storage.out]
        return sum(self.ack(id=id) is not None for id in out)

    def browse(self) -> Any:
        self._check()
        with self._storage.changed:
            datas = [self._storage.ready[id] for id in self._visible()]
        return map(self._codec.decode, datas)

    def qsize(self) -> int:
        self._check()
        with self._storage.changed:
            return len(self._visible())

    def stats(self) -> Stats:
        with self._storage.changed:
            ready = len(self._visible())
            found = super().stats()
            return Stats(ready, found.ready - ready, found.leased, found.dead, found.bytes, None)


class _Settler:
    def __init__(self, queue: AckReference) -> None:
        self._queue = queue

    def ack(self, id: int, token: int) -> None:
        self._queue._settle("ack", None, id, attempts=token)

    def nack(self, id: int, token: int, delay: float) -> None:
        self._queue._settle("nack", None, id, delay, attempts=token)

    def fail(self, id: int, token: int, reason: str) -> None:
        self._queue._settle("fail", None, id, reason, attempts=token)

    def extend(self, id: int, token: int, seconds: float) -> None:
        self._queue._settle("extend", None, id, seconds, attempts=token)


# -- mutants: each breaks one promise ------------------------------------------------------------


class SettlesAfterTheLease(AckReference):
    """Whoever comes late settles what is somebody else's."""

    def _too_late(self, entry: Entry, attempts: int) -> bool:  # noqa: ARG002
        return False


class KnowsNoEqual(AckReference):
    """Finds an item by identity only."""

    def _match(self, item: Any) -> int:
        for id in self._storage.out:
            if self._entries[id].item is item:
                return id
        raise LeaseLost("no such item is out")


class KnowsNoIdentity(AckReference):
    """Finds an item by equality only."""

    def _match(self, item: Any) -> int:
        return next(id for id in self._storage.out if self._entries[id].item == item)


class ForgetsReasons(AckReference):
    """A dead letter without its reason."""

    def _drop_dead(self, id: int, reason: str) -> None:  # noqa: ARG002
        super()._drop_dead(id, "")


class TriesForEver(AckReference):
    """max_attempts is no limit."""

    def _used_up(self, entry: Entry) -> bool:  # noqa: ARG002
        return False


class ForgetsTheDelay(AckReference):
    """nack makes an item ready at once."""

    def nack(self, item: Any = None, id: int | None = None, *, delay: float = 0.0) -> int | None:  # noqa: ARG002
        return super().nack(item, id)

    def _settle(
        self, way: str, item: Any, id: int | None, *rest: Any, attempts: int | None = None
    ) -> int:
        rest = (0.0,) if way == "nack" else rest
        return super()._settle(way, item, id, *rest, attempts=attempts)


class RobsTheLiving(AckReference):
    """Resumes on open what live consumers have out."""

    def _on_open(self) -> None:
        for id, (data, _, _) in list(self._storage.out.items()):
            self._storage.ready[id] = data
            del self._storage.out[id]


#: Which promise each mutant breaks: the test that has to fail on it.
MUTANTS: dict[type[AckReference], str] = {
    SettlesAfterTheLease: "test_a_lease_that_has_ended_settles_nothing",
    KnowsNoEqual: "test_ack_by_an_equal_item",
    KnowsNoIdentity: "test_identity_comes_before_equality",
    ForgetsReasons: "test_a_failed_item_is_a_dead_letter",
    TriesForEver: "test_max_attempts",
    ForgetsTheDelay: "test_a_nack_with_a_delay",
    RobsTheLiving: "test_a_live_consumer_keeps_its_lease",
}
