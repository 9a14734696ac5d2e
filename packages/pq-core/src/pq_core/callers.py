"""Who calls: a thread, or somebody for whom a thread carries calls out.

What a queue keeps for each caller lies in one `threading.local`, its `callers`. A worker that
calls for others, such as asyncio tasks, puts the belongings of one of them there before a call,
and takes them out afterwards; so what the queue promises to a thread holds for each of them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any, Final, Protocol

__all__ = ["GET", "PUT", "TASK_DONE", "SharedCall", "begin_for", "end_for", "one_by_one"]

#: The name under which a call leaves its receipt among the belongings.
_RECEIPT = "receipt"
#: The shapes of calls that a queue may know how to do many at once of.
PUT: Final = "put"
GET: Final = "get"
TASK_DONE: Final = "task_done"


class SharedCall(Protocol):
    """A call that a worker carries out for somebody, perhaps in one commit with others.

    Attributes:
        shape: `PUT`, `GET` or `TASK_DONE`, where it is that and nothing else, so that the queue may do many
            of them at once; None: only `run` knows.
        item: what it puts.
        belongings: of who calls; None: that makes no difference.
    """

    shape: str | None
    item: Any
    belongings: dict[str, Any] | None

    def run(self) -> None:
        """Carries it out and keeps what came of it. Never raises."""
        ...

    def undo(self) -> None:
        """The storage has rolled it back: takes back what the queue object has noted of it."""
        ...

    def succeed(self, result: Any, receipt: Any = None) -> None:
        """It was carried out without `run`: what came of it, and the receipt of what it took."""
        ...

    def fail(self, error: Exception) -> None:
        """What came of it is this error."""
        ...


def one_by_one(calls: Iterable[SharedCall]) -> None:
    """Each call in a commit of its own."""
    for call in calls:
        call.run()


def begin_for(callers: threading.local, belongings: dict[str, Any]) -> None:
    """The calling thread calls for the one who has these, until `end_for`."""
    here = callers.__dict__
    here.clear()
    here.update(belongings)
    here[_RECEIPT] = None


def end_for(callers: threading.local, belongings: dict[str, Any]) -> Any:
    """The call is over.

    Returns:
        the receipt of what a get has taken, to be given back with `give_back`; None where the
        call took nothing.
    """
    here = callers.__dict__
    receipt = here.pop(_RECEIPT, None)
    if here != belongings:  # most often it is the same
        belongings.clear()
        belongings.update(here)
    here.clear()
    return receipt
