"""Waiting without a thread: the awaiting twin of `pq_core.waiting.Bell.wait_for`.

The steps are the same: a ticket, then a look, then waiting on that ticket, for as long as other
processes may go unheard. What differs is who looks: the worker, for the call at the front of the
line, and for the next ones once that has found something. So of a hundred tasks that wait for
items, a put wakes one.

L1. Whatever changed in this process after a call's last look is seen: the ticket is older than
    the look.
L2. The looks of one kind are made in the order in which the tasks came.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from pq_async._call import Call
from pq_core.errors import Empty, Full
from pq_core.waiting import GROWTH, LONGEST, Bell, Deadline, Missing

__all__ = ["Line", "is_missing"]


def is_missing(error: BaseException | None) -> bool:
    """Whether it says that something is not there yet, so that waiting may help."""
    return isinstance(error, (Empty, Full)) and not isinstance(error, Missing)


class Line:
    """The calls of one event loop that wait for one bell. All of it happens on that loop.

    Args:
        bell: rings when there may be something to find.
        loop: of the tasks.
    """

    def __init__(self, bell: Bell, loop: asyncio.AbstractEventLoop) -> None:
        self._bell = bell
        self._loop = loop
        #: In the order in which they came, with whether each is at the worker now.
        self._calls: dict[Call, bool] = {}
        self._expired: set[Call] = set()
        self._width = 1  # how many calls of a kind look at the same time
        self._looking = 0  # how many calls are at the worker
        self._again = False
        self._found = self._missed = False
        self._ticket = -1
        self._pause = bell.pauses[0]
        self._timer: asyncio.TimerHandle | None = None
        self._is_rung = False

    async def wait(self, call: Call, deadline: Deadline) -> Any:
        """What the call returns once it finds something; it has looked before, and not found.

        Raises:
            Empty, Full: as the call does, once the deadline has passed.
        """
        call.then = self._looked
        remaining = deadline.remaining()
        expiry = None
        if remaining is not None:
            expiry = self._loop.call_later(remaining, self._expire, call)
        self._add(call)
        try:
            return await call.outcome()
        finally:
            if expiry is not None:
                expiry.cancel()
            self._remove(call)

    # -- who is in the line -------------------------------------------------------------------

    def _add(self, call: Call) -> None:
        is_first = not self._calls
        self._calls[call] = False
        if is_first:
            self._bell.listen(self._ring)
            self._pause = self._bell.pauses[0]
            self._width = 1
        if self._looking:
            self._again = True  # L1: the look under way may be older than what this call missed
        elif is_first or self._bell.ticket != self._ticket:
            self._look()

    def _remove(self, call: Call) -> None:
        self._expired.discard(call)
        if self._calls.pop(call, None) is not None and not self._calls:
            self._bell.unlisten(self._ring)
            self._stop_timer()

    def _expire(self, call: Call) -> None:
        """Its time is up: it looks once more."""
        self._expired.add(call)
        if self._calls.get(call) is False:
            self._send(call)

    # -- looking ------------------------------------------------------------------------------

    def _look(self) -> None:
        """Has the front of the line look, after the ticket."""
        self._stop_timer()
        self._ticket = self._bell.ticket
        self._again = self._found = self._missed = False
        kinds: dict[str, int] = {}
        for each, is_away in self._calls.items():
            if is_away:
                continue
            if each.kind is not None:
                kinds[each.kind] = kinds.get(each.kind, 0) + 1
                if kinds[each.kind] > self._width:
                    continue
            self._send(each)

    def _send(self, call: Call) -> None:
        self._calls[call] = True
        self._looking += 1
        call.worker.submit(call)

    def _looked(self, call: Call) -> None:
        """A look is over."""
        if call in self._calls:
            self._calls[call] = False
        if is_missing(call.error) and call not in self._expired:
            self._missed = True
            if call.future.done():
                call.answer()
        else:
            self._found = True
            self._remove(call)
            call.answer()
        self._done()

    def _done(self) -> None:
        """Once all looks are over: looks again, or rests until something changes."""
        self._looking -= 1
        if self._looking or not self._calls:
            return
        if self._found:
            self._pause = self._bell.pauses[0]
        if self._found and not self._missed:
            self._width *= 2  # there may be more
            self._look()
        elif self._again or self._bell.ticket != self._ticket:
            self._width = 1
            self._look()
        else:
            self._width = 1
            self._rest()

    # -- resting ------------------------------------------------------------------------------

    def _rest(self) -> None:
        self._stop_timer()
        self._timer = self._loop.call_later(self._pause, self._poll)
        self._pause = min(max(LONGEST, self._bell.pauses[1]), self._pause * GROWTH)

    def _poll(self) -> None:
        """Other processes ring no bell, so the front of the line looks from time to time."""
        self._timer = None
        if self._calls and not self._looking:
            self._look()

    def _ring(self) -> None:
        """In whatever thread has changed the queue."""
        if not self._is_rung:
            self._is_rung = True
            with suppress(RuntimeError):  # the loop was closed
                self._loop.call_soon_threadsafe(self._rung)

    def _rung(self) -> None:
        self._is_rung = False
        self._pause = self._bell.pauses[0]
        if self._calls and not self._looking and self._bell.ticket != self._ticket:
            self._look()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
