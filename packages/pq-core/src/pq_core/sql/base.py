"""What all SQL queues have: putting, looking, counting, and the dead letters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Generic, Protocol, TypeVar
from zlib import crc32

from pq_core.ending import end
from pq_core.errors import Empty, Full, StorageError
from pq_core.protocols import Damage, DeadLetter, Stats
from pq_core.serializers import Codec
from pq_core.sql.driver import Engine
from pq_core.sql.fork import all_free
from pq_core.sql.kinds import Kind
from pq_core.sql.rows import LARGEST, Opener, Row, Taken, Unreadable
from pq_core.sql.statement import Plan
from pq_core.waiting import Bell, Deadline, Missing

__all__ = ["BaseQueue", "Raw", "id_of", "seconds"]

T = TypeVar("T")
R = TypeVar("R")
Self = TypeVar("Self", bound="BaseQueue[Any]")

#: How often join looks whether threads have ended, in seconds: that rings no bell.
JOIN: Final = 0.025
#: What ``raw=True`` returns: pqid, data, timestamp.
Raw = dict[str, Any]


class Plans(Protocol):
    """The plans that every kind of queue has."""

    def put_many(self, rows: Any, maxsize: int) -> Plan[list[int] | None]: ...
    def put_part(self, rows: Any) -> Plan[list[int]]: ...
    def is_one_statement(self, rows: Any, maxsize: int) -> bool: ...
    def any(self) -> Plan[bool]: ...
    def count(self) -> Plan[int]: ...
    def total(self) -> Plan[int]: ...
    def peek(self) -> Plan[Taken | Unreadable | None]: ...
    def page(self, after: Row | None) -> Plan[list[Row]]: ...
    def all_rows(self, after: int) -> Plan[list[Row]]: ...
    def stats(self) -> Plan[Stats]: ...
    def dead_letters(self) -> Plan[list[DeadLetter]]: ...
    def redrive(self, ids: Iterable[int] | None) -> Plan[int]: ...
    def update(self, id: int, data: bytes, crc: int) -> Plan[int | None]: ...
    def clear(self) -> Plan[int]: ...
    def bury(self, id: int, why: Unreadable) -> Plan[bool]: ...


class BaseQueue(Generic[T]):
    """See the classes of the wheels; this one is not used by itself.

    Args:
        engine: runs the plans.
        plans: of this kind of queue.
        kind: of queue.
        codec: of the items.
        open_row: reads payloads.
        maxsize: how many items may be ready; 0 or less: any number.

    Attributes:
        finished: what `join` waits for: true once everything is settled, None before.
    """

    finished: Callable[[], bool | None]

    def __init__(
        self,
        engine: Engine,
        plans: Plans,
        kind: Kind,
        codec: Codec,
        open_row: Opener,
        maxsize: int,
    ) -> None:
        self._engine = engine
        self._base_plans = plans
        self._kind = kind
        self._codec = codec
        self._encode: Callable[[Any], bytes] = (
            codec.encode_sorted if kind.is_unique else codec.encode
        )
        self._open_row = open_row
        self._maxsize = maxsize
        self._needs_look = maxsize > 0 or kind.is_unique

    # -- put ----------------------------------------------------------------------------------

    def put_many(
        self, items: Iterable[T], block: bool = True, timeout: float | None = None
    ) -> list[int]:
        """Stores items, all or none, in one transaction.

        Durable on return as `durability` says. Blocks while there is no room for all of them.

        Args:
            items: what to store.
            block: wait for room.
            timeout: seconds to wait for room; None: for ever.

        Returns:
            their ids, in put order. In a unique queue an item that is there already has its old
            id.

        Raises:
            Full: there was no room for all of them for the whole timeout.
            ValueError: they are more than `maxsize`, or `timeout` is negative.
            EncodeError: one of them cannot be serialized; none is stored.
            StorageError: the storage failed; none is stored.
        """
        deadline = Deadline(block, timeout)
        rows = [(data, crc32(data), 0) for data in self._encode_all(list(items))]
        if 0 < self._maxsize < len(rows):
            raise ValueError(
                f"{self._engine.where}: {len(rows)} items never fit into a maxsize of "
                f"{self._maxsize}; put fewer at a time"
            )
        return self._put_rows(rows, deadline)

    def _encode_all(self, items: list[T]) -> list[bytes]:
        if not self._kind.is_unique:
            # One by one below for the error that names an item's type.
            with suppress(Exception):
                return self._codec.dumps_all(items)
        return [self._encode(item) for item in items]

    def _row(self, item: T, priority: int) -> Row:
        if not -LARGEST <= priority <= LARGEST:
            raise ValueError(f"'priority' must be a 64-bit integer, not {priority!r}")
        data = self._encode(item)
        return data, crc32(data), priority

    def _put_rows(self, rows: list[Row], deadline: Deadline) -> list[int]:
        """Stores encoded items where `maxsize` or uniqueness need a look first."""
        plans, write = self._base_plans, self._engine.write
        if plans.is_one_statement(rows, self._maxsize):
            return self._until_room(lambda: write(plans.put_part, rows), deadline)
        return self._until_room(lambda: write(plans.put_many, rows, self._maxsize), deadline)

    def _until_room(self, put: Callable[[], R | None], deadline: Deadline) -> R:
        stored = self._engine.bell.wait_for(put, deadline)
        if stored is None:
            raise Full(
                f"{self._engine.where}: {self._maxsize} items are waiting; get some, or raise "
                "maxsize"
            )
        self._ring()
        return stored

    def _ring(self) -> None:
        """Wakes who waits in this process; after a commit."""
        bell: Bell = self._engine.bell
        if bell.waiting:
            bell.ring()

    # -- looking ------------------------------------------------------------------------------

    def peek(self) -> T:
        """The item that the next get would take, left in its place. Does not block.

        Raises:
            Empty: none is ready.
            DecodeError: it cannot be read back; it was set aside as a dead letter.
        """
        found = self._engine.read(self._base_plans.peek)
        if found is None:
            raise self._empty()
        if isinstance(found, Unreadable):
            self._engine.write(self._base_plans.bury, found.id, found)
            raise found.error
        item: T = found[1]
        return item

    def browse(self) -> Iterator[T]:
        """The ready items in order, left in their places; read a page at a time.

        Items that others take meanwhile may be left out.

        Raises:
            DecodeError: the next one cannot be read back; it is left where it is.
        """
        for row in self._pages():
            item = self._open_row(row)
            if isinstance(item, Unreadable):
                raise item.error
            yield item

    def __iter__(self) -> Iterator[T]:
        """The same as `browse()`."""
        return self.browse()

    def _pages(self) -> Iterator[Row]:
        last: Row | None = None
        while True:
            rows = self._engine.read(self._base_plans.page, last)
            if not rows:
                return
            yield from rows
            last = rows[-1]

    def queue(self) -> list[dict[str, Any]]:
        """All rows of the queue's table, whatever their state, in the order of their ids.

        Returns:
            a dict with ``id``, ``data`` and ``timestamp`` for each (and ``status``, in an ack
            queue).

        Raises:
            DecodeError: one cannot be read back; it is left where it is.
        """
        rows: list[dict[str, Any]] = []
        last = -1
        while page := self._engine.read(self._base_plans.all_rows, last):
            for row in page:
                item = self._open_row(row)
                if isinstance(item, Unreadable):
                    raise item.error
                rows.append(self._described(row, item))
            last = page[-1][0]
        return rows

    def _described(self, row: Row, item: T) -> dict[str, Any]:
        return {"id": row[0], "data": item, "timestamp": row[2]}

    def qsize(self) -> int:
        """How many items are ready, counted in the storage."""
        return self._engine.ready(self._base_plans)

    @property
    def size(self) -> int:
        """How many items are ready."""
        return self.qsize()

    def __len__(self) -> int:
        return self.qsize()

    def __bool__(self) -> bool:
        """True, also of an empty queue: ``if queue:`` asks whether there is one."""
        return True

    @property
    def total(self) -> int:
        """How many items the table holds, those that are handed out included."""
        return self._engine.read(self._base_plans.total)

    def empty(self) -> bool:
        """Whether no item is ready."""
        return not self._engine.read(self._base_plans.any)

    def full(self) -> bool:
        """Whether a put would have to wait for room."""
        return 0 < self._maxsize <= self.qsize()

    @property
    def maxsize(self) -> int:
        """How many items may be ready; 0 or less: any number."""
        return self._maxsize

    @maxsize.setter
    def maxsize(self, items: int) -> None:
        self._maxsize = items
        self._needs_look = items > 0 or self._kind.is_unique
        self._ring()

    @property
    def _serializer(self) -> Any:
        """What makes bytes of items, by the name that subclasses of persist-queue's queues have."""
        return self._codec.serializer

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._engine.closed

    def stats(self) -> Stats:
        """What the queue holds, from one snapshot.

        `bytes` and `reclaimable` are those of the whole database.
        """
        engine = self._engine
        found = engine.read(self._base_plans.stats)
        return replace(found, bytes=engine.bytes(), reclaimable=engine.reclaimable())

    # -- changing -----------------------------------------------------------------------------

    def update(self, item: Any, id: int | Raw | None = None) -> int | None:
        """Replaces an item that is stored.

        Args:
            item: the new item, or what ``get(raw=True)`` returned with its ``data`` replaced.
            id: which one; not needed with a raw item.

        Returns:
            its id, or None where there is no such item any more.

        Raises:
            ValueError: neither an id nor a raw item is given.
            EncodeError: the item cannot be serialized; the old one stays.
            StorageError: an equal item is in a unique queue already; the old one stays.
        """
        if id is None and isinstance(item, dict) and "pqid" in item:
            id, item = item["pqid"], item.get("data")
        key = id_of(id)
        if key is None:
            raise ValueError("'id' is missing; give an id, or an item got with raw=True")
        data = self._encode(item)
        holder = self._engine.write(self._base_plans.update, key, data, crc32(data))
        if holder is not None and holder != key:
            raise StorageError(
                f"{self._engine.where}: item {key} cannot become equal to item {holder}: each item "
                "is in this queue once; settle that one first, or leave this one as it is"
            )
        return holder

    def clear(self) -> int:
        """Removes all ready items (and delayed ones); how many they were."""
        removed = self._engine.write(self._base_plans.clear)
        self._ring()
        return removed

    def dead_letters(self) -> list[DeadLetter]:
        """The items that were given up, oldest first, with their bytes as they are stored."""
        return self._engine.read(self._base_plans.dead_letters)

    def redrive(self, ids: Iterable[int] | None = None) -> int:
        """Makes dead letters ready again, under their old ids; how many.

        Args:
            ids: which of them; None: all.
        """
        count = self._engine.write(self._base_plans.redrive, None if ids is None else list(ids))
        self._ring()
        return count

    def _damage(self, path: Path) -> Iterator[tuple[Damage, int, Unreadable]]:
        """The rows, but for settled ones, whose payload fails its checksum or cannot be read."""
        last = -1
        while page := self._engine.read(self._base_plans.all_rows, last):
            for row in page:
                item = None if self._is_settled(row) else self._open_row(row)
                if isinstance(item, Unreadable):
                    yield Damage(path, None, f"item {item.id}: {item.reason}"), item.id, item
            last = page[-1][0]

    def _is_settled(self, row: Row) -> bool:
        """Whether nobody will be given this row of `all_rows` any more."""
        del row
        return False

    def _undo(self) -> None:
        """The caller's transaction is about to end, and may be rolled back."""

    def join(self) -> None:
        """Blocks until every item that was put is settled, in whatever process."""
        # Its own bell, because the end of a thread rings none: who waits just looks, ever less often.
        bell = Bell(lambda: None, shortest=0.001, longest=JOIN)
        bell.wait_for(self.finished, Deadline())

    @property
    def items_bell(self) -> Bell:
        """Rings when there may be something to get."""
        return self._engine.bell

    @property
    def room_bell(self) -> Bell:
        """Rings when there may be room, or everything may be settled."""
        return self._engine.bell

    # -- waiting ------------------------------------------------------------------------------

    def _wait(self, look: Callable[[], R | None], block: bool, timeout: float | None) -> R:
        """What `look` finds.

        Raises:
            Empty: nothing for the whole timeout.
        """
        found = self._engine.bell.wait_for(look, Deadline(block, timeout))
        if found is None:
            raise self._empty()
        return found

    def _empty(self) -> Empty:
        return Empty(f"{self._engine.where}: no item is ready")

    def _missing(self, id: int | None) -> Missing:
        return Missing(f"{self._engine.where}: there is no item {id}")

    def _result(self, taken: Taken, raw: bool) -> Any:
        if raw:
            return {"pqid": taken[0], "data": taken[1], "timestamp": taken[2]}
        return taken[1]

    # -- the end ------------------------------------------------------------------------------

    def close(self) -> None:
        """Frees the connection; a second call does nothing."""
        self._engine.close()

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
            if not self.closed:
                end(self.close, all_free)

    def __repr__(self) -> str:
        state = " closed" if self.closed else ""
        return f"<{type(self).__name__} {self._engine.where}{state}>"


def id_of(value: int | Raw | None) -> int | None:
    """The id in what a caller gave for one: an id, a raw item, or nothing.

    Raises:
        TypeError: it is neither.
    """
    if isinstance(value, dict):
        value = value.get("pqid", value.get("id"))
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"'id' must be an int or a raw item, not {type(value).__name__}")
    return value if -LARGEST <= value <= LARGEST else -LARGEST


def seconds(name: str, value: float) -> float:
    """`value`, known to be a number of seconds that is not negative.

    Raises:
        ValueError: it is not.
    """
    if not value >= 0 or math.isinf(value):
        raise ValueError(f"{name!r} must be a non-negative number of seconds, not {value!r}")
    return float(value)
