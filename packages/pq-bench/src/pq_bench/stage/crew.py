"""Producers and consumers in processes of their own."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import monotonic
from typing import Any

from .spec import Spec, item_of, stream

__all__ = ["CrewFailed", "elsewhere"]

#: Seconds after which a process that is not ready, or not done, is given up.
PATIENCE = 120.0


class CrewFailed(Exception):
    """A process of a producer or consumer did not do its part."""


def elsewhere(opened: Callable[[Path], Any], directory: Path, spec: Spec, count: int) -> float:
    """Seconds from when the first of the processes begins to when the last of them is done.

    Args:
        opened: makes a player of the queue in this directory; can be pickled.
        directory: of the queue.
        spec: how many producers and consumers.
        count: of items, shared out evenly.

    Raises:
        CrewFailed: a process failed or did not come to an end.
    """
    context = multiprocessing.get_context("spawn")
    parts = [("put", count // spec.producers)] * spec.producers
    parts += [("take", count // spec.consumers)] * spec.consumers
    barrier = context.Barrier(len(parts) + 1)
    pipes, processes = [], []
    try:
        for shape, share in parts:
            mine, theirs = context.Pipe(duplex=False)
            arguments = (opened, directory, spec, shape, share, barrier, theirs)
            process = context.Process(target=_work, args=arguments, daemon=True)
            process.start()
            theirs.close()
            pipes.append(mine)
            processes.append(process)
        for pipe in pipes:
            _heard(pipe)  # it is ready: a barrier alone would not notice one that died
        barrier.wait(PATIENCE)
        # They tell when they begin: this process may get on only after they are done.
        begins = [_heard(pipe) for pipe in pipes]
        ends = [_heard(pipe) for pipe in pipes]
        for process in processes:
            process.join()
        return max(ends) - min(begins)
    finally:
        for process in processes:
            process.kill()
            process.join()


def _heard(pipe: Connection) -> float:
    """When a process was ready, has begun or was done."""
    try:
        if not pipe.poll(PATIENCE):
            raise CrewFailed(f"a process was not done after {PATIENCE:g} s: items were lost")
        moment: float | str = pipe.recv()
    except EOFError:
        raise CrewFailed("a process ended before it was done") from None
    if isinstance(moment, str):
        raise CrewFailed(f"a process failed: {moment}")
    return moment


def _work(
    opened: Callable[[Path], Any],
    directory: Path,
    spec: Spec,
    shape: str,
    share: int,
    barrier: Barrier,
    pipe: Connection,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    try:
        player = opened(directory)
        items = stream(item_of(spec.size), share, spec.kind)
        pipe.send(monotonic())
        barrier.wait(PATIENCE)
        begin = monotonic()
        getattr(player, shape)(items)
        end = monotonic()
        pipe.send(begin)
        pipe.send(end)
        player.close()
    except Exception as error:
        barrier.abort()
        pipe.send(f"{type(error).__name__}: {error}")
