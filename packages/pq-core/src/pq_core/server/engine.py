"""The engine: runs plans on a database server, each in a transaction on a connection of a pool.

S1. One plan is one transaction on one connection; a plan marked `single` is one statement that
    commits by itself. What a plan returned is handed out after its commit, never before.
S2. A conflict (deadlock, lock wait, serialization failure) rolls back and runs the plan again,
    after a pause with jitter, until `timeout`: then `StorageBusy`.
S3. A connection lost before the commit was sent: nothing has happened. The plan is run again on a
    new connection, until `timeout`.
S4. A connection lost while the commit was under way: nobody knows. The plan is not run again, and
    the caller is told: `OutcomeUnknown`. (A plan that only reads is.)
S5. Opening is not patient: a server that cannot be reached then is an error at once.

Waiting is done with `pq_core.yielding`, the bell and the driver's own socket, so that green threads
go on, and an event loop where the driver's socket lets it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from pq_core import yielding
from pq_core.ending import keep
from pq_core.errors import OutcomeUnknown, QueueClosed, StorageBusy, StorageError
from pq_core.server.driver import Driver, Session, Verdict
from pq_core.server.life import Life
from pq_core.server.permits import Permits
from pq_core.server.run import BACK, RELEASE, SAVEPOINT, Again, drive
from pq_core.server.watching import Watching
from pq_core.sql import fork
from pq_core.sql.plans.owners import OwnerPlans
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan

__all__ = ["ServerEngine"]

R = TypeVar("R")

#: The pauses after a conflict, in seconds: from about a transaction to about a slow one.
_SHORTEST: Final = 0.002
_LONGEST: Final = 0.1


class ServerEngine(Watching):
    """See `pq_core.sql.driver.Engine`.

    Args:
        driver: the way to the database; closed with the engine.
        layout: the tables, made or migrated on opening.
        owners: the plans of the table of owners, on the server's clock.
        timeout: seconds to wait for others, for a free connection, and for a server that is away.
        heartbeat: seconds between two signs of life; see `pq_core.server.life`.
        creates: whether to make the queue where there is none.

    Attributes:
        where: what the queue is called in messages.
        bell: rings for all threads of this process that wait for this table.
        closed: whether `close` was called.

    Raises:
        StorageError: the server cannot be reached, or refuses; or there is no queue, and it should
            not be made.
        SchemaMismatch: a newer version wrote the queue, or the table is no queue.
    """

    def __init__(
        self,
        driver: Driver,
        layout: Layout,
        owners: OwnerPlans,
        *,
        timeout: float = 10.0,
        heartbeat: float = 5.0,
        creates: bool = True,
    ) -> None:
        self.closed = True  # for __del__, if the next lines fail
        self.driver = driver
        keep(self, driver)
        self.layout = layout
        self.where = f"{driver.where}, table {layout.table}"
        self._owners = owners
        self._timeout = timeout
        self._heartbeat = heartbeat
        self._skew = 0.0
        Watching.__init__(self)
        self._start()
        self.closed = False
        self._is_patient = False
        try:
            if not self.read(layout.is_current):
                if not creates and not self.read(layout.is_there):
                    raise StorageError(
                        f"{self.where}: there is no such queue; check its name and kind, or make "
                        "it with create=True"
                    )
                self._run(self._prepare, (), False)
            self._skew = self.read(owners.now) - time.time()
        except BaseException:
            self.close()
            raise
        self._is_patient = True
        fork.watch(self)

    def _start(self) -> None:
        #: Keeps to the number of connections; the sign of life goes past it.
        self._gate = Permits(self.driver.size)
        #: One for each transaction. A list, whose append() and pop() are one step each.
        self._under_way: list[None] = []
        #: The sessions of threads that are in transaction().
        self._inside: dict[int, Session] = {}
        self._life = Life(self.driver, self._owners, self._heartbeat, self._run_ungated)

    def _prepare(self) -> Plan[None]:
        """Makes or migrates the tables; several processes may be at it."""
        yield from self.layout.lock()
        yield from self._owners.create()
        yield from self.layout.prepare()

    # -- running plans ------------------------------------------------------------------------

    def write(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """The result of a plan that has happened as a whole, and is as durable as put is.

        Raises:
            QueueClosed: the queue was closed.
            StorageBusy: others were in the way for the whole timeout; nothing has happened.
            OutcomeUnknown: the connection was lost while the server committed.
            StorageError: the server refused, or was away for the whole timeout; nothing has
                happened.
        """
        if self._inside:
            session = self._inside.get(yielding.caller())
            if session is not None:
                return self._nested(session, plan, args)
        return self._run(plan, args, False)

    def settle(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """The same as `write`: a server makes durable what it commits."""
        return self.write(plan, *args)

    def read(self, plan: Callable[..., Plan[R]], /, *args: Any) -> R:
        """The result of a plan that sees one snapshot and changes nothing."""
        if self._inside:
            session = self._inside.get(yielding.caller())
            if session is not None:
                return self._nested(session, plan, args)
        return self._run(plan, args, True)

    def ready(self, plans: Any, /) -> int:
        """How many items are ready, counted in the database."""
        count: int = self.read(plans.count)
        return count

    def _run(self, plan: Callable[..., Plan[R]], args: tuple[Any, ...], reading: bool) -> R:
        """Runs a plan, and again as long as rules S2 and S3 allow it."""
        until = time.monotonic() + self._timeout
        pause = _SHORTEST
        while True:
            if self.closed:
                raise QueueClosed(f"{self.where}: the queue was closed; open a new one")
            if not self._gate.acquire(False):
                self._await_gate(until)
            try:
                return self._run_once(plan, args, reading)
            except Again as again:
                cause = again.cause
                verdict = again.verdict
            finally:
                self._gate.release()
            pause = self._pause_after(cause, verdict, until, pause)

    def _run_ungated(self, plan: Callable[..., Plan[R]], args: tuple[Any, ...]) -> R:
        """Runs a plan once, on a connection beyond those of the gate."""
        try:
            return self._run_once(plan, args, False)
        except Again as again:
            raise self.driver.translated(again.cause, self.where) from again.cause

    def _await_gate(self, until: float) -> None:
        if not yielding.acquire(self._gate, max(0.0, until - time.monotonic())):
            raise StorageBusy(
                f"{self.where}: all {self.driver.size} connections of the pool were in use for "
                f"{self._timeout:g} s; raise max_connections, or keep transactions shorter"
            )

    def _pause_after(self, cause: Exception, verdict: Verdict, until: float, pause: float) -> float:
        """Waits before the next attempt; how long to wait before the one after that."""
        left = until - time.monotonic()
        if left <= 0 or (verdict is Verdict.GONE and not self._is_patient):
            if verdict is Verdict.GONE:
                raise self.driver.translated(cause, self.where) from cause
            raise StorageBusy(
                f"{self.where}: other transactions were in the way for {self._timeout:g} s; try "
                "again, or raise timeout"
            ) from cause
        # Half of it is chance, so that two that met once do not meet again and again.
        yielding.sleep(min(left, pause * (0.5 + random.random() / 2)))
        return min(_LONGEST, pause * 2)

    def _run_once(self, plan: Callable[..., Plan[R]], args: tuple[Any, ...], reading: bool) -> R:
        """Runs a plan once.

        Raises:
            Again: nothing has happened, and another attempt makes sense.
        """
        driver = self.driver
        session: Session | None = None
        is_sent = False  # whether it may have happened
        self._under_way.append(None)
        try:
            session = driver.lease()
            if getattr(plan, "single", False):
                is_sent = not reading
                result = drive(session, plan(*args))
                if is_sent:
                    session.flush()
            else:
                session.begin(reading)
                result = drive(session, plan(*args))
                is_sent = not reading
                session.commit()
        except driver.errors as error:
            raise self._failed(session, error, is_sent) from error
        except Exception:
            self._end(session)  # the plan has refused
            raise
        except BaseException:
            # An interrupt in the middle of an answer: what comes next on this connection is the
            # rest of it.
            if session is not None:
                driver.discard(session)
            raise
        finally:
            self._under_way.pop()
        driver.give_back(session)
        return result

    def _failed(self, session: Session | None, error: Exception, is_sent: bool) -> Exception:
        """The error to raise after one of the driver, and what is left of the session put away."""
        verdict = self.driver.verdict(error)
        if verdict is Verdict.GONE:
            if session is not None:
                self.driver.discard(session)
            if is_sent:
                return self._unknown()
            return Again(error, verdict)
        self._end(session)
        if verdict is Verdict.CONFLICT:
            return Again(error, verdict)
        return self.driver.translated(error, self.where)

    def _unknown(self) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"{self.where}: the connection was lost while the server committed, so this call may "
            "have happened or not; look into the queue before repeating it"
        )

    def _end(self, session: Session | None) -> None:
        """Rolls back, and gives the session back."""
        if session is None:
            return
        try:
            session.roll_back()
        except self.driver.errors:
            self.driver.discard(session)
        except BaseException:
            self.driver.discard(session)
            raise
        else:
            self.driver.give_back(session)

    # -- transactions of the caller -----------------------------------------------------------

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """One transaction for the calling thread; other threads go on with other connections.

        Yields:
            the driver's connection, for statements of one's own on the same database.

        Raises:
            StorageError: a transaction is open in this thread already, or was ended inside of its
                block.
            StorageBusy: a conflict ended it; nothing has happened, run the block again.
            OutcomeUnknown: the connection was lost while the server committed.
        """
        me = yielding.caller()
        if me in self._inside:
            raise StorageError(f"{self.where}: a transaction is open in this thread already")
        session = self._begun()
        self._inside[me] = session
        self._under_way.append(None)
        driver = self.driver
        is_sent = False
        try:
            yield session.connection
            self._check_process(me, session)
            if not session.is_in_transaction():
                raise StorageError(
                    f"{self.where}: the transaction was ended inside of its block; leave commit "
                    "and rollback to transaction()"
                )
            is_sent = True
            session.commit()
        except driver.errors as error:
            raise self._told(self._failed(session, error, is_sent)) from error
        except Exception:
            if self._inside.get(me) is session:
                self._end(session)
            raise
        except BaseException:
            if self._inside.get(me) is session:
                driver.discard(session)
            raise
        else:
            driver.give_back(session)
        finally:
            if self._inside.pop(me, None) is not None:
                self._under_way.pop()
                self._gate.release()
        self.bell.ring()

    @contextmanager
    def joined(self, session: Session) -> Iterator[None]:
        """The calling thread's plans run on this session, whose transaction is the caller's.

        Raises:
            StorageError: a transaction is open in this thread already.
        """
        me = yielding.caller()
        if self.closed:
            raise QueueClosed(f"{self.where}: the queue was closed; open a new one")
        if me in self._inside:
            raise StorageError(f"{self.where}: a transaction is open in this thread already")
        self._inside[me] = session
        try:
            yield
        finally:
            self._inside.pop(me, None)

    def _check_process(self, me: int, session: Session) -> None:
        """Makes sure that a child forked inside of a transaction leaves it to its parent."""
        if self._inside.get(me) is not session:
            raise StorageError(
                f"{self.where}: the process forked inside of transaction(); the transaction is "
                "the parent's, leave the block in the child with os._exit"
            )

    def _begun(self) -> Session:
        """A session in a transaction. The gate is held."""
        until = time.monotonic() + self._timeout
        pause = _SHORTEST
        while True:
            if self.closed:
                raise QueueClosed(f"{self.where}: the queue was closed; open a new one")
            self._await_gate(until)
            session: Session | None = None
            try:
                session = self.driver.lease()
                session.begin(False)
                session.flush()
            except self.driver.errors as error:
                self._gate.release()
                failed = self._failed(session, error, False)
                if not isinstance(failed, Again):
                    raise failed from error
                pause = self._pause_after(error, failed.verdict, until, pause)
            except BaseException:
                self._gate.release()
                raise
            else:
                return session

    def _nested(self, session: Session, plan: Callable[..., Plan[R]], args: tuple[Any, ...]) -> R:
        """A plan inside of transaction(), by the thread that is in it."""
        try:
            session.execute(SAVEPOINT, ())
            try:
                result = drive(session, plan(*args))
            except self.driver.errors:
                raise
            except Exception:
                session.execute(BACK, ())
                session.execute(RELEASE, ())
                session.flush()
                raise
            session.execute(RELEASE, ())
            session.flush()  # before the caller's next statement
        except self.driver.errors as error:
            verdict = self.driver.verdict(error)
            raise self._told(Again(error, verdict)) from error
        return result

    def _told(self, error: Exception) -> Exception:
        """What the caller of transaction() is told instead of being run again."""
        if not isinstance(error, Again):
            return error
        if error.verdict is Verdict.CONFLICT:
            return StorageBusy(
                f"{self.where}: a conflict with another transaction ended this one; nothing of it "
                "has happened, run it again"
            )
        return self.driver.translated(error.cause, self.where)

    # -- owners and time ----------------------------------------------------------------------

    def owner(self) -> int:
        """The number under which this object claims items; alive until `close`."""
        return self._life.owner(self)

    def beat(self) -> bool:
        """Gives a sign of life; whether there is a next one to come."""
        if self.closed:
            return False
        self._life.beat()
        return True

    def dead(self, owners: Any, /) -> list[int]:
        """Which of these owners do not live any more."""
        suspects = [each for each in owners if each != self._life.number]
        if not suspects or not self._life.may_judge():
            return []
        alive = self.read(self._owners.alive)
        # A look that has found the connections broken is no evidence either.
        if not self._life.may_judge():
            return []
        return [each for each in suspects if each not in alive]

    def time(self) -> float:
        """The server's time, in seconds since the epoch, as it was told on opening."""
        return time.time() + self._skew

    # -- looking at the storage ---------------------------------------------------------------

    def bytes(self) -> int:
        """What the tables of the queue and their indexes occupy, in bytes, as the server tells."""
        return self.read(self.layout.size)

    def reclaimable(self) -> int:
        """0: a server does not tell it of one table in a way that holds for all of them."""
        return 0

    # -- the end ------------------------------------------------------------------------------

    def close(self) -> None:
        """Frees the connections and the number of the owner; a second call does nothing."""
        if self.closed:
            return
        self._life.end()
        self.closed = True
        self._stop_listening()
        self.driver.close()
        self.hub.leave(self)

    # -- forks, and ends ----------------------------------------------------------------------

    def is_free(self) -> bool:
        """Whether no thread is in the middle of a transaction."""
        return not self._under_way

    def before_fork(self) -> bool:
        """Nothing has to stop: the child uses nothing of what the threads are in the middle of."""
        return False

    def after_fork_in_parent(self) -> None:
        """Nothing has changed."""

    def after_fork_in_child(self) -> None:
        """Leaves connections, listener and owner to the parent, and gets its own when needed."""
        fork.keep_for_ever(self._listener)
        self.driver.abandon()
        self._start_watching()
        self._start()
        if not self.closed and self._probe is not None:
            self.hub.join(self)
