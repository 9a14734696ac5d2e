"""Producers and consumers that are killed, again and again, and every item looked after.

Run as ``python -m tests.kill.rounds KIND DIRECTORY ROUNDS [SEED]``; the last line of its output is the
account as JSON. It forks from a process that does nothing else, so that a round takes
milliseconds. In each round a few producers and consumers are let loose on one queue and killed
with SIGKILL at a random moment, mostly all of them. What they note reaches the account also when they are
killed in the next instruction, so of each of them at most one operation is in doubt.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final, NoReturn

from pq_core.errors import Empty
from pq_file import Queue
from pq_sqlite import SQLiteAckQueue, SQLiteQueue

__all__ = ["KINDS", "Account", "play"]

PRODUCERS, CONSUMERS = 2, 2


def _file(**options: Any) -> Callable[[Path], Any]:
    return lambda path: Queue(path, chunksize=50, **options)


def _sqlite(cls: Any, **options: Any) -> Callable[[Path], Any]:
    return lambda path: cls(path, **options)


#: How a queue of each kind is opened, and whether its get settles.
KINDS: Final[dict[str, tuple[Callable[[Path], Any], bool]]] = {
    "file-full": (_file(durability="full"), False),
    "file-normal": (_file(durability="normal"), False),
    "file-off": (_file(durability="off"), False),
    "file-autosave-full": (_file(durability="full", autosave=True), True),
    "file-autosave-normal": (_file(durability="normal", autosave=True), True),
    "sqlite-full": (_sqlite(SQLiteQueue), True),
    "sqlite-normal": (_sqlite(SQLiteQueue, durability="normal"), True),
    "sqlite-off": (_sqlite(SQLiteQueue, durability="off"), True),
    "sqlite-hold": (_sqlite(SQLiteQueue, auto_commit=False), False),
    "sqlite-ack": (_sqlite(SQLiteAckQueue, keep_acked=50), False),
    "sqlite-ack-normal": (_sqlite(SQLiteAckQueue, keep_acked=50, durability="normal"), False),
}


@dataclass
class Account:
    """What is known of every item.

    Attributes:
        put: items whose put has returned.
        trying: items whose put was begun and has not returned.
        settled: items whose settling has returned.
        settling: items whose settling was begun and has not returned.
        items: how many puts have returned, in all rounds.
        rounds: how many there were.
        kills: how many processes were killed.
        again: items that came again, since a killed consumer had them.
        gone: with at most once: items that went with the consumer that was just getting them.
    """

    put: set[int] = field(default_factory=set)
    trying: set[int] = field(default_factory=set)
    settled: set[int] = field(default_factory=set)
    settling: set[int] = field(default_factory=set)
    items: int = 0
    rounds: int = 0
    kills: int = 0
    again: int = 0
    gone: int = 0

    def figures(self) -> dict[str, int]:
        """The sums."""
        return {
            "rounds": self.rounds,
            "kills": self.kills,
            "items": self.items,
            "again": self.again,
            "gone": self.gone,
        }


def _note(pipe: int, word: str, item: int) -> None:
    # One write below PIPE_BUF is all or nothing, and survives its writer.
    os.write(pipe, b"%s %d\n" % (word.encode(), item))


def _produce(open_queue: Callable[[], Any], pipe: int, first: int) -> None:
    queue = open_queue()
    for number in count():
        item = first + number
        if number % 5 == 4:
            _note(pipe, "try", item)
            _note(pipe, "try", item + 1_000_000_000)
            queue.put_many([item, item + 1_000_000_000])
            _note(pipe, "put", item)
            _note(pipe, "put", item + 1_000_000_000)
        else:
            _note(pipe, "try", item)
            queue.put(item)
            _note(pipe, "put", item)


def _consume(open_queue: Callable[[], Any], pipe: int, settles: bool) -> None:
    queue = open_queue()
    while True:
        with suppress(Empty):
            item = queue.get(timeout=0.05)
            _note(pipe, "got", item)
            if not settles:
                _note(pipe, "end", item)
                queue.ack(item) if hasattr(queue, "ack") else queue.task_done()
            _note(pipe, "settled", item)


def _fork(work: Callable[[int], None], pipe: int) -> int:
    child = os.fork()
    if child == 0:
        _work(work, pipe)
    return child


def _work(work: Callable[[int], None], pipe: int) -> NoReturn:
    try:
        work(pipe)
    except BaseException as error:
        os.write(pipe, f"error {type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(0)


def _round(
    open_queue: Callable[[], Any], settles: bool, account: Account, random: Random, first: int
) -> None:
    """Lets them loose, kills them, and checks what is left."""
    # One pipe for all of them: what they note stays in the order in which it happened.
    reading, writing = os.pipe()
    children = [
        _fork(lambda pipe, n=number: _produce(open_queue, pipe, first + n * 10_000), writing)  # type: ignore[misc]
        for number in range(PRODUCERS)
    ]
    children += [
        _fork(lambda pipe: _consume(open_queue, pipe, settles), writing) for _ in range(CONSUMERS)
    ]
    os.close(writing)
    doomed = children if random.random() < 0.7 else random.sample(children, 2)
    said = bytearray()
    _listen(reading, said, random.uniform(0.003, 0.04))
    for order in (doomed, [each for each in children if each not in doomed]):
        random.shuffle(order)
        for child in order:
            os.kill(child, signal.SIGKILL)
            account.kills += 1
        for child in order:
            os.waitpid(child, 0)
        if order is doomed and len(doomed) < len(children):
            # The others go on for a while with what the dead have left.
            _listen(reading, said, random.uniform(0.0, 0.02))
    while data := os.read(reading, 1 << 16):
        said += data
    os.close(reading)
    got: list[int] = []
    _book(account, said.decode(), got)
    repeated = len(got) - len(set(got))
    assert repeated <= CONSUMERS, f"{repeated} items came twice in one round"
    assert not (settles and repeated), "an item that was settled came twice"
    account.again += repeated
    _check(open_queue, settles, account)
    account.rounds += 1


def _listen(pipe: int, said: bytearray, seconds: float) -> None:
    """Takes what they note for a while, so that the pipe is never full."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        if select.select([pipe], [], [], left)[0]:
            if not (data := os.read(pipe, 1 << 16)):
                return
            said += data


