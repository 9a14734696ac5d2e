"""The one place where a thread waits for a queue to change.

A waiter goes round the same three steps: take a *ticket*, look, wait on that ticket. Whoever
changes the queue rings the bell afterwards. Since the ticket is older than the look, a change
that the look has just missed has also made the ticket stale, and the wait returns at once: no
wake-up is lost.

Other processes cannot ring. For them the bell has a `probe`, a cheap read of something that
every process sees change (a counter in shared memory, `PRAGMA data_version`). One of the
waiting threads at a time reads it, quickly at first and then ever more slowly up to `longest`;
the others sleep until rung.

Everything here is built on `threading`, looked up when a bell is made, so that eventlet's and
gevent's monkey-patching turns it green: a blocked thread never stops their hub.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final, TypeVar

from pq_core.errors import Empty

__all__ = ["Bell", "Deadline", "Missing"]

T = TypeVar("T")

#: The first pause between two probes, in seconds. A waiter that has just looked is most often
#: woken by a neighbour that is in the middle of its work.
SHORTEST: Final = 0.001
#: The last pause between two probes, in seconds. It leaves 10 of the 50 ms in which a put of another
#: process has to be noticed to the probe and to the get, and an idle waiter wakes 25 times a second.
LONGEST: Final = 0.04
#: The pause grows by this factor from SHORTEST to LONGEST.
GROWTH: Final = 1.3


class Missing(Empty):
    """The item that was asked for is not in the queue at all: to wait for it would not help."""


class Deadline:
    """A point on the monotonic clock until which a blocking call may take.

    Args:
        block: False makes the deadline pass at once.
        timeout: seconds; None waits for ever.

    Raises:
        ValueError: `timeout` is negative (and `block` is true).
    """

    __slots__ = ("_at",)

    def __init__(self, block: bool = True, timeout: float | None = None) -> None:
        if not block:
            self._at: float | None = 0.0
        elif timeout is None:
            self._at = None
        elif timeout < 0:
            raise ValueError(f"'timeout' must be a non-negative number of seconds, not {timeout!r}")
        else:
            self._at = time.monotonic() + timeout

    def remaining(self) -> float | None:
        """Seconds left, 0.0 once it has passed, None where there is no end."""
        if self._at is None:
            return None
        return max(0.0, self._at - time.monotonic())


class Bell:
    """Wakes the threads that wait for one thing to change.

    Args:
        probe: returns a value that differs once another process has changed the queue; None
            where no other process can.
        shortest: the first pause between two probes, in seconds.
        longest: the last pause between two probes, in seconds.
        trusting: who polls looks again only where the probe differs; otherwise each time. For
            looks that cost as much as the probe.

    Attributes:
        waiting: the number of threads inside `wait_for`, and of listeners. A caller on a hot path may skip `ring`
            while it is 0, if it reads it after its change has become visible.
    """

    __slots__ = (
        "_condition",
        "_gate",
        "_listeners",
        "_longest",
        "_polled",
        "_probe",
        "_rings",
        "_shortest",
        "_trusting",
        "waiting",
    )

    def __init__(
        self,
        probe: Callable[[], object] | None = None,
        *,
        shortest: float = SHORTEST,
        longest: float = LONGEST,
        trusting: bool = False,
    ) -> None:
        # Protects the five fields below; held for a few instructions only, never over a look. Taken
        # twice where garbage is collected meanwhile, and is a queue whose end rings this very bell.
        # The lock itself is what `with` has: an exception of a signal's handler (Ctrl-C) may come in
        # the middle of `Condition.__exit__`, which is Python.
        self._gate = threading.RLock()
        self._condition = threading.Condition(self._gate)
        self._rings = 0
        self._polled = False
        self._listeners: tuple[Callable[[], None], ...] = ()
        self.waiting = 0
        self._probe = probe
        self._shortest = shortest
        self._longest = longest
        self._trusting = trusting

    def ring(self) -> None:
        """Makes every waiting thread look again, and tells the listeners. Never blocks for long."""
        with self._gate:
            self._rings += 1
            self._condition.notify_all()
            listeners = self._listeners
        for wake in listeners:
            wake()

    # -- for who waits without a thread -------------------------------------------------------

    @property
    def ticket(self) -> int:
        """To be taken before a look: while it is the same, nobody has rung since."""
        return self._rings

    @property
    def pauses(self) -> tuple[float, float]:
        """The first and the last pause between two looks at what other processes do, in seconds."""
        return self._shortest, self._longest

    def listen(self, wake: Callable[[], None]) -> None:
        """Has `wake` called at every ring, in the thread that rings, until `unlisten`.

        It must not block, nor ring.
        """
        with self._gate:
            self._listeners = (*self._listeners, wake)
            self.waiting += 1

    def unlisten(self, wake: Callable[[], None]) -> None:
        """The end of `listen`."""
        with self._gate:
            self._listeners = tuple(each for each in self._listeners if each != wake)
            self.waiting -= 1

    # -- for threads --------------------------------------------------------------------------

    def wait_for(self, look: Callable[[], T | None], deadline: Deadline) -> T | None:
        """The first result of `look` that is not None, or None once the deadline has passed.

        `look` is called at least once, and once more after the deadline. What it raises is
        passed on. Blocks for as long as the deadline allows.
        """
        found = look()
        if found is not None or deadline.remaining() == 0.0:
            return found
        with self._gate:
            self.waiting += 1
        polling = is_unchanged = False
        pause = self._shortest
        ticket = -1
        seen: object = None
        try:
            while True:
                # Unchanged, the old ticket is as good as a new one.
                is_fresh = is_unchanged and self._trusting and self._rings == ticket
                is_unchanged = False
                if not is_fresh:
                    ticket = self._rings
                    seen = self._probe() if self._probe else None
                    found = look()
                remaining = deadline.remaining()
                if is_fresh and remaining == 0.0:
                    continue  # the last look
                if found is not None or remaining == 0.0:
                    return found
                with self._gate:
                    if self._probe and not self._polled:
                        self._polled = polling = True
                    if self._rings != ticket:
                        continue
                    tick = pause if polling else None
                    self._condition.wait(_earlier(tick, remaining))
                if polling and self._probe:
                    if self._probe() != seen:
                        pause = self._shortest
                        self.ring()
                    else:
                        is_unchanged = True
                        pause = min(self._longest, pause * GROWTH)
        finally:
            with self._gate:
                self.waiting -= 1
                if polling:
                    # Somebody else has to watch the probe from now on.
                    self._polled = False
                    self._rings += 1
                    self._condition.notify_all()


def _earlier(tick: float | None, remaining: float | None) -> float | None:
    """The smaller of two pauses in seconds, either of which may be missing."""
    if tick is None:
        return remaining
    return tick if remaining is None else min(tick, remaining)
