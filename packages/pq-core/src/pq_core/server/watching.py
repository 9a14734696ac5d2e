"""How who waits for a queue on a server notices what others do to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pq_core import yielding
from pq_core.errors import QueueClosed, StorageBusy
from pq_core.server.driver import Driver, Listener
from pq_core.sql.hub import hub_of
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan

__all__ = ["Watching"]

#: Who waits looks again after so many seconds though nobody has told of a change, nor the probe
#: has seen one: it does not see an item of the middle that came back.
_ANYWAY: Final = 2.0


class Watching:
    """The part of an engine that is told of changes by a listener, or looks for them.

    Attributes:
        driver: the way to the database.
        layout: the tables.
        hub: who in this process waits for this table.
        bell: rings for them.
        _run: (plan, arguments, whether it only reads) -> what the plan returns.
    """

    driver: Driver
    layout: Layout
    _run: Callable[..., Any]

    def __init__(self) -> None:
        self._probe: Callable[[], Plan[Any]] | None = None
        self._start_watching()

    def _start_watching(self) -> None:
        self._listener: Listener | None = None
        self._heard = 0
        self._seen: object = None
        self.hub = hub_of(self.driver.key, self.layout.table, _ANYWAY)
        self.bell = self.hub.bell

    def watch(self, probe: Callable[[], Plan[Any]]) -> None:
        """Tells the plan whose result changes with what others do; for who waits."""
        self._probe = probe
        self.hub.join(self)

    def alarm(self, at: float, clock: Callable[[], float], /) -> None:
        """Who waits looks again when `clock` tells this time, in seconds; inf: no need."""
        self.hub.alarm = at, clock

    def data_version(self) -> object:
        """Changes after others have changed the queue; asked while somebody waits."""
        listener = self._listener
        if listener is None or not listener.is_alive:
            try:
                listener = self._listen()
                if listener is None and self._probe is not None:
                    self._seen = self._run(self._probe, (), True)
            except (QueueClosed, StorageBusy):
                pass  # it is as it was, as far as anybody knows
        return self._seen, self._heard

    def _listen(self) -> Listener | None:
        """A listener, where the driver has one."""
        self._stop_listening()
        self._listener = self.driver.listen(self.layout.table, self._on_change)
        return self._listener

    def _stop_listening(self) -> None:
        if self._listener is not None:
            yielding.elsewhere(self._listener.close)

    def _on_change(self) -> None:
        self._heard += 1
        self.bell.ring()
