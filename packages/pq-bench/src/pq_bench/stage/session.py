"""`Session`: one player on one workload, round after round."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from pathlib import Path
from time import perf_counter
from typing import Any

from .crew import elsewhere
from .spec import Spec, item_of, stamped, stream

__all__ = ["MARK", "OpenPlayer", "Sample", "Session", "WrongCount"]

#: What a marked session looks for.
MARK = "/pq-bench-mark"

#: Makes a player whose storage is in this directory.
OpenPlayer = Callable[[Path], Any]


class WrongCount(Exception):
    """Items were lost or came twice: a figure would mean nothing."""


@dataclass(frozen=True)
class Sample:
    """What one round gave.

    Attributes:
        items: so many.
        seconds: for all of them.
        latencies: of the operations that were stamped, in nanoseconds.
    """

    items: int
    seconds: float
    latencies: list[int] = field(default_factory=list)


class Session:
    """Rounds of one workload on one player.

    Args:
        opened: makes the player.
        spec: the workload.
        root: where its directories are made, and removed.
        is_marked: look for a file named `MARK` before and after the loops, which nothing else
            does: a trace of system calls shows where they begin and end.
    """

    def __init__(
        self, opened: OpenPlayer, spec: Spec, root: Path, *, is_marked: bool = False
    ) -> None:
        self._is_marked = is_marked
        self._opened = opened
        self._spec = spec
        self._root = root
        self._item = item_of(spec.size)
        self._standing: Any = None
        self._directory: Path | None = None

    def play(self, count: int, record: bool = False) -> Sample:
        """One round over `count` items.

        Args:
            count: of items; see `Spec.whole`.
            record: stamp each operation, which costs a tenth of a microsecond each.

        Raises:
            WrongCount: the queue does not hold what it must afterwards.
        """
        player = self._ready()
        try:
            return self._played(player, count, record)
        finally:
            if not self._spec.is_standing:
                self.close()

    def close(self) -> None:
        """Closes the player and removes what it stored."""
        player, self._standing = self._standing, None
        directory, self._directory = self._directory, None
        try:
            if player is not None:
                player.close()
        finally:
            if directory is not None:
                shutil.rmtree(directory, ignore_errors=True)

    def _ready(self) -> Any:
        if self._standing is None:
            self._directory = Path(tempfile.mkdtemp(dir=self._root))
            self._standing = self._opened(self._directory)
            spec = self._spec
            if spec.history:
                self._standing.age(self._item, spec.history)
            if spec.depth:
                self._standing.fill(stream(self._item, spec.depth, spec.kind))
        return self._standing

    def _played(self, player: Any, count: int, record: bool) -> Sample:
        spec = self._spec
        if spec.shape in ("take", "take_many"):
            player.fill(stream(self._item, count, spec.kind))
        stamps: list[list[int]] = []

        def loop(shape: str, share: int) -> Callable[[], None]:
            """One thread's part."""
            play = getattr(player, shape)
            items = self._items(shape, share)
            if record:
                stamps.append([])
                items = stamped(items, stamps[-1])
            if shape == "take_many":
                return lambda: play(items, spec.batch)
            return lambda: play(items)

        if self._is_marked:
            os.path.exists(MARK)
        if spec.shape != "through":
            loops = [loop(spec.shape, count // spec.threads) for _ in range(spec.threads)]
            seconds = _timed(loops[0]) if spec.threads == 1 else _together(loops, player)
        elif spec.processes:
            assert self._directory is not None
            seconds = elsewhere(self._opened, self._directory, spec, count)
        else:
            puts = [loop("put", count // spec.producers) for _ in range(spec.producers)]
            takes = [loop("take", count // spec.consumers) for _ in range(spec.consumers)]
            seconds = _together([*puts, *takes], player)
        if self._is_marked:
            os.path.exists(MARK)
        self._check(player, count)
        return Sample(count, seconds, [each for times in stamps for each in _gaps(times)])

    def _items(self, shape: str, share: int) -> Iterator[Any]:
        spec = self._spec
        if shape in ("put_many", "take_many"):
            return repeat([self._item] * spec.batch, share // spec.batch)
        return stream(self._item, share, spec.kind)

    def _check(self, player: Any, count: int) -> None:
        shape = self._spec.shape
        if shape in ("set", "look_up"):
            return
        expected = self._spec.depth + (count if shape in ("put", "put_many") else 0)
        found = player.size()
        if found != expected:
            raise WrongCount(
                f"after {shape} of {count} items the queue holds {found}, not {expected}"
            )


def _gaps(stamps: list[int]) -> Iterator[int]:
    return (after - before for before, after in pairwise(stamps))


def _timed(loop: Callable[[], None]) -> float:
    start = perf_counter()
    loop()
    return perf_counter() - start


def _together(loops: list[Callable[[], None]], player: Any) -> float:
    """Seconds from when all threads are ready to when all are done."""
    barrier = threading.Barrier(len(loops) + 1)
    failures: list[BaseException] = []

    def run(loop: Callable[[], None]) -> None:
        try:
            barrier.wait()
            loop()
        except BaseException as error:
            failures.append(error)

    # Daemons: an interrupted run must be able to end.
    threads = [threading.Thread(target=run, args=(loop,), daemon=True) for loop in loops]
    try:
        for thread in threads:
            thread.start()
        barrier.wait()
        start = perf_counter()
        for thread in threads:
            while thread.is_alive() and not failures:
                thread.join(0.1)
        seconds = perf_counter() - start
    except BaseException:
        _stop(threads, barrier, player)
        raise
    if failures:
        _stop(threads, barrier, player)
        raise failures[0]
    return seconds


def _stop(threads: list[threading.Thread], barrier: threading.Barrier, player: Any) -> None:
    """Ends threads in mid-work: what they play on is closed under them."""
    barrier.abort()
    with suppress(Exception):
        player.close()
    for thread in threads:
        thread.join(2)
