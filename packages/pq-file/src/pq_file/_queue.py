"""`Queue`: first in, first out, in the files of one directory."""

from __future__ import annotations

from typing import TypeVar

from pq_core.log.queue import LogQueue

__all__ = ["Queue"]

T = TypeVar("T")


class Queue(LogQueue[T]):
    """A durable FIFO queue in a directory of its own.

    Works like `queue.Queue`, with what was put still there in the next process. Threads,
    processes and other `Queue` objects on the same path are all users of one queue.

    >>> from pq_file import Queue
    >>> with Queue("mypath") as q:
    ...     q.put("a")
    ...     q.put("b")
    1
    2
    >>> q = Queue("mypath")
    >>> q.get()
    'a'
    >>> q.task_done()
    >>> q.qsize()
    1
    >>> q.close()

    An item that was got is settled by `task_done()`. Until then it is *out*: nobody else gets it
    while this process lives and the queue is open, and it is ready again afterwards (at least
    once). With `autosave=True` the get itself settles it (at most once).

    Args:
        path: the directory; made, mode 0700, if it is missing. What persist-queue 0.8 to 1.1 or
            pqueue left in it is taken over.
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
        ValueError: a parameter is out of range.
        StorageError: the directory cannot be made, read or written.
        StorageCorrupt: it holds something that is not a queue.
        SchemaMismatch: a newer version wrote it.
    """
