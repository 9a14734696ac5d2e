"""Exceptions at each point where the handler of a signal may raise one: Ctrl-C, a time limit.

CPython runs handlers in the main thread, where a function begins and where one that is written in C
has returned (and, up to 3.10, elsewhere, too). Random signals find the points that matter once in
thousands; here a call is made again and again, interrupted at one point after the other.
"""

from __future__ import annotations

import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

__all__ = ["Interrupt", "interrupted_at", "points"]

#: The code that is interrupted: this library's, and what it has its locks from.
_OURS: Final = ("pq_core", "pq_file", "pq_sqlite", "pq_mysql", "pq_postgres")


class Interrupt(BaseException):
    """Raised in the middle of a call."""


def points(call: Callable[[], Any]) -> Iterator[int]:
    """Numbers of points at which a call can be interrupted, as long as it has as many.

    The caller makes the call with `interrupted_at`, and sends nothing.
    """
    number = 0
    while interrupted_at(number, call):
        yield number
        number += 1


def interrupted_at(point: int, call: Callable[[], Any]) -> bool:
    """Makes a call, and interrupts it at a point.

    Args:
        point: its number, from 0.
        call: made in this thread.

    Returns:
        whether it came that far; else it has returned.
    """
    left = point

    def profile(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal left
        del arg
        name = frame.f_globals.get("__name__", "")
        if event not in ("call", "c_return"):
            return
        if event == "call" and frame.f_code.co_flags & inspect.CO_GENERATOR:
            return  # what a profiler raises there, the generator's own `finally` does not see
        if name.split(".")[0] not in _OURS and name != threading.__name__:
            return
        if not left:
            sys.setprofile(None)
            raise Interrupt
        left -= 1

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        call()
    except Interrupt:
        return True
    finally:
        sys.setprofile(before)
    return False