def _book(account: Account, text: str, got: list[int]) -> None:
    for line in text.splitlines():
        word, _, rest = line.partition(" ")
        assert word != "error", rest
        item = int(rest)
        if word == "try":
            account.trying.add(item)
        elif word == "put":
            account.trying.discard(item)
            account.put.add(item)
            account.items += 1
        elif word == "got":
            assert item not in account.settled, f"{item} came again after it was settled"
            got.append(item)
        elif word == "end":
            account.settling.add(item)
        else:
            account.settling.discard(item)
            account.settled.add(item)


def _check(open_queue: Callable[[], Any], settles: bool, account: Account) -> None:
    """Whether the queue holds every item that it must, and none that it must not."""
    with open_queue() as queue:
        if hasattr(queue, "resume_unack_tasks"):
            queue.resume_unack_tasks()
        assert queue.verify() == []
        assert getattr(queue, "damage", []) == []
        there = list(queue.browse())
    held = set(there)
    assert len(held) == len(there), "an item is there twice"
    assert not held & account.settled, "a settled item is there again"
    unknown = held - account.put - account.trying
    assert not unknown, f"items that nobody put: {sorted(unknown)[:5]}"
    lost = account.put - account.settled - account.settling - held
    if settles:
        # At most once: it went with the consumer that was just getting it.
        assert len(lost) <= CONSUMERS, f"lost: {sorted(lost)[:5]}"
        account.gone += len(lost)
        account.put -= lost
    else:
        assert not lost, f"lost: {sorted(lost)[:5]}"
    # From here on it is known how the doubtful ones came out.
    account.put |= account.trying & held
    account.settled |= account.settling - held
    account.trying.clear()
    account.settling.clear()


def play(kind: str, path: Path, rounds: int, seed: int = 0) -> Account:
    """So many rounds on one queue; what came of them."""
    opener, settles = KINDS[kind]
    random = Random(seed)
    account = Account()
    for number in range(rounds):
        if number % 10 == 0:
            # A new queue, so that no round has to look at too much.
            path = path.with_name(f"{kind}-{number}")
            account.put.clear()
            account.settled.clear()
        _round(lambda path=path: opener(path), settles, account, random, 1 + number * 100_000)  # type: ignore[misc]
    return account


if __name__ == "__main__":
    outcome = play(
        sys.argv[1], Path(sys.argv[2]) / "queue", int(sys.argv[3]), *map(int, sys.argv[4:])
    )
    sys.stdout.write(json.dumps(outcome.figures()) + "\n")
