"""Claims that nobody got: their items have to come back.

A claim whose answer was lost with its connection has happened or it has not, and may even happen
a moment later. Its object lives and so do its claims, but no consumer knows of them. So what it
would have got is noted, and put back in its place by what each get does first. The same goes for
what was leased for certain and could not be handed out.

X1. Each is named so that no other claim can be meant: by its token and the item's id, by a token
    that its call has chosen by chance, or by ids that each later claim of them takes off the list.
X2. What is certain is forgotten once it is back; what may happen late by a look that finds nothing
    of it, and not before its time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias

from pq_core.sql.driver import Engine
from pq_core.sql.statement import Plan

__all__ = ["Strays"]

#: For how long a claim whose connection is gone may still happen, in seconds. (A server that
#: executes a statement goes on when its client is lost; what it waits for is a lock or a disk.)
LATE: Final = 30.0

_Stray: TypeAlias = tuple[float, Callable[..., Plan[int]], tuple[Any, ...]]


class Strays:
    """The claims of one queue object that nobody got. Every method is safe from any thread.

    Args:
        engine: of the queue.
    """

    __slots__ = ("_engine", "_noted")

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._noted: list[_Stray] = []

    def __bool__(self) -> bool:
        return bool(self._noted)

    def note(self, plan: Callable[..., Plan[int]], *args: Any, may_be_late: bool = False) -> None:
        """What a plan makes ready again is out to nobody.

        Args:
            plan: makes it ready again; how many items it was.
            args: of the plan.
            may_be_late: it was claimed or it was not, and may still be.
        """
        until = time.monotonic() + LATE if may_be_late else 0.0
        self._noted.append((until, plan, args))

    def bring_back(self) -> bool:
        """Makes ready again what is out to nobody; whether there was any.

        Raises:
            StorageError: the storage failed; the next call tries again.
        """
        found = False
        for stray in list(self._noted):
            until, plan, args = stray
            now = time.monotonic()
            count = self._engine.write(plan, *args)
            found = found or count > 0
            if not until or (not count and now >= until):
                with suppress(ValueError):  # another thread was faster
                    self._noted.remove(stray)
        return found
