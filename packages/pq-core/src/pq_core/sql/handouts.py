"""Which thread of this process has which items out, until task_done, and how often it may be said."""

from __future__ import annotations

import threading
import weakref

from pq_core.forking import renew_in_child

__all__ = ["Handouts"]


class _Thread:
    """Lives as long as the thread (or greenlet) that has it in its local storage."""

    __slots__ = ("__weakref__", "ids")

    def __init__(self) -> None:
        self.ids: list[int] = []


class Handouts:
    """Ids by the thread that got them. Every method is safe from any thread.

    Args:
        callers: what each caller has; the part of it that is used here is called `holding`.
    """

    def __init__(self, callers: threading.local) -> None:
        self._local = callers
        self._mutex = threading.Lock()
        renew_in_child(self)
        self._lists: list[tuple[weakref.ref[_Thread], list[int]]] = []
        self._credit = 0

    def count(self, items: int) -> None:
        """So many items were got: task_done may be said once for each."""
        with self._mutex:
            self._credit += items

    def spend(self) -> bool:
        """Whether task_done may be said, once more."""
        with self._mutex:
            if self._credit < 1:
                return False
            self._credit -= 1
            return True

    def add(self, ids: list[int]) -> None:
        """The calling thread got these."""
        try:
            me: _Thread = self._local.holding
        except AttributeError:
            me = self._local.holding = _Thread()
            with self._mutex:
                self._lists = [each for each in self._lists if each[1] or each[0]()]
                self._lists.append((weakref.ref(me), me.ids))
        with self._mutex:
            me.ids.extend(ids)

    def take(self) -> list[int]:
        """What task_done of the calling thread settles; they are not out any more.

        All that it has itself. A thread that has got something answers for that, and for what
        threads have left that have ended; one that never has for the oldest item out, first of all
        one of a thread that has ended. Empty where there is no such item.
        """
        me = getattr(self._local, "holding", None)
        with self._mutex:
            if me is not None and me.ids:
                own = list(me.ids)
                me.ids.clear()
                return own
            held = [each for each in self._lists if each[1] and not (me and each[0]())]
            if not held:
                return []
            _, ids = min(held, key=lambda each: (each[0]() is not None, min(each[1])))
            oldest = min(ids)
            ids.remove(oldest)
            return [oldest]

    def put_back(self, ids: list[int]) -> None:
        """Settling them has failed: they are still out."""
        self.add(ids)

    def forget(self, ids: list[int]) -> None:
        """The calling thread has not got these after all."""
        me = getattr(self._local, "holding", None)
        with self._mutex:
            for id in ids:
                if me is not None and id in me.ids:
                    me.ids.remove(id)

    def out(self) -> bool:
        """Whether anything is out."""
        with self._mutex:
            return any(ids for _, ids in self._lists)
