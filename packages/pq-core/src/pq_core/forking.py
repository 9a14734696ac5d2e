"""What no fork must cut in two, and locks that a forked child finds free.

A child has one thread, the one that forked. A lock that another one held is held there for ever:
one of our own is made anew; those of the libraries cannot be, so a fork waits until nobody is where
they are taken. Making a connection is such a place: OpenSSL, Kerberos and the resolver share what
they have read between all connections of the process, and lock it meanwhile.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["renew_in_child", "undivided"]

#: For how long a fork waits for others, in seconds. A server that does not answer keeps who
#: connects to it for longer; the child may hang then if it connects, too.
PATIENCE: Final = 1.0


class _Gate:
    """Any number of threads is inside, or one that forks."""

    def __init__(self) -> None:
        # Entered twice by who forks in the handler of a signal.
        self._changed = threading.Condition(threading.RLock())
        self._inside: list[int] = []
        self._forker: int | None = None

    def enter(self) -> None:
        """Waits while another thread forks."""
        me = threading.get_ident()
        with self._changed:
            while self._forker not in (None, me):
                self._changed.wait()
            self._inside.append(me)

    def leave(self) -> None:
        """The end of `enter`."""
        with self._changed:
            self._inside.remove(threading.get_ident())
            self._changed.notify_all()

    def close(self) -> None:
        """Lets nobody in, and waits until all others have left, but not for ever."""
        me = threading.get_ident()
        until = time.monotonic() + PATIENCE
        with self._changed:
            self._wait_while(lambda: self._forker is not None, until)
            self._forker = me
            self._wait_while(lambda: any(each != me for each in self._inside), until)

    def _wait_while(self, condition: Callable[[], bool], until: float) -> None:
        while condition() and (left := until - time.monotonic()) > 0:
            self._changed.wait(left)

    def open(self) -> None:
        """The end of `close`."""
        with self._changed:
            self._forker = None
            self._changed.notify_all()


_gate = _Gate()
_RENEWED: Final[weakref.WeakSet[Any]] = weakref.WeakSet()


@contextmanager
def undivided() -> Iterator[None]:
    """No thread forks while another one is in here. For what is short, and takes no lock of ours."""
    gate = _gate
    gate.enter()
    try:
        yield
    finally:
        if gate is _gate:  # otherwise this is a child of who was inside
            gate.leave()


def renew_in_child(owner: Any) -> None:
    """In a forked child the lock `owner._mutex` is a new one."""
    _RENEWED.add(owner)


def _before() -> None:
    _gate.close()


def _in_parent() -> None:
    _gate.open()


def _in_child() -> None:
    global _gate
    _gate = _Gate()
    for owner in list(_RENEWED):
        owner._mutex = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_in_parent, after_in_child=_in_child)
