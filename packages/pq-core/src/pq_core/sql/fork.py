"""The engines of this process: what they do around os.fork, and whether one is at work."""

from __future__ import annotations

import gc
import os
import weakref
from contextlib import suppress
from typing import Any, Final, Protocol

from pq_core.sql.hub import forget_hubs

__all__ = ["all_free", "keep_for_ever", "watch"]


class Forked(Protocol):
    """Takes part in forks."""

    def is_free(self) -> bool: ...

    def before_fork(self) -> bool: ...

    def after_fork_in_parent(self) -> None: ...

    def after_fork_in_child(self) -> None: ...


_WATCHED: Final[weakref.WeakSet[Any]] = weakref.WeakSet()
#: The engines that wait for the fork to be over; only the forking thread touches it, which has
#: the interpreter for itself in between.
_STOPPED: Final[list[Any]] = []
_KEPT: Final[list[object]] = []
#: Whether garbage was collected before the fork. In between it is not: what the collector finds
#: may be a queue whose engine is stopped, and the end of it would wait for that for ever.
_is_collecting = True


def watch(engine: Forked) -> None:
    """This engine takes part from now on."""
    _WATCHED.add(engine)


def all_free() -> bool:
    """Whether no engine of this process is in the middle of a call."""
    return all(engine.is_free() for engine in _watched())


def _watched() -> list[Any]:
    while True:
        with suppress(RuntimeError):  # other threads have added some meanwhile
            return list(_WATCHED)


def keep_for_ever(connection: object) -> None:
    """Makes sure that nobody closes this connection, not even the end of the interpreter."""
    _KEPT.append(connection)
    import ctypes

    ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


def _before() -> None:
    global _is_collecting
    _is_collecting = gc.isenabled()
    gc.disable()
    _STOPPED[:] = [engine for engine in _watched() if engine.before_fork()]


def _in_parent() -> None:
    for engine in _STOPPED:
        engine.after_fork_in_parent()
    _STOPPED.clear()
    if _is_collecting:
        gc.enable()


def _in_child() -> None:
    _STOPPED.clear()
    forget_hubs()
    for engine in _watched():
        engine.after_fork_in_child()
    if _is_collecting:
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
