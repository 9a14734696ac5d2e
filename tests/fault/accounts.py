"""Kinds of queues used at random, with an account of what each moment has to have left."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from pq_core.disk import Disk
from pq_core.errors import Empty
from pq_file import Queue
from pq_sqlite import SQLiteAckQueue, SQLiteQueue

__all__ = ["KINDS", "Account", "Keeping", "Kind", "check", "drained", "use"]


@dataclass(frozen=True)
class Kind:
    """One way to use a queue.

    Attributes:
        open: opens a queue in a directory.
        settles: whether a get settles.
        defers: whether a put is durable only with the next settling.
        in_step: whether one file holds puts and settlings, so that both are left up to one moment.
    """

    open: Callable[..., Any]
    settles: bool
    defers: bool = False
    in_step: bool = True


def _file(path: Path, **options: Any) -> Any:
    # A disk of its own: every open is that of another process.
    return Queue(path, chunksize=12, disk=Disk(), **options)


def _file_autosave(path: Path, **options: Any) -> Any:
    return _file(path, autosave=True, **options)


def _sqlite_hold(path: Path, **options: Any) -> Any:
    return SQLiteQueue(path, auto_commit=False, **options)


KINDS: Final = {
    "file": Kind(_file, settles=False, in_step=False),
    "file autosave": Kind(_file_autosave, settles=True, in_step=False),
    "sqlite": Kind(SQLiteQueue, settles=True),
    "sqlite hold": Kind(_sqlite_hold, settles=False, defers=True),
    "sqlite ack": Kind(SQLiteAckQueue, settles=False),
}


@dataclass
class Account:
    """What the queue must hold, moment by moment.

    Attributes:
        states: after each operation, the oldest first; what is out counts as held.
        floor: index of the newest state that has to survive a power cut.
        put: every item that a put was begun for.
        settled: every item that a settling was begun for.
    """

    states: list[tuple[int, ...]] = field(default_factory=lambda: [()])
    floor: int = 0
    put: list[int] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)

    def copy(self) -> Account:
        """This moment, to be looked at later."""
        return Account(list(self.states), self.floor, list(self.put), set(self.settled))


class Keeping:
    """Keeps an account of a queue while it is used.

    Args:
        kind: of the queue.
        durability: of the queue.
        note: is told of each change of the account, before and after the operation.
    """

    def __init__(self, kind: Kind, durability: str, note: Callable[[Account], object]) -> None:
        self.account = Account()
        self._kind = kind
        self._durability = durability
        self._note = note

    def doing(self, act: Callable[[], Any], after: tuple[int, ...], *, settles: bool) -> Any:
        """Does an operation that leads to the state `after`."""
        account = self.account
        account.states.append(after)
        self._note(account.copy())
        result = act()
        if self._durability == "full" and (settles or not self._kind.defers):
            account.floor = len(account.states) - 1
        self._note(account.copy())
        return result


def use(
    kind: Kind, path: Path, durability: str, random: Random, steps: int, keeping: Keeping, size: int
) -> None:
    """Uses a queue for so many steps; an item is a number and `size` bytes made of it."""
    account = keeping.account
    queue = kind.open(path, durability=durability)
    out: list[int] = []
    following = 1
    try:
        for _ in range(steps):
            state = account.states[-1]
            what = random.choice(["put", "put", "put many", "get", "settle", "settle", "again"])
            ready = [item for item in state if item not in out]
            if what == "put":
                account.put.append(following)
                item = _made(following, size)
                keeping.doing(lambda: queue.put(item), (*state, following), settles=False)  # noqa: B023
                following += 1
            elif what == "put many":
                count = random.randint(2, 5)
                new = range(following, following + count)
                following += count
                account.put.extend(new)
                items = [_made(number, size) for number in new]
                keeping.doing(lambda: queue.put_many(items), (*state, *new), settles=False)  # noqa: B023
            elif what == "get" and ready and not kind.settles:
                out.append(queue.get_nowait()[0])
                assert out[-1] == ready[0]
            elif what in ("get", "settle") and ready and kind.settles:
                account.settled.add(ready[0])
                left = tuple(item for item in state if item != ready[0])
                got = keeping.doing(queue.get_nowait, left, settles=True)
                assert got[0] == ready[0]
            elif what == "settle" and out:
                settled = out[:1] if hasattr(queue, "ack") else out
                account.settled.update(settled)
                left = tuple(item for item in state if item not in settled)
                act = _settle(queue, settled[0], size)
                keeping.doing(act, left, settles=True)
                del out[: len(settled)]
            elif what == "again" and random.random() < 0.5:
                keeping.doing(queue.close, state, settles=True)
                out.clear()
                queue = kind.open(path, durability=durability)
    finally:
        queue.close()


def _settle(queue: Any, item: int, size: int) -> Callable[[], object]:
    if hasattr(queue, "ack"):
        return lambda: queue.ack(_made(item, size))
    act: Callable[[], object] = queue.task_done
    return act


def _made(number: int, size: int) -> tuple[int, bytes]:
    return number, number.to_bytes(4, "big") * (size // 4)


def drained(queue: Any, size: int) -> list[int]:
    """The numbers of all items that are ready, each of which has to be whole."""
    numbers = []
    with suppress(Empty):
        while True:
            item = queue.get_nowait()
            assert item == _made(item[0], size)
            numbers.append(item[0])
    return numbers


def check(kind: Kind, account: Account, durability: str, found: list[int]) -> None:
    """Whether a queue may hold this after a power cut."""
    states, floor = account.states, account.floor
    if kind.in_step or durability == "full":
        # A prefix of what was done, and with `full` all of what had returned.
        assert tuple(found) in states[floor:]
        return
    assert found == sorted(set(found))
    assert set(found) <= set(account.put)
    # Of what was put a prefix; of what was settled some may come again.
    last = found[-1] if found else 0
    unsettled = [item for item in account.put if item not in account.settled]
    assert [item for item in unsettled if item <= last] == [
        item for item in found if item not in account.settled
    ]
