"""One piece of work in a fresh interpreter: opening a queue, or a round that is traced."""

from __future__ import annotations

import base64
import json
import pickle
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pq_bench._queues import OpenQueue
from pq_bench.stage.session import Session
from pq_core.disk import DISK
from pq_core.registry import backends

__all__ = ["command", "main"]


def command(work: str, *arguments: Any) -> list[str]:
    """What to run: "open" (an `OpenQueue`, a directory) or "play" (an opener, a root, a count)."""
    # Made here and read by the child that is started with it, by nobody else.
    packed = base64.b85encode(pickle.dumps(arguments)).decode()
    return [sys.executable, "-m", "pq_bench._solo", work, packed]


def main() -> None:
    """Does it, and writes what there is to tell as JSON."""
    work, packed = sys.argv[1:]
    works: dict[str, Callable[..., Any]] = {"open": _open, "play": _play}
    told = works[work](*pickle.loads(base64.b85decode(packed)))
    json.dump(told, sys.stdout)


def _open(opened: OpenQueue, directory: Path, measure_memory: bool, after_boot: bool) -> Any:
    backends()[opened.backend.name].load()
    options: dict[str, Any] = {}
    if after_boot:
        options["disk"] = replace(DISK, boot_id=lambda: b"another boot ...")
    resident = _resident()
    if measure_memory:
        tracemalloc.start()
    start = time.perf_counter()
    player = opened.with_options(directory, options)
    seconds = time.perf_counter() - start
    traced = tracemalloc.get_traced_memory()[1] if measure_memory else 0
    grown = _resident() - resident
    size = player.size()
    player.close()
    return {"seconds": seconds, "bytes": max(traced, 0 if measure_memory else grown), "size": size}


def _resident() -> int:
    """Bytes of this process in memory, or 0 where the system does not tell."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * 4096


def _play(opened: Any, root: Path, count: int) -> Any:
    session = Session(opened, opened.spec, root, is_marked=True)
    try:
        session.play(count)
    finally:
        session.close()
    return {}


if __name__ == "__main__":
    main()
