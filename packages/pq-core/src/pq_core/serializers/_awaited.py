"""Serializers whose functions are coroutine functions, as persist-queue's async file queue takes them.

Queues call serializers in threads, where nobody could await. So each call has an event loop of its
own, which costs about 60 µs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import wraps
from typing import Any, BinaryIO

__all__ = ["AwaitedFile", "completed"]


def _refuse_on_a_loop(function: Callable[..., Any]) -> None:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise RuntimeError(
        f"{function!r} is a coroutine function, and this thread runs an event loop; "
        "use a serializer that blocks, or a queue that is called in a thread"
    )


class AwaitedFile:
    """A binary file whose methods are awaited."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    async def read(self, size: int = -1) -> bytes:
        """At most so many bytes; negative: all that follow."""
        return self._file.read(size)

    async def readline(self) -> bytes:
        """The bytes up to the end of the line, with it."""
        return self._file.readline()

    async def write(self, data: bytes) -> int:
        """Writes all of it; how many bytes these are."""
        return self._file.write(data)


def completed(function: Callable[..., Any], *, has_file: bool) -> Callable[..., Any]:
    """A function that returns what a coroutine function returns in the end.

    Args:
        function: the coroutine function.
        has_file: its last positional argument is a file, whose methods it awaits.
    """

    @wraps(function)  # keeps the signature, which tells whether it sorts keys
    def call(*args: Any, **options: Any) -> Any:
        _refuse_on_a_loop(function)
        if has_file:
            args = (*args[:-1], AwaitedFile(args[-1]))
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(function(*args, **options))
        finally:
            loop.close()

    return call
