"""A lock whose holder also does what others wait for: group commit.

Whoever gets the lock carries out everything that waits at that moment, so that many threads pay for
one sync. The *crowd* is how many did so together the last time: a leader waits a moment for as many,
so n threads that do one thing after the other share each sync, where otherwise they fall into two
halves that take turns. A thread that is alone never waits.

T1. Who is the first of those who wait blocks on the lock, so whoever else has it may just let go of it.
    (The second one does, too, where the first is the main thread.)
T2. Who leads takes all that wait, or makes the next one lead; who is interrupted does as well.
T3. The lock is held by a `with` only: an exception that a signal's handler raises (Ctrl-C, a time limit)
    gets between the taking of a lock and a `try`, but not into that.
"""

from __future__ import annotations

import threading
from collections import deque
from contextlib import suppress
from typing import Any, Final, Generic, Protocol, TypeVar

from pq_core.turns import Turn, wake_in_turn

__all__ = ["GATHER", "Ticket", "Together", "Worker"]

A = TypeVar("A")

#: A good patience for what ends in a sync, in seconds: about as long as one takes on a fast disk. With
#: a fifth of it 32 threads that put share so few syncs that they take half as long again.
GATHER: Final = 0.000_5
#: How many are carried out together at most, to bound what a failure has to be repeated for.
_BATCH: Final = 256


class Ticket(Generic[A]):
    """What a thread wants to be done, and then what came of it.

    Attributes:
        task: what is to be done.
        done: whether it was; then `error` or `result` tells what came of it.
        turn: comes once: it is done, or its thread has to lead.
    """

    __slots__ = ("done", "error", "result", "task", "turn")

    def __init__(self, task: A) -> None:
        self.task = task
        self.done = False
        self.result: Any = None
        self.error: Exception | None = None
        self.turn = Turn()


class Worker(Protocol[A]):
    """What carries out. It is named with each task, and not kept: a cycle would outlive `del`."""

    def carry_out(self, task: A) -> Any:
        """Does it, and returns its result."""

    def carry_out_all(self, batch: list[Ticket[A]]) -> bool:
        """Does what several tickets say as one, and sets `result` or `error` of each.

        Returns:
            False where that failed and nothing has happened: then each is carried out alone.
        """


class Together(Generic[A]):
    """Has tasks carried out for any number of threads, as many together as wait.

    Args:
        patience: for how long a leader waits at most for the crowd of the last time, in seconds.

    Attributes:
        lock: held by the one who carries out; may be taken for something else.
    """

    __slots__ = ("_crowd", "_gates", "_patience", "_pending", "lock")

    def __init__(self, *, patience: float = 0.0) -> None:
        self.lock = threading.Lock()  # T3
        self._patience = patience
        self._pending: deque[Ticket[A]] = deque()
        self._crowd = 0
        # Of a leader who waits for the crowd. A list, whose pop() is one step: it opens once.
        self._gates: list[threading.Lock] = []

    def run(self, worker: Worker[A], task: A) -> Any:
        """The result of a task, carried out in this thread or in another one."""
        if self._crowd < 2 and not self._pending and not self.lock.locked():
            with self.lock:
                return worker.carry_out(task)
        ticket = Ticket(task)
        pending = self._pending
        try:
            pending.append(ticket)
            if self._gates and len(pending) >= self._crowd:
                self._open()
            if self._is_next(ticket):
                ticket.turn.forgo()
            else:
                ticket.turn.wait()
            if not ticket.done:
                self._lead(worker, ticket)
        except BaseException:
            # Interrupted. Where it would have led, somebody else does.
            ticket.turn.forgo()
            with suppress(ValueError):
                pending.remove(ticket)
            self._pass_on()
            raise
        if ticket.error is not None:
            raise ticket.error
        return ticket.result

    def waiting(self) -> int:
        """How many wait to be carried out by another thread, or to lead."""
        return len(self._pending)

    def _is_next(self, ticket: Ticket[A]) -> bool:
        """Whether nobody stands before it who is going to have the lock (T1)."""
        with suppress(IndexError):
            first = self._pending[0]
            if first.turn.is_main and first is not ticket:
                # It may be kept by the handler of a signal, which may itself wait for the others.
                return self._pending[1] is ticket
            return first is ticket
        return False

    def _pass_on(self) -> None:
        """Makes one of those who wait lead (T2)."""
        pending = self._pending
        with suppress(IndexError):
            ticket = pending.popleft()
            if ticket.turn.is_main:
                with suppress(IndexError):
                    other = pending.popleft()
                    pending.appendleft(ticket)
                    ticket = other
            ticket.turn.wake()

    def _lead(self, worker: Worker[A], own: Ticket[A]) -> None:
        """Carries out the own task and what else waits, once it has the lock."""
        batch: list[Ticket[A]] = []
        pending = self._pending
        try:
            with self.lock:
                if own.done:
                    return
                if self._patience and len(pending) < self._crowd:
                    self._gather()
                self._crowd = max(len(pending), self._crowd - 1)
                with suppress(IndexError):
                    while len(batch) < _BATCH:
                        batch.append(pending.popleft())
                if own not in batch:
                    with suppress(ValueError):
                        pending.remove(own)
                    batch.append(own)
                if len(batch) == 1 or not worker.carry_out_all(batch):
                    self._one_by_one(worker, batch)
                for ticket in batch:
                    ticket.done = True
        except BaseException:
            # An interrupt hit the leader. The others have to find somebody else.
            pending.extendleft(
                each for each in reversed(batch) if not each.done and each is not own
            )
            raise
        finally:
            wake_in_turn(each.turn for each in batch if each.done and each is not own)
            if pending:
                self._pass_on()

    def _gather(self) -> None:
        """Waits a moment for the threads that are likely to come."""
        gate = threading.Lock()
        gate.acquire()
        self._gates.append(gate)
        try:
            if len(self._pending) < self._crowd:
                gate.acquire(timeout=self._patience)
        finally:
            self._gates.clear()

    def _open(self) -> None:
        with suppress(IndexError):
            self._gates.pop().release()

    @staticmethod
    def _one_by_one(worker: Worker[A], batch: list[Ticket[A]]) -> None:
        for ticket in batch:
            ticket.error = None
            try:
                ticket.result = worker.carry_out(ticket.task)
            except Exception as error:  # raised again by its own thread
                ticket.error = error
            ticket.done = True
