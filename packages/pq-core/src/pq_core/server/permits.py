"""How many may do something at the same time."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from typing import Any

__all__ = ["Permits"]


class Permits:
    """A semaphore that no exception of a signal's handler breaks.

    That of the standard library is written in Python down to its lock: one interrupt in some
    thousand leaves it locked for ever.

    Args:
        count: how many.
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[Any] = deque()  # a lock of each that waits, the longest wait first
        self._mutex = threading.Lock()  # protects `_free`

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        """Takes a permit; whether there was one in time.

        Args:
            block: wait for one.
            timeout: for so many seconds; None: for ever.
        """
        until = None if timeout is None else time.monotonic() + timeout
        is_mine = False
        try:
            while True:
                with self._mutex:
                    if self._free:
                        self._free -= 1
                        is_mine = True
                if is_mine:
                    return True
                left = -1.0 if until is None else max(0.0, until - time.monotonic())
                if not block or left == 0.0:
                    return False
                self._wait(left)
        except BaseException:
            if is_mine:
                self.release()
            raise

    def release(self) -> None:
        """Gives a permit back."""
        try:
            with self._mutex:
                self._free += 1
        finally:
            self._wake()

    def _wait(self, seconds: float) -> None:
        """Waits until there may be one."""
        turn = threading.Lock()
        turn.acquire()
        try:
            self._waiting.append(turn)
            if not self._free:
                turn.acquire(timeout=seconds)
        finally:
            with suppress(ValueError):
                self._waiting.remove(turn)
            self._wake()  # whoever woke this one meant that somebody goes on

    def _wake(self) -> None:
        """Has one of those who wait look again, where there is something to take."""
        if self._free and self._waiting:
            with suppress(IndexError):
                self._waiting.popleft().release()
