"""Who in this process waits for which queue, across all queue objects on one table."""

from __future__ import annotations

import math
import threading
import time
import weakref
from collections.abc import Callable
from typing import Any, Final, Protocol

from pq_core.waiting import Bell

__all__ = ["Hub", "forget_hubs", "hub_of"]


class Watcher(Protocol):
    """Sees the commits of others."""

    def data_version(self) -> object: ...


class Hub:
    """One bell for all objects on a table.

    Its probe asks one of the engines for something that changes after others have changed the
    queue (in SQLite `PRAGMA data_version`, which changes with every commit of another connection,
    https://sqlite.org/pragma.html#pragma_data_version), and rings when the time of the alarm has
    come. (Were that a change, whoever probes would begin anew with short pauses.)

    Who waits looks again where the probe differs, and else once in a while: neither sees that a
    thread has ended which `join` waits for.

    Args:
        anyway: how often that is, in seconds.

    Attributes:
        bell: rings for who waits here.
        alarm: when who waits has to look again, in seconds, and the clock that tells it.
        departed: how many objects on the table were closed in this process.
    """

    def __init__(self, anyway: float) -> None:
        self._anyway = anyway
        self._looked_at = -math.inf
        self.alarm: tuple[float, Callable[[], float]] = (math.inf, time.time)
        self.departed = 0
        self._rung = math.inf
        self._probed: object = None
        self._probed_at = -math.inf
        self._engines: weakref.WeakSet[Any] = weakref.WeakSet()
        self._asked: Callable[[], Any] = lambda: None
        probe = weakref.WeakMethod(self.probe)

        def ask() -> object:
            look = probe()
            return None if look is None else look()

        self.bell = Bell(ask, trusting=True)

    def join(self, engine: Watcher) -> None:
        """This engine can be asked from now on, until it is closed."""
        self._engines.add(engine)

    def leave(self, engine: Watcher) -> None:
        """This engine is closed: who waits there has to notice."""
        self._engines.discard(engine)
        self.departed += 1
        self.bell.ring()

    def probe(self) -> object:
        """Differs from the last one once a connection that is not the asked one has committed."""
        now = time.monotonic()
        if now - self._probed_at < _FRESH:
            return self._probed
        self._probed_at = now
        self._probed = self._look()
        if now - self._looked_at >= self._anyway:
            self._looked_at = now
            self.bell.ring()
        return self._probed

    def _look(self) -> object:
        alarm, clock = self.alarm
        if alarm != self._rung and clock() >= alarm:
            self._rung = alarm
            self.bell.ring()
        # The same one as long as it is there: to go through the set takes as long as half a look.
        engine = self._asked()
        if engine is None or engine not in self._engines:
            engine = next(iter(self._engines), None)
            if engine is None:
                return None
            self._asked = weakref.ref(engine)
        return id(engine), engine.data_version()


#: For how long a probe is as good as a new one, in seconds. A ticket that is too old is harmless:
#: who waits on it looks once more than needed. One that is noticed so much later is, too.
_FRESH: Final = 0.0005
#: Protects _HUBS.
_LOCK = threading.Lock()
_HUBS: Final[weakref.WeakValueDictionary[tuple[str, str], Hub]] = weakref.WeakValueDictionary()


def hub_of(path: str, table: str, anyway: float) -> Hub:
    """The hub of a table of this process.

    Args:
        path: of the database.
        table: of the queue.
        anyway: as `Hub` takes it.
    """
    with _LOCK:
        hub = _HUBS.get((path, table))
        if hub is None:
            hub = _HUBS[path, table] = Hub(anyway)
        return hub


def forget_hubs() -> None:
    """In a forked child: the threads that wait there are the parent's."""
    global _LOCK
    _LOCK = threading.Lock()
    _HUBS.clear()
