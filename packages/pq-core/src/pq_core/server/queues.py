"""The queues in a database server, but for what a wheel knows of its server."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Final, TypeVar

from pq_core.callers import SharedCall, one_by_one
from pq_core.errors import OutcomeUnknown
from pq_core.protocols import AnySerializer
from pq_core.serializers import Codec, codec
from pq_core.server.driver import Driver
from pq_core.server.engine import ServerEngine
from pq_core.sql.ackqueue import AckQueue
from pq_core.sql.base import BaseQueue
from pq_core.sql.dialect import Dialect
from pq_core.sql.kinds import Kind
from pq_core.sql.options import AckOptions
from pq_core.sql.plainqueue import PlainQueue
from pq_core.sql.plans.acked import AckedPlans, Retry
from pq_core.sql.plans.owners import OwnerPlans
from pq_core.sql.plans.plain import PlainPlans
from pq_core.sql.rows import Row, Taken, opener
from pq_core.sql.schema import Layout, queue_layout
from pq_core.sql.statement import Plan
from pq_core.sql.strays import Strays

__all__ = ["AckServerQueue", "InServer", "PlainServerQueue", "Settings"]

T = TypeVar("T")
R = TypeVar("R")

#: How often a consumer looks what is due while it finds enough to do, in seconds. To ask with each
#: claim would take a server a sixth of the claim.
TEND: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What every queue in a server takes, whatever its kind and its server.

    Attributes:
        timeout: seconds to wait for others, for a free connection, and for a server that is away.
        serializer: pickle, json, msgpack, cbor2, or an object with dumps and loads.
        maxsize: how many items may be ready before put waits; 0 or less: any number.
        heartbeat: seconds between two signs of life of a consumer; after four without one it
            counts as dead.
        clock: the time in seconds since the epoch, by which items are stamped and leases end;
            None: the server's.
        create: make the queue where there is none.

    Raises:
        ValueError: one is out of range.
    """

    timeout: float = 10.0
    serializer: AnySerializer | Codec = "pickle"
    maxsize: int = 0
    heartbeat: float = 5.0
    clock: Callable[[], float] | None = None
    create: bool = True

    def __post_init__(self) -> None:
        if not self.timeout >= 0:
            raise ValueError(
                f"'timeout' must be a non-negative number of seconds, not {self.timeout!r}"
            )
        if not self.heartbeat > 0:
            raise ValueError(
                f"'heartbeat' must be a positive number of seconds, not {self.heartbeat!r}"
            )

    def arguments(self) -> dict[str, Any]:
        """The parameters of a constructor that they came from, to open the queue again."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def now(self) -> tuple[float, ...]:
        """The parameters that the dialect's `now` takes."""
        return () if self.clock is None else (self.clock(),)


