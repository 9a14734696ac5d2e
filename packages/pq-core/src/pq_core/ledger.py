"""Which threads are still working on an item that was settled when they got it.

A queue whose `get` settles has nothing in its storage for `join` to wait for. The ledger knows
the threads of this process that got an item: a thread is at work until it says task_done, comes
back for the next item, or ends. So a loop that only gets never keeps `join` waiting, and one
that says task_done is waited for.
"""

from __future__ import annotations

import threading
import weakref

from pq_core.forking import renew_in_child

__all__ = ["Ledger"]


class _Thread:
    """Lives as long as the thread (or greenlet) that has it in its local storage."""

    __slots__ = ("__weakref__", "is_working")

    def __init__(self) -> None:
        self.is_working = False


class Ledger:
    """Who is at work. Every method is safe from any thread.

    Args:
        callers: what each caller has; the ledger's part of it is called `me`.
    """

    # A thread writes to its own mark alone, so the hot path needs no lock: with one, and a set of
    # those at work, a get from SQLite cost a twelfth more.

    def __init__(self, callers: threading.local) -> None:
        self._local = callers
        self._threads: weakref.WeakSet[_Thread] = weakref.WeakSet()
        self._mutex = threading.Lock()  # protects _threads
        renew_in_child(self)

    def start(self) -> None:
        """The calling thread got an item."""
        try:
            me: _Thread = self._local.me
        except AttributeError:
            me = self._local.me = _Thread()
            with self._mutex:
                self._threads.add(me)
        me.is_working = True

    def finish(self) -> bool:
        """The calling thread is done, or comes back. Returns whether it was at work."""
        try:
            me: _Thread = self._local.me
        except AttributeError:
            return False
        was, me.is_working = me.is_working, False
        return was

    def others(self) -> bool:
        """Whether any thread but the calling one is at work."""
        me = getattr(self._local, "me", None)
        with self._mutex:
            return any(each.is_working for each in self._threads if each is not me)
