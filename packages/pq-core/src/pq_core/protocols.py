"""What a queue is to its users, whatever stores it: the words of the library as types.

All protocols are generic in the item. A function that says ``def worker(queue: Queue[Order])``
runs on every backend, and on a queue of one's own. The protocols hold what every backend has; a
class may offer more.

Common to all methods here: ``timeout`` is in seconds and None waits for ever; a negative one is
a `ValueError`; a closed queue raises `QueueClosed`; the storage may raise `StorageError`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from types import TracebackType
from typing import (
    Any,
    BinaryIO,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    runtime_checkable,
)

from pq_core.message import Message
from pq_core.records import (
    DURABILITIES,
    Damage,
    DeadLetter,
    Durability,
    Stats,
    check_durability,
)

__all__ = [
    "DURABILITIES",
    "AckQueue",
    "AnySerializer",
    "AsyncQueue",
    "Damage",
    "DeadLetter",
    "Durability",
    "FileSerializer",
    "LocalQueue",
    "Queue",
    "Repairable",
    "Serializer",
    "SerializerName",
    "Stats",
    "check_durability",
]

T = TypeVar("T")

#: The serializers that have a name.
SerializerName: TypeAlias = Literal["pickle", "json", "msgpack", "cbor2"]


@runtime_checkable
class Serializer(Protocol[T]):
    """Turns an item into bytes and back. An object or a module with these two functions is one.

    Whatever either raises reaches the user as `EncodeError` or `DecodeError`. A text that
    `dumps` returns is stored as UTF-8.
    """

    def dumps(self, value: T, /) -> bytes | str:
        """The bytes of one item."""
        ...

    def loads(self, data: bytes, /) -> T:
        """The item that these bytes were made of."""
        ...


@runtime_checkable
class FileSerializer(Protocol[T]):
    """Writes an item to a binary file and reads it back.

    `load` is given a file that holds exactly one item, so it may read to the end.
    """

    def dump(self, value: T, fp: BinaryIO, /) -> object:
        """Write one item to a file."""
        ...

    def load(self, fp: BinaryIO, /) -> T:
        """The item that the file holds."""
        ...


#: Everything that a `serializer=` parameter accepts.
AnySerializer: TypeAlias = Serializer[Any] | FileSerializer[Any] | SerializerName


class _Storage(Protocol[T]):
    """What every queue has, however its items are settled."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        ...

    @property
    def maxsize(self) -> int:
        """How many items it may hold; 0 or less: any number."""
        ...

    @property
    def size(self) -> int:
        """The same as `qsize()`."""
        ...

    def put_nowait(self, item: T) -> int:
        """`put` that does not wait for room."""
        ...

    def put_many(
        self, items: Iterable[T], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        """Store items, all or none; their ids in put order.

        Raises:
            Full: there was no room for all of them for the whole timeout.
            EncodeError: one of them cannot be serialized; the queue is as before.
        """
        ...

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Take the next item.

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: its bytes cannot be read back; it was set aside as a dead letter.
        """
        ...

    def get_nowait(self) -> T:
        """`get` that does not wait for an item."""
        ...

    def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[T]:
        """Take the next 1 to `n` items: waits for the first, takes of the others what is there.

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: the first of them cannot be read back; it was set aside.
        """
        ...

    def peek(self) -> T:
        """The item that the next get would take, left in its place.

        Raises:
            Empty: none is ready.
        """
        ...

    def browse(self) -> Iterator[T]:
        """The ready items in order, left in their places."""
        ...

    def clear(self) -> int:
        """Remove all ready and delayed items; how many they were."""
        ...

    def qsize(self) -> int:
        """How many items are ready."""
        ...

    def empty(self) -> bool:
        """Whether no item is ready."""
        ...

    def full(self) -> bool:
        """Whether a put would have to wait for room."""
        ...

    def stats(self) -> Stats:
        """What it holds, from one snapshot."""
        ...

    def dead_letters(self) -> list[DeadLetter]:
        """The items that were given up, oldest first."""
        ...

    def redrive(self, ids: Iterable[int] | None = None) -> int:
        """Put dead letters back; how many.

        Args:
            ids: which of them; None: all.
        """
        ...

    def close(self) -> None:
        """Free its files and connections; a second call does nothing."""
        ...

    def __len__(self) -> int: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...


@runtime_checkable
class Queue(_Storage[T], Protocol[T]):
    """A durable queue.

    ``isinstance(x, Queue)`` tells whether all these names are there, not their types.
    """

    def put(self, item: T, block: bool = True, timeout: float | None = None) -> int:
        """Store an item; its id.

        Raises:
            Full: `maxsize` items were there for the whole timeout.
            EncodeError: the item cannot be serialized; the queue is as before.
        """
        ...

    def task_done(self) -> None:
        """Settle what the calling thread has got so far.

        Raises:
            ValueError: nothing is out.
        """
        ...

    def join(self) -> None:
        """Wait until everything that was put is settled."""
        ...

    # Not Self: mypy could then not tell T in ``queue: Queue[int] = SomeQueue(path)``.
    def __enter__(self) -> Queue[T]: ...


@runtime_checkable
class Repairable(Protocol):
    """A storage in files of this machine, which can look for damage in them."""

    def verify(self) -> list[Damage]:
        """Read everything and report what is damaged; changes nothing. Empty: all is well."""
        ...

    def repair(self) -> list[Damage]:
        """Set what is damaged aside as ``*.bad`` files; what that was. The rest stays."""
        ...


@runtime_checkable
class LocalQueue(Queue[T], Repairable, Protocol[T]):
    """A queue in files of this machine."""

    def __enter__(self) -> LocalQueue[T]: ...


@runtime_checkable
class AckQueue(_Storage[T], Protocol[T]):
    """A durable queue whose items are settled one by one.

    An item that was handed out is leased. Unless it is settled or its lease extended in time, it
    becomes ready again.
    """

    def put(
        self,
        item: T,
        block: bool = True,
        timeout: float | None = None,
        *,
        delay: float = 0.0,
        ttl: float | None = None,
        priority: int = 0,
        dedupe_key: str | None = None,
    ) -> int:
        """Store an item; its id.

        Args:
            item: what to store.
            block: wait for room.
            timeout: seconds to wait for room.
            delay: seconds before it becomes visible.
            ttl: seconds after which it is dropped, and counted; None: never.
            priority: the lowest is taken first.
            dedupe_key: a second item with this key is not stored; the id of the first returns.

        Raises:
            Full: `maxsize` items were there for the whole timeout.
            EncodeError: the item cannot be serialized; the queue is as before.
        """
        ...

    def receive(self, block: bool = True, timeout: float | None = None) -> Message[T]:
        """Lease the next item, as a message that has to be settled.

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: its bytes cannot be read back; it was set aside as a dead letter.
        """
        ...

    def receive_nowait(self) -> Message[T]:
        """`receive` that does not wait for an item."""
        ...

    def get(self, block: bool = True, timeout: float | None = None) -> T:
        """Lease the next item; settle it with `ack`, `nack` or `ack_failed`.

        Raises:
            Empty: none was ready for the whole timeout.
            DecodeError: its bytes cannot be read back; it was set aside as a dead letter.
        """
        ...

    def ack(self, item: T | None = None, id: int | None = None) -> int | None:
        """Done with an item; its id.

        Raises:
            LeaseLost: its lease has ended.
        """
        ...

    def ack_many(self, ids: Iterable[int]) -> int:
        """Done with all of these; how many were still leased to this consumer."""
        ...

    def nack(
        self, item: T | None = None, id: int | None = None, *, delay: float = 0.0
    ) -> int | None:
        """Make an item ready again, after `delay` seconds; its id.

        Raises:
            LeaseLost: its lease has ended.
        """
        ...

    def ack_failed(
        self, item: T | None = None, id: int | None = None, *, reason: str = ""
    ) -> int | None:
        """Give an item up: it becomes a dead letter; its id.

        Raises:
            LeaseLost: its lease has ended.
        """
        ...

    def __enter__(self) -> AckQueue[T]: ...


@runtime_checkable
class AsyncQueue(Protocol[T]):
    """A durable queue for asyncio: `Queue` with every method awaitable."""

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        ...

    @property
    def maxsize(self) -> int:
        """How many items it may hold; 0 or less: any number."""
        ...

    async def put(self, item: T, block: bool = True, timeout: float | None = None) -> int:
        """See `Queue.put`."""
        ...

    async def put_nowait(self, item: T) -> int:
        """See `Queue.put_nowait`."""
        ...

    async def put_many(
        self, items: Iterable[T], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        """See `Queue.put_many`."""
        ...

    async def get(self, block: bool = True, timeout: float | None = None) -> T:
        """See `Queue.get`. Cancelled while it waits, it takes nothing."""
        ...

    async def get_nowait(self) -> T:
        """See `Queue.get_nowait`."""
        ...

    async def get_many(self, n: int, block: bool = True, timeout: float | None = None) -> list[T]:
        """See `Queue.get_many`."""
        ...

    async def task_done(self) -> None:
        """See `Queue.task_done`; for the calling task instead of the thread."""
        ...

    async def join(self) -> None:
        """See `Queue.join`."""
        ...

    async def peek(self) -> T:
        """See `Queue.peek`."""
        ...

    def browse(self) -> AsyncIterator[T]:
        """See `Queue.browse`."""
        ...

    async def clear(self) -> int:
        """See `Queue.clear`."""
        ...

    async def qsize(self) -> int:
        """See `Queue.qsize`."""
        ...

    async def empty(self) -> bool:
        """See `Queue.empty`."""
        ...

    async def full(self) -> bool:
        """See `Queue.full`."""
        ...

    async def stats(self) -> Stats:
        """See `Queue.stats`."""
        ...

    async def dead_letters(self) -> list[DeadLetter]:
        """See `Queue.dead_letters`."""
        ...

    async def redrive(self, ids: Iterable[int] | None = None) -> int:
        """See `Queue.redrive`."""
        ...

    async def close(self) -> None:
        """See `Queue.close`."""
        ...

    def __aiter__(self) -> AsyncIterator[T]:
        """The same as `browse()`."""
        ...

    async def __aenter__(self) -> AsyncQueue[T]: ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
