"""A clock that only moves when it is told to."""

from __future__ import annotations

import threading
from typing import Final

__all__ = ["START", "FakeClock"]

#: What a new clock shows: 2001-09-09 01:46:40 UTC, long past and easy to read.
START: Final = 1_000_000_000.0


class FakeClock:
    """Stands in for `time.time` or `time.monotonic`: calling it tells the time in seconds.

    Safe from any thread. Give it to a queue as ``clock=`` and let leases end without waiting::

        >>> clock = FakeClock()
        >>> before = clock()
        >>> clock.advance(30)
        >>> clock() - before
        30.0

    Args:
        now: what it shows at first, in seconds.
    """

    __slots__ = ("_lock", "_now")

    def __init__(self, now: float = START) -> None:
        self._now = now
        # Protects `_now`: two threads that advance must both be seen.
        self._lock = threading.Lock()

    def __call__(self) -> float:
        """The time in seconds."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass.

        Raises:
            ValueError: `seconds` is negative; use `jump` for a clock that was set back.
        """
        if not seconds >= 0:
            raise ValueError(f"'seconds' must be a non-negative number, not {seconds!r}")
        self.jump(seconds)

    def jump(self, seconds: float) -> None:
        """Set the clock forward or back, as an administrator would."""
        with self._lock:
            self._now += seconds

    def __repr__(self) -> str:
        return f"<FakeClock {self._now}>"
