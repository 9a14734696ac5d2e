"""The settling half of an ack queue: ack, nack and ack_failed, by item or by id."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

from pq_core.errors import DecodeError, LeaseLost
from pq_core.protocols import Damage
from pq_core.serializers import Codec
from pq_core.sql.base import BaseQueue, Raw, id_of, seconds
from pq_core.sql.driver import Engine
from pq_core.sql.inflight import InFlight
from pq_core.sql.kinds import Kind
from pq_core.sql.options import AckOptions
from pq_core.sql.plans.acked import ACKED, FAILED, LEASED, READY, AckedPlans
from pq_core.sql.rows import Opener, Row, Unreadable
from pq_core.sql.statement import Plan

__all__ = ["SettlingQueue"]

T = TypeVar("T")
R = TypeVar("R")

#: Acked items are trimmed once in so many acks, or in this share of what is kept, for the oldest
#: that is kept is found by counting; and twice as many at most, so that a trim is a short
#: transaction and yet gains on the acks.
TRIM_EVERY: Final = 256
TRIM_SHARE: Final = 1 / 64

_LOG: Final = logging.getLogger("persistqueue")


class SettlingQueue(BaseQueue[T]):
    """What `AckQueue` is made of; this one is not used by itself.

    Args:
        engine: runs the plans.
        plans: of the kind.
        kind: of queue; an acked one.
        codec: of the items.
        open_row: reads payloads.
        maxsize: how many items may be ready; 0 or less: any number.
        options: see there.
    """

    def __init__(
        self,
        engine: Engine,
        plans: AckedPlans,
        kind: Kind,
        codec: Codec,
        open_row: Opener,
        maxsize: int,
        options: AckOptions,
    ) -> None:
        super().__init__(engine, plans, kind, codec, open_row, maxsize)
        self._plans = plans
        self._options = options
        self._inflight = InFlight()
        self._acks = 0
        self._trim_every = max(TRIM_EVERY, int(options.keep_acked * TRIM_SHARE))
        self._due = float("inf")  # when something changes by itself

    def ack(self, item: T | Raw | None = None, id: int | Raw | None = None) -> int | None:
        """Done with an item: it never comes again. Durable on return as `durability` says.

        Args:
            item: the object that `get` returned, one equal to it, or a raw item. Of equal items
                the oldest is meant.
            id: its id, or a raw item; then `item` is not looked at. The item may also be one that
                is ready.

        Returns:
            its id, or None where there is nothing to settle: it was settled before.

        Raises:
            LeaseLost: its lease has ended, or somebody else has it.
            StorageError: the storage failed; nothing is settled.
        """
        key = self._key(item, id)
        if key is None:
            return None
        if not self._engine.write(self._plans.ack, key, self._engine.owner()):
            if not self._may_adopt(key, "acked", takes_ready=id is not None):
                return None
            self._engine.write(self._plans.ack, key, self._engine.owner())
        self._inflight.discard(key)
        self._acked(1)
        return key

    def ack_many(self, ids: Iterable[int]) -> int:
        """Done with all of these, in one transaction; how many this consumer still had."""
        keys = [key for key in map(id_of, ids) if key is not None]
        count = self._engine.write(self._plans.ack_many, keys, self._engine.owner())
        for key in keys:
            self._inflight.discard(key)
        self._acked(count)
        return count

    def nack(
        self,
        item: T | Raw | None = None,
        id: int | Raw | None = None,
        *,
        delay: float | None = None,
    ) -> int | None:
        """Makes an item ready again, or a dead letter after `max_attempts`.

        Args:
            item: as for `ack`.
            id: as for `ack`.
            delay: seconds before it is ready; None: the queue's `backoff`.

        Returns:
            its id, or None where there is nothing to settle: it was settled before.

        Raises:
            LeaseLost: its lease has ended, or somebody else has it.
            ValueError: `delay` is negative.
            StorageError: the storage failed; nothing is settled.
        """
        if delay is not None:
            delay = seconds("delay", delay)
        key = self._key(item, id)
        if key is None:
            return None
        args = (key, self._engine.owner(), None, delay)
        if not self._engine.write(self._plans.nack, *args):
            if not self._may_adopt(key, "nacked"):
                return None
            self._engine.write(self._plans.nack, *args)
        self._inflight.discard(key)
        self._returned()
        return key

    def ack_failed(
        self, item: T | Raw | None = None, id: int | Raw | None = None, *, reason: str = ""
    ) -> int | None:
        """Gives an item up: it becomes a dead letter.

        Args:
            item: as for `ack`.
            id: as for `ack`.
            reason: shown by `dead_letters`; must not hold what is secret in the item.

        Returns:
            its id, or None where there is nothing to settle: it was settled before.

        Raises:
            LeaseLost: its lease has ended, or somebody else has it.
            StorageError: the storage failed; nothing is settled.
        """
        key = self._key(item, id)
        if key is None:
            return None
        args = (key, self._engine.owner(), None, reason)
        if not self._engine.write(self._plans.fail, *args):
            if not self._may_adopt(key, "given up", takes_ready=id is not None):
                return None
            self._engine.write(self._plans.fail, *args)
        self._inflight.discard(key)
        return key

    def _key(self, item: Any, id: int | Raw | None) -> int | None:
        """The id that is meant, None where nothing is."""
        key = None if id is None else id_of(id)
        if key is not None:
            return key
        if isinstance(item, dict) and "pqid" in item:
            return id_of(item)
        key = self._inflight.find(item)
        if key is None:
            key = self._stored_key(item)
        if key is None:
            _LOG.debug("%s: there is nothing to settle", self._engine.where)
        return key

    def _stored_key(self, item: Any) -> int | None:
        """The oldest item out that has the same bytes, or is equal."""
        owner = self._engine.owner()
        key = self._engine.read(self._plans.equal, owner, self._encode(item))
        after = -1
        while key is None and (rows := self._engine.read(self._plans.mine, owner, after)):
            after = rows[-1][0]
            for row in rows:
                stored = self._open_row(row)
                if type(stored) is type(item) and bool(stored == item):
                    key = row[0]
                    break
        return key

    def _may_adopt(self, id: int, what: str, *, takes_ready: bool = False) -> bool:
        """After a settlement that met no lease of ours: whether to try again.

        An item of a consumer that is dead is taken over first: with ``auto_resume=False`` that is
        how what was left behind gets settled. So is one that is ready, where its id was given: who
        knows from elsewhere that it is done need not get it again.
        """
        state = self._engine.read(self._plans.status, id)
        self._inflight.discard(id)
        if state is None:
            return False
        status, owner, _, token = state
        me = self._engine.owner()
        if status == LEASED and (owner is None or self._engine.dead([owner])):
            return self._engine.write(self._plans.adopt, id, me, token)
        if status == READY and owner != me and takes_ready:
            return not isinstance(self._lease(self._plans.claim_id, me, id), bool)
        if status == LEASED or (owner is not None and status not in (ACKED, FAILED)):
            raise LeaseLost(
                f"{self._engine.where}: item {id} cannot be {what}: its lease has ended; get it "
                "again, and give a longer lease="
            )
        if owner not in (None, me):
            raise LeaseLost(
                f"{self._engine.where}: item {id} cannot be {what}: somebody else has settled it"
            )
        return False

    def _lease(self, plan: Callable[..., Plan[R]], owner: int, *args: Any) -> R:
        """What a plan has found that leases items for `owner`."""
        return self._engine.write(plan, owner, self._options.lease, *args)

    def _acked(self, count: int) -> None:
        """Trims acked items from time to time."""
        self._acks += count
        if self._acks % self._trim_every < count:
            self._trim(max(self._trim_every, count))

    def _trim_rest(self) -> None:
        """Trims after the last acks: a consumer that lives for few of them must leave none behind."""
        if self._acks % self._trim_every:
            self._trim(TRIM_EVERY)

    def _trim(self, count: int) -> None:
        """Trims after so many acks."""
        self._engine.write(self._plans.trim, ACKED, self._options.keep_acked, 2 * count)

    def _returned(self) -> None:
        """An item may be ready again, now or at some time."""
        self._due = 0.0
        self._ring()

    def _damage(self, path: Path) -> Iterator[tuple[Damage, int, Unreadable]]:
        yield from super()._damage(path)
        last = -1
        while page := self._engine.read(self._plans.lost, last):
            for (last,) in page:
                reason = "its payload is gone"
                message = f"{self._engine.where}: item {last}: {reason}"
                why = Unreadable(last, reason, DecodeError(message, id=last))
                yield Damage(path, None, f"item {last}: {reason}"), last, why

    def _is_settled(self, row: Row) -> bool:
        return bool(row[5] >= ACKED)
