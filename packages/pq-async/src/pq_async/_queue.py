"""`AsyncQueue`: the file queue, awaited."""

from __future__ import annotations

import os
from collections.abc import Awaitable
from operator import attrgetter
from pathlib import Path
from typing import TypeVar

import aiofiles.os

from pq_async import _twins
from pq_async._settling import SettlingByTask
from pq_async._worker import Worker
from pq_core.disk import DISK, Disk
from pq_core.log.queue import CHUNK, PATH, LogQueue
from pq_core.protocols import AnySerializer, Damage, Durability
from pq_core.serializers import codec, pickle

__all__ = ["AsyncQueue"]

T = TypeVar("T")


class AsyncQueue(SettlingByTask[T], twin=LogQueue):
    """The durable FIFO queue in a directory of its own, for asyncio.

    The same files as `pq_file.Queue`: both may use one directory, also at the same time. Every
    method is awaited, and nothing blocks the event loop.

    >>> import asyncio
    >>> from pq_async import AsyncQueue
    >>> async def main():
    ...     async with AsyncQueue("mypath") as queue:
    ...         await queue.put("a")
    ...         print(await queue.get())
    ...         await queue.task_done()
    >>> asyncio.run(main())
    a

    An item that was got is settled by `task_done()`, for the asyncio task that got it. Until then
    nobody else gets it, and it is ready again once the queue is closed or the process ends (at
    least once). With `autosave=True` the get itself settles it (at most once).

    Args:
        path: the directory; made, mode 0700, if it is missing.
        maxsize: a put waits while this many items are ready; 0 or less for no limit.
        chunksize: items in a segment file. A segment is deleted once all in it is settled.
        tempdir: accepted for compatibility. No temporary files are needed.
        serializer: how items become bytes: 'pickle', 'json', 'msgpack', 'cbor2', a module or
            object with dumps/loads or dump/load. The default, pickle, runs code when it reads
            what somebody else may have written: see `pq_core.serializers.signed`.
        autosave: whether a get settles its item at once. `auto_save` is another spelling.
        durability: what a returned put and task_done survive: 'full' power loss, 'normal' the
            death of the process (after power loss a prefix is left), 'off' the same, and closing
            syncs nothing either.
        disk: the port through which files are touched; for tests.

    Raises:
        ValueError: a parameter is out of range. All else is told when the queue is opened.
    """

    _shares_task_done = True

    def __init__(
        self,
        path: str | os.PathLike[str] = PATH,
        maxsize: int = 0,
        chunksize: int = CHUNK,
        tempdir: str | os.PathLike[str] | None = None,
        serializer: AnySerializer = pickle,
        autosave: bool = False,
        *,
        auto_save: bool | None = None,
        durability: Durability = "normal",
        disk: Disk = DISK,
    ) -> None:
        arguments = {
            "path": Path(path).absolute(),
            "maxsize": maxsize,
            "chunksize": chunksize,
            "tempdir": tempdir,
            "serializer": codec(serializer),
            "autosave": autosave if auto_save is None else auto_save,
            "durability": durability,
        }
        self._path, self._durability = Path(path), durability
        open = _twins.opener(_twins.File, {**arguments, "disk": disk})
        super().__init__(Worker(open, str(path)), arguments, max(0, maxsize))

    async def verify(self) -> list[Damage]:
        """Everything that is damaged; changes nothing. Puts go on meanwhile."""
        return await self._beside("verify")

    async def repair(self) -> list[Damage]:
        """Sets aside what is damaged; what that was. Puts go on meanwhile."""
        return await self._beside("repair")

    async def _beside(self, name: str) -> list[Damage]:
        """What a method returns that reads all files: in another thread than the worker's."""
        method = await self._ask(attrgetter(name))
        found: list[Damage] = await aiofiles.os.wrap(method)()
        return found

    @property
    def damage(self) -> Awaitable[list[Damage]]:
        """What was found damaged and set aside since this process opened the queue."""
        return self._property("damage")

    @property
    def path(self) -> Path:
        """The directory, as it was given."""
        return self._path

    @property
    def durability(self) -> Durability:
        """What a returned put survives."""
        return self._durability