class InServer(BaseQueue[T]):
    """The part of a queue object that knows its server.

    Attributes:
        kind: of queue.
        name: the queue's, in its database.
        _server: the engine.
        _arguments: the constructor's, to open the queue again in another process.
    """

    kind: ClassVar[Kind]
    name: str
    _server: ServerEngine
    _arguments: dict[str, Any]

    def _open(
        self, driver: Driver, dialect: Dialect, name: str, table: str | None, settings: Settings
    ) -> tuple[Layout, Codec]:
        """Opens the engine.

        Args:
            driver: the way to the database; closed with the queue.
            dialect: of the database.
            name: of the queue.
            table: of the items; None: the kind's prefix and the name.
            settings: see there.

        Returns:
            the tables, and what reads and writes the items.
        """
        self.name = name
        owners = OwnerPlans(dialect)
        if settings.clock is not None:
            dialect = replace(dialect, now=dialect.told_now)
        layout = queue_layout(dialect, self.kind, name, table)
        of_items = codec(settings.serializer)
        self._server = ServerEngine(
            driver,
            layout,
            owners,
            timeout=settings.timeout,
            heartbeat=settings.heartbeat,
            creates=settings.create,
        )
        return layout, of_items

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Several puts, acks and statements of one's own, all or nothing.

        Nothing inside may wait for others: get and put there with ``block=False``. ::

            with queue.transaction() as connection:
                with connection.cursor() as cursor:
                    cursor.execute("UPDATE account SET ...")
                queue.put("tell the customer")

        It commits on a clean exit and rolls back on an exception. A conflict with somebody else's
        transaction ends it with `StorageBusy`, and nothing of it has happened: run the block
        again.

        Yields:
            the driver's connection. Leave commit and rollback to this method.

        Raises:
            StorageBusy: see above; or no connection was free for the whole timeout.
            OutcomeUnknown: the connection was lost while the server committed.
            StorageError: the server refused.
        """
        with self._server.transaction() as connection:
            try:
                yield connection
            finally:
                self._undo()

    def shrink_disk_usage(self) -> None:
        """Rebuilds the queue's tables, without the room of what was removed from them.

        Takes long where they are large; with PostgreSQL nobody else can use them meanwhile, and what
        a transaction that began before the removal may still see stays.

        Raises:
            StorageBusy: others were in the way for the whole timeout.
            StorageError: the server refused.
        """
        layout = self._server.layout
        for table in self._server.read(layout.holding):
            self._server.write(layout.shrink, table)

    def together(self, calls: list[SharedCall]) -> None:
        """Each call in a transaction of its own: savepoints would cost more than commits."""
        one_by_one(calls)

    def __reduce__(self) -> tuple[Any, ...]:
        return reopened, (type(self), self._arguments)


class PlainServerQueue(InServer[T], PlainQueue[T]):
    """A queue whose get settles; see the classes of the wheels.

    Args:
        driver: the way to the database; closed with the queue.
        dialect: of the database.
        name: of the queue.
        table: of the items; None: the kind's prefix and the name.
        settings: see there.
        auto_commit: get settles; otherwise task_done does.
    """

    def __init__(
        self,
        driver: Driver,
        dialect: Dialect,
        name: str,
        table: str | None,
        settings: Settings,
        auto_commit: bool,
    ) -> None:
        layout, of_items = self._open(driver, dialect, name, table, settings)
        open_row = opener(of_items, self._server.where)
        plans = PlainPlans(layout, self.kind, open_row, settings.now)
        self._server.watch(plans.changes)
        PlainQueue.__init__(
            self,
            self._server,
            plans,
            self.kind,
            of_items,
            open_row,
            settings.maxsize,
            auto_commit,
        )
        self._strays = Strays(self._server)
        self._lost: set[int] = set()

    def _hold(self, n: int) -> list[Taken] | None:
        self._bring_back()
        return super()._hold(n)

    def _claim(
        self, plan: Callable[..., Plan[R]], ids_of: Callable[[R], list[int]], *args: Any
    ) -> R:
        self._bring_back()
        try:
            return self._claim_once(plan, ids_of, *args)
        except OutcomeUnknown:
            self._bring_back()
        return self._claim_once(plan, ids_of, *args)

    def _claim_once(
        self, plan: Callable[..., Plan[R]], ids_of: Callable[[R], list[int]], *args: Any
    ) -> R:
        ids: list[int] = []

        def noting() -> Plan[R]:
            found = yield from plan(*args)
            ids[:] = ids_of(found)
            self._lost.difference_update(ids)  # see unhold_lost
            return found

        try:
            found = self._server.write(noting)
        except BaseException as error:
            if ids and may_have_happened(error):
                self._lost.update(ids)
                again = self._plans.unhold_lost, self._lost, self._server.owner()
                self._strays.note(*again, may_be_late=True)
            raise
        self._handouts.add(ids)
        return found

    def _bring_back(self) -> None:
        if self._strays and self._strays.bring_back():
            self._ring()


class AckServerQueue(InServer[T], AckQueue[T]):
    """A queue whose items are settled one by one; see the classes of the wheels.

    Args:
        driver: the way to the database; closed with the queue.
        dialect: of the database.
        name: of the queue.
        table: of the items; None: the kind's prefix and the name.
        settings: see there.
        options: of the ack queue.
    """

    def __init__(
        self,
        driver: Driver,
        dialect: Dialect,
        name: str,
        table: str | None,
        settings: Settings,
        options: AckOptions,
    ) -> None:
        layout, of_items = self._open(driver, dialect, name, table, settings)
        open_row = opener(of_items, self._server.where)
        retry = Retry(options.max_attempts, options.backoff)
        plans = AckedPlans(layout, self.kind, open_row, settings.now, retry)
        self._server.watch(plans.changes)
        AckQueue.__init__(
            self,
            self._server,
            plans,
            self.kind,
            of_items,
            open_row,
            settings.maxsize,
            options,
            settings.clock or self._server.time,
        )
        self._due = 0.0

    def _claim(self, owner: int) -> Row | None:
        return self._lease(self._plans.claim_as, owner)

    def _lease(self, plan: Callable[..., Plan[R]], owner: int, *args: Any) -> R:
        try:
            return self._lease_once(plan, owner, *args)
        except OutcomeUnknown:
            self._tend()  # takes it back
        return self._lease_once(plan, owner, *args)

    def _lease_once(self, plan: Callable[..., Plan[R]], owner: int, *args: Any) -> R:
        token = random.getrandbits(62)
        try:
            return self._server.write(plan, owner, self._options.lease, *args, token)
        except BaseException as error:
            if may_have_happened(error):
                # Without this, what it has leased would be out for as long as this object lives,
                # and nobody would work on it.
                self._strays.note(self._plans.recall, owner, token, may_be_late=True)
                self._due = 0.0
            raise

    def _tend(self) -> None:
        super()._tend()
        self._due = min(self._due, self._clock() + TEND)


def may_have_happened(error: BaseException) -> bool:
    """Whether a plan that ended with this, a lost answer or an interrupt, may be committed."""
    return isinstance(error, OutcomeUnknown) or not isinstance(error, Exception)


def reopened(cls: type[Any], arguments: dict[str, Any]) -> Any:
    """A queue object on the same storage as one that was pickled."""
    return cls(**arguments)
