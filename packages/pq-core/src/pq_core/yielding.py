"""Waiting that lets an event loop go on, in code that is written for threads.

Code that blocks can run in a greenlet on the thread of an event loop, as long as it waits for
nothing but through this module: then who runs it switches to the loop until the wait is over.
Everywhere else these functions simply block. So one definition of a queue serves threads and
tasks, and neither knows of the other.

Y1. What is held over a wait, others on the same thread may want meanwhile: a lock that may be
    held over one is taken with `acquire`, never by itself.
Y2. "The calling thread" is told by `caller`, where it is kept over a wait.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

__all__ = ["Switch", "acquire", "caller", "elsewhere", "running_with", "sleep", "switch"]

R = TypeVar("R")


class Switch(Protocol):
    """Of one greenlet: called in it, switches to the event loop until this was awaited."""

    def __call__(self, awaited: Awaitable[R], /) -> R:
        """What this was awaited for."""
        ...


class _Here(threading.local):
    switch: Switch | None = None


_HERE: Final = _Here()


def running_with(switch: Switch | None) -> None:
    """For who switches: what the calling thread runs from now on waits by this; None: it blocks."""
    _HERE.switch = switch


def switch() -> Switch | None:
    """How what runs now waits without blocking; None: it is to block."""
    return _HERE.switch


def caller() -> int:
    """A number that differs between all threads and greenlets that live."""
    here = _HERE.switch
    return threading.get_ident() if here is None else -id(here)


def sleep(seconds: float) -> None:
    """`time.sleep`."""
    here = _HERE.switch
    if here is None:
        time.sleep(seconds)
    else:
        here(asyncio.sleep(seconds))


def elsewhere(function: Callable[..., R], *args: Any) -> R:
    """What a function returns that can do nothing but block: called in a thread, from a loop."""
    here = _HERE.switch
    if here is None:
        return function(*args)
    return here(asyncio.get_running_loop().run_in_executor(None, function, *args))


def acquire(lock: Any, timeout: float = -1) -> bool:
    """`lock.acquire`, of a lock or a semaphore that another thread may acquire or release.

    Args:
        lock: what to acquire.
        timeout: seconds; negative: for ever.
    """
    if lock.acquire(False):
        return True
    if timeout < 0:
        return bool(elsewhere(lock.acquire))
    return bool(elsewhere(lock.acquire, True, timeout))
