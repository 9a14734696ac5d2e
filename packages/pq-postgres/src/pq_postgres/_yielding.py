"""A connection of psycopg whose every wait lets an event loop go on, where one runs.

psycopg speaks the protocol in generators, which its connection has carried out by `wait`, and its
asynchronous one by a coroutine. Here it is the one or the other, as `pq_core.yielding` tells.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg
from psycopg import waiting

from pq_core.yielding import switch

__all__ = ["YieldingConnection"]

#: How often a wait on the loop looks by itself, in seconds. In a thread psycopg does so ten times
#: a second for the sake of Ctrl-C, which a loop hears of by itself.
_INTERVAL: Final = 10.0


class YieldingConnection(psycopg.Connection[Any]):
    """See the module."""

    def wait(self, gen: Any, *args: Any, **kwargs: Any) -> Any:
        """What the generator returns."""
        here = switch()
        if here is None:
            return super().wait(gen, *args, **kwargs)
        kwargs["interval"] = _INTERVAL
        return here(waiting.wait_async(gen, self.pgconn.socket, *args[1:], **kwargs))
