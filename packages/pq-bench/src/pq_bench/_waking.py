"""How soon a blocked get notices a put, and what it costs to wait."""

from __future__ import annotations

import multiprocessing
import random
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty
from time import monotonic_ns
from typing import Any

from pq_bench._queues import OpenQueue
from pq_bench._readings import Reading
from pq_bench._statistics import latency_of
from pq_bench.floors import MemoryFloor
from pq_bench.stage.spec import ITEM

__all__ = ["wake_ups"]

#: Seconds between two puts: enough for the other side to fall asleep in every way it has.
_PAUSE = (0.005, 0.08)
#: Seconds that a get waits in vain while its use of the processor is counted.
_IDLE = 2.0
#: Seconds after which a get that should have returned is given up.
_PATIENCE = 30.0


def wake_ups(opened: OpenQueue, root: Path, samples: int) -> list[Reading]:
    """The wake-ups of one backend, in the same process and in another one."""
    name = opened.backend.name
    here = _in_threads(opened, root, samples)
    floor = _of_memory(root, samples) if name == "memory" else _in_turn(opened, root, samples)
    found = [_told(f"{name}: wake-up, same process, p99", here, 2.0, floor)]
    if name == "memory":
        return found
    there, idle = _elsewhere(opened, root, samples)
    pipe = _through_pipe(samples)
    found.append(_told(f"{name}: wake-up, other process, p99", there, 50.0, pipe))
    found.append(Reading(f"{name}: waiting for another process", idle * 100, "%", 1.0, "of a core"))
    return found


def _told(what: str, found: list[int], goal: float, floor: list[int]) -> Reading:
    told = latency_of(found)
    return Reading(
        what,
        told.p99 / 1e3,
        "ms",
        goal,
        f"p50 {told.p50 / 1e3:.2f} ms, most {told.highest / 1e3:.2f} ms, of {len(found)}",
        latency_of(floor).p99 / 1e3,
    )


@cache
def _of_memory(root: Path, samples: int) -> list[int]:
    """What a queue in memory takes; the same for every backend."""
    return _in_threads(lambda _directory: MemoryFloor(), root, samples)


def _in_turn(opened: OpenQueue, root: Path, samples: int) -> list[int]:
    """A put and then a get, where nobody waits: what is left is what the waking takes."""
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
        player = opened(Path(name))
        found = []
        try:
            for _ in range(samples):
                time.sleep(random.uniform(*_PAUSE))
                start = monotonic_ns()
                player.put(iter([ITEM]))
                player.take(iter([None]))
                found.append(monotonic_ns() - start)
        finally:
            player.close()
        return found


def _in_threads(opened: Callable[[Path], Any], root: Path, samples: int) -> list[int]:
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
        player = opened(Path(name))
        woken: list[int] = []
        done = threading.Semaphore(0)

        def wait() -> None:
            with suppress(Exception):  # closed by an interrupt
                for _ in range(samples):
                    player.take(iter([None]))
                    woken.append(monotonic_ns())
                    done.release()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        found = []
        try:
            for index in range(samples):
                time.sleep(random.uniform(*_PAUSE))
                start = monotonic_ns()
                player.put(iter([ITEM]))
                if not done.acquire(timeout=_PATIENCE):
                    raise RuntimeError("a blocked get did not notice a put")
                found.append(woken[index] - start)
        finally:
            player.close()
            thread.join(1)
        return found


def _elsewhere(opened: OpenQueue, root: Path, samples: int) -> tuple[list[int], float]:
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
        player = opened(Path(name))
        process = context.Process(
            target=_wait, args=(opened, Path(name), samples, theirs), daemon=True
        )
        process.start()
        theirs.close()
        try:
            idle = float(_received(mine))
            found = []
            for _ in range(samples):
                time.sleep(random.uniform(*_PAUSE))
                start = monotonic_ns()
                player.put(iter([ITEM]))
                found.append(int(_received(mine)) - start)
            return found, idle
        finally:
            process.kill()
            process.join()
            player.close()


def _received(pipe: Connection) -> Any:
    if not pipe.poll(_PATIENCE):
        raise RuntimeError("a get that waits in another process did not notice a put")
    return pipe.recv()


def _wait(opened: OpenQueue, directory: Path, samples: int, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    player = opened(directory)
    used, start = time.process_time(), time.monotonic()
    with suppress(Empty):
        player.queue.get(timeout=_IDLE)
    pipe.send((time.process_time() - used) / (time.monotonic() - start))
    for _ in range(samples):
        player.take(iter([None]))
        pipe.send(monotonic_ns())
    player.close()


@cache
def _through_pipe(samples: int) -> list[int]:
    """What the operating system takes to wake another process that reads from a pipe."""
    context = multiprocessing.get_context("spawn")
    reading, writing = context.Pipe(duplex=False)
    mine, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_echo, args=(reading, samples, theirs), daemon=True)
    process.start()
    theirs.close()
    try:
        _received(mine)
        found = []
        for _ in range(samples):
            time.sleep(random.uniform(*_PAUSE))
            start = monotonic_ns()
            writing.send(ITEM)
            found.append(int(_received(mine)) - start)
        return found
    finally:
        process.kill()
        process.join()


def _echo(reading: Connection, samples: int, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    pipe.send(0)
    for _ in range(samples):
        reading.recv()
        pipe.send(monotonic_ns())
