"""The file queue: first in, first out, in the files of one directory, for blocking callers."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Generic, TypeVar

from pq_core.disk import DISK, Disk
from pq_core.ending import end
from pq_core.errors import DecodeError, Empty, Full, QueueClosed, QueueError
from pq_core.log.errands import Errands
from pq_core.log.log import Log, attach
from pq_core.log.repairs import Repairs
from pq_core.log.session import Session
from pq_core.log.takeover import finder
from pq_core.log.taking import NONE, Taken
from pq_core.protocols import (
    AnySerializer,
    Durability,
    Stats,
    check_durability,
)
from pq_core.serializers import codec, pickle
from pq_core.waiting import Deadline

__all__ = ["CHUNK", "PATH", "LogQueue"]

T = TypeVar("T")
Self = TypeVar("Self", bound="LogQueue[Any]")

#: Items in a segment where `chunksize` is not given. A new segment costs two syncs with `full`,
#: an emptied one a sync; 10,000 make that less than a hundredth of a put.
CHUNK: Final = 10_000
#: The directory used where `path` is not given.
PATH: Final = "persist-queue"


class LogQueue(Errands, Repairs, Generic[T]):
    """The queue of one directory; `pq_file.Queue` tells what it promises and takes."""

    url_options: ClassVar[dict[str, type]] = {
        **dict.fromkeys(("maxsize", "chunksize"), int),
        **dict.fromkeys(("serializer", "durability"), str),
        "autosave": bool,
    }

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
        self._log: Log | None = None
        self.callers = threading.local()
        self.leaves_receipts = False
        if chunksize < 1:
            raise ValueError(f"'chunksize' must be at least 1 item, not {chunksize!r}")
        self._path = Path(path)
        self._maxsize = max(0, maxsize)
        self._chunk = chunksize
        self._tempdir = tempdir
        self._codec = codec(serializer)
        self._settles = autosave if auto_save is None else auto_save
        self._durability: Durability = check_durability(durability)
        self._full = durability == "full"
        self._disk = disk
        self._dumps, self._loads = self._codec.dumps, self._codec.loads
        self._start()

    def _start(self) -> None:
        """Opens the directory. All that can be wrong with the arguments was told before."""
        log = attach(self._path.absolute(), disk=self._disk, find=finder(self._codec))
        self._log = log
        self._session = Session(log, self.callers, settles=self._settles)

    # -- putting ------------------------------------------------------------------------------

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> int:
        """Appends an item, and returns its id.

        Durable on return as `durability` says. Blocks while `maxsize` items are ready.

        Args:
            item: anything the serializer takes, None included.
            block: whether to wait for room.
            timeout: how long, in seconds; None for ever.

        Returns:
            The item's id: 1 for the first item, and one more for each that follows.

        Raises:
            Full: there was no room in time.
            EncodeError: the serializer cannot take the item; the queue is as before.
            StorageError: the write failed; the item is not in the queue, all others are.
            ValueError: `timeout` is negative.
        """
        try:
            payload = self._dumps(item)
        except Exception as error:
            raise self._codec.encode_error(item, error) from error
        log = self._log or self._open()
        if timeout is not None:
            Deadline(block, timeout)
        if self._full:
            id = log.head.append_together(payload, self._chunk, self._maxsize)
        else:
            id = log.head.append(payload, self._chunk, self._maxsize)
        if id is None:
            id = log.room.wait_for(
                lambda: self._open().head.append(
                    payload, self._chunk, self._maxsize, full=self._full
                ),
                Deadline(block, timeout),
            )
            if id is None:
                raise Full(f"{self._path}: {self._maxsize} items are waiting")
        if log.items.waiting:
            log.items.ring()
        return id

    def put_nowait(self, item: T) -> int:
        """`put(item, block=False)`."""
        return self.put(item, block=False)

    def put_many(
        self, items: Iterable[T], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        """Appends all items with one write, or none of them; returns their ids in order.

        Raises:
            ValueError: they are more than `maxsize`, so there will never be room for them.
            Full, EncodeError, StorageError: as in `put`.
        """
        deadline = Deadline(block, timeout)
        items = items if isinstance(items, list) else list(items)
        if not items:
            return []
        try:
            payloads = self._codec.dumps_all(items)
        except Exception:
            # Again, one by one, for the error that names the item's type.
            payloads = [self._codec.encode(item) for item in items]
        if self._maxsize and len(payloads) > self._maxsize:
            raise ValueError(
                f"{self._path}: {len(payloads)} items never fit into a queue of {self._maxsize}; "
                "put them in smaller parts"
            )
        log = self._log or self._open()
        first = log.head.append_many(payloads, self._chunk, self._maxsize, full=self._full)
        if first is None:
            first = log.room.wait_for(
                lambda: self._open().head.append_many(
                    payloads, self._chunk, self._maxsize, full=self._full
                ),
                deadline,
            )
        if first is None:
            raise Full(f"{self._path}: no room for {len(payloads)} items")
        if log.items.waiting:
            log.items.ring()
        return list(range(first, first + len(payloads)))

    # -- getting ------------------------------------------------------------------------------

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Takes the oldest item that is ready.

        Args:
            block: whether to wait for one.
            timeout: how long, in seconds; None for ever.

        Raises:
            Empty: nothing was ready in time.
            DecodeError: the serializer cannot read the item. It is a dead letter now; the next
                get goes on.
            StorageError: it failed; the item is still there, unless `autosave` had settled it.
            ValueError: `timeout` is negative.
        """
        log = self._log or self._open()
        if self._settles:
            self._session.come_back()
        if timeout is not None and timeout < 0:
            Deadline(block, timeout)
        seq = 0
        try:
            (seq,), (payload,) = self._session.take(1, full=self._full) or self._wait(
                1, block, timeout
            )
            if log.room.waiting:
                log.room.ring()
            try:
                item: T = self._loads(payload)
            except Exception as error:
                raise self._bury(seq, payload, error) from error
            if self.leaves_receipts:
                self.callers.receipt = [(seq, payload)]
            return item
        except QueueError:
            raise
        except BaseException:
            self._interrupted([seq] if seq else ())
            raise

    def get_nowait(self) -> T:
        """`get(block=False)`."""
        return self.get(block=False)

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[T]:
        """Takes at most `n` items, as soon as one is ready; returns them in order.

        Raises:
            Empty, DecodeError, StorageError: as in `get`. An item that cannot be read does not
                take the others with it: they are returned, and the next call goes on behind it.
            ValueError: `n` is less than 1, or `timeout` is negative.
        """
        if n < 1:
            raise ValueError(f"'n' must be at least 1 item, not {n!r}")
        Deadline(block, timeout)
        self._open()
        self._session.come_back()
        taken: Taken = NONE
        try:
            taken = self._session.take(n, full=self._full) or self._wait(n, block, timeout)
            self._ring(self._open())
            loads = self._loads
            try:
                items = [loads(payload) for payload in taken[1]]
            except Exception:
                # Again, one by one: what cannot be read must not take the others with it.
                return self._loaded(taken)
            if self.leaves_receipts:
                self.callers.receipt = list(zip(*taken, strict=True))
            return items
        except QueueError:
            raise
        except BaseException:
            self._interrupted(taken[0])
            raise

    def _loaded(self, taken: Taken) -> list[T]:
        items: list[T] = []
        readable: list[tuple[int, bytes]] = []
        failed: DecodeError | None = None
        for seq, payload in zip(*taken, strict=True):
            try:
                items.append(self._loads(payload))
            except Exception as error:
                failed = self._bury(seq, payload, error)
            else:
                readable.append((seq, payload))
        if not items and failed is not None:
            raise failed
        if self.leaves_receipts:
            self.callers.receipt = readable
        return items

    def _wait(self, count: int, block: bool, timeout: float | None) -> Taken:
        log = self._open()
        taken = log.items.wait_for(lambda: self._try(count), Deadline(block, timeout))
        if taken is None:
            raise Empty(f"{self._path}: nothing is ready")
        return taken

    def _try(self, count: int) -> Taken | None:
        self._open()
        return self._session.take(count, full=self._full)

    def _interrupted(self, unseen: Sequence[int] = ()) -> None:
        """The handler of a signal has raised in the middle of a call of this thread (I15)."""
        self._session.mend(unseen)
        if self._log is not None:
            self._ring(self._log)

    def finished(self) -> bool | None:
        """What `join` waits for: True once everything is settled, None before."""
        self._open()
        return self._session.finished() or None

    def _bury(self, seq: int, payload: bytes, error: Exception) -> DecodeError:
        """Makes an item that cannot be read a dead letter, and returns what to say."""
        failure = self._codec.decode_error(error, id=seq)
        log = self._open()
        log.bury(seq, str(failure), payload)
        self._session.settle(seq, full=self._full)
        self._ring(log)
        return failure

    # -- settling -----------------------------------------------------------------------------

    def task_done(self) -> None:
        """Settles everything the calling thread has got so far.

        A thread that never got anything itself settles the oldest item that is out, first of
        all one that was got by a thread that has ended. Durable on return as `durability` says.

        Raises:
            ValueError: it was called more often than there were items.
            StorageError: the write failed; the items may come again.
        """
        log = self._open()
        try:
            self._session.task_done(full=self._full)
        except (QueueError, ValueError):
            raise
        except BaseException:
            self._interrupted()
            raise
        if log.room.waiting:
            log.room.ring()

    def join(self) -> None:
        """Blocks until every item that was put is settled, in whatever process.

        With `autosave`, until every item has been got, and each other thread of this process
        that got one has said task_done, come back for another, or ended.
        """
        log = self._open()
        log.room.wait_for(self.finished, Deadline())

    # -- looking ------------------------------------------------------------------------------

    def peek(self) -> T:
        """The item that the next get would return, left where it is.

        Raises:
            Empty: nothing is ready.
            DecodeError: the serializer cannot read it; it is left where it is.
        """
        found = self._open().tail.peek()
        if found is None:
            raise Empty(f"{self._path}: nothing is ready")
        return self._decode(*found)

    def browse(self) -> Iterator[T]:
        """The items that are ready now, in order, left where they are.

        Items that others take meanwhile may be left out; those put meanwhile are not included.

        Raises:
            DecodeError: the serializer cannot read the next one.
        """
        for seq, payload in self._open().tail.browse():
            yield self._decode(seq, payload)

    def _decode(self, seq: int, payload: bytes) -> T:
        try:
            item: T = self._loads(payload)
        except Exception as error:
            raise self._codec.decode_error(error, id=seq) from error
        return item

    def clear(self) -> int:
        """Removes everything that is ready; what is out stays out. Returns how many items."""
        log = self._open()
        count = log.tail.clear(full=self._full)
        self._ring(log)
        return count

    def qsize(self) -> int:
        """How many items are ready. Reads only memory."""
        return self._open().tail.ready()

    @property
    def size(self) -> int:
        """How many items are ready."""
        return self.qsize()

    def __len__(self) -> int:
        return self.qsize()

    def empty(self) -> bool:
        """Whether nothing is ready."""
        return not self.qsize()

    def full(self) -> bool:
        """Whether `maxsize` items are ready."""
        return 0 < self._maxsize <= self.qsize()

    def stats(self) -> Stats:
        """Counts of one moment; `bytes` is the length of the segments."""
        return self._open().stats()

    # -- the object -----------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        """The directory, as it was given."""
        return self._path

    @property
    def maxsize(self) -> int:
        """How many items may be ready before a put waits; 0 for no limit."""
        return self._maxsize

    @maxsize.setter
    def maxsize(self, items: int) -> None:
        self._maxsize = max(0, items)
        self._open().room.ring()

    @property
    def durability(self) -> Durability:
        """What a returned put survives."""
        return self._durability

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._log is None

    def close(self) -> None:
        """Frees the files. What this object has out is ready again. May be called again.

        Unless `durability` is 'off', everything is synced first.

        Raises:
            StorageError: the last sync failed; the files are closed all the same.
        """
        log, self._log = self._log, None
        if log is None:
            return
        try:
            self._session.close()
        finally:
            self._ring(log)
            log.detach(sync=self._durability != "off")

    def _open(self) -> Log:
        if (log := self._log) is None:
            raise QueueClosed(f"{self._path}: the queue is closed; open a new one on the same path")
        return log

    def _ring(self, log: Log) -> None:
        if log.items.waiting:
            log.items.ring()
        if log.room.waiting:
            log.room.ring()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # The constructor may have failed, and at the end of the interpreter anything may be gone.
        with suppress(Exception):
            if self._log is not None:
                end(self.close, self._log.is_free)

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.qsize()} ready"
        return f"<{type(self).__name__} {str(self._path)!r}, {state}>"

    def __getstate__(self) -> dict[str, Any]:
        """The parameters: a pickled queue is opened again where it is unpickled."""
        return {
            "path": self._path.absolute(),
            "maxsize": self._maxsize,
            "chunksize": self._chunk,
            "tempdir": self._tempdir,
            "serializer": self._codec,
            "autosave": self._settles,
            "durability": self._durability,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]
