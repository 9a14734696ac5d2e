"""The end of queue objects that nobody has closed.

A finalizer is called where the last reference goes, or where garbage is collected: by any thread,
in the middle of anything. Where that thread has a lock that closing needs, of this library or of
the storage, it would wait for itself.
"""

from __future__ import annotations

import weakref
from _thread import start_new_thread
from collections.abc import Callable
from contextlib import suppress
from typing import Final

__all__ = ["end", "keep"]

_KEPT: Final[dict[int, object]] = {}


def end(close: Callable[[], object], is_free: Callable[[], bool]) -> None:
    """For finalizers: closes at once, or in a thread where that might wait for the calling one.

    Args:
        close: of the object.
        is_free: whether nothing is under way that has a lock which `close` needs.
    """
    free = False
    with suppress(Exception):  # what it looks at may be in the middle of a change
        free = is_free()
    if free:
        close()
        return
    # Not of threading, which has locks of its own. As the interpreter ends there is none any more:
    # then it is as if the process had been killed.
    with suppress(RuntimeError):
        start_new_thread(_closed, (close,))


def keep(owner: object, resource: object) -> None:
    """Lets no garbage collection end a resource that its owner has to close.

    Of a cycle the collector ends everything in an order of its own: the connection before the queue
    that has something to say on it. While there is an owner, the resource is not in the cycle.

    Args:
        owner: has it, until it is no more itself.
        resource: knows nothing of its owner.
    """
    _KEPT[id(resource)] = resource
    weakref.finalize(owner, _KEPT.pop, id(resource), None).atexit = False  # type: ignore[misc]


def _closed(close: Callable[[], object]) -> None:
    with suppress(Exception):
        close()
