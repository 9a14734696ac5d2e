"""Uses a queue for a long time, and looks at what the process and the disk hold meanwhile.

Run as ``python -m tests.soak.soak KIND DIRECTORY SECONDS``; the last line of its output is JSON. The
queue is put to and got from by threads, opened anew, grown and emptied; then memory, open files and disk at the end are
compared with those after a first part of the time.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pq_core.errors import Empty
from pq_file import Queue
from pq_sqlite import SQLiteAckQueue, SQLiteQueue

__all__ = ["KINDS", "soak"]

KINDS: Final[dict[str, Callable[[Path], Any]]] = {
    "file": lambda path: Queue(path, chunksize=500),
    "sqlite": lambda path: SQLiteQueue(path, durability="normal"),
    "ack": lambda path: SQLiteAckQueue(path, durability="normal", keep_acked=100),
}
#: Items of a burst, and their size in bytes: some MiB come and go.
_BURST, _SIZE = 400, 2000
#: Seconds between two bursts, so that a soak leaves the machine to others as well.
_PAUSE: Final = 0.02


def _memory() -> int:
    """Resident bytes of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _disk(path: Path) -> int:
    # The room kept for a full disk is made at some time, once and for all.
    files = [file for file in path.rglob("*") if not file.name.endswith("-reserve")]
    return sum(file.stat().st_size for file in files if file.is_file())


def _look(path: Path) -> dict[str, int]:
    return {
        "memory": _memory(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "disk": _disk(path),
    }


def _drain(queue: Any, got: list[int], is_over: threading.Event) -> None:
    while True:
        try:
            number, payload = queue.get(timeout=0.05)
        except Empty:
            if is_over.is_set():
                return
        else:
            if hasattr(queue, "ack_many"):
                queue.ack((number, payload))
            else:
                queue.task_done()
            got.append(number)


def soak(kind: str, path: Path, seconds: float) -> dict[str, Any]:
    """Uses a queue for so long; what the process held after a fifth of the time, and at the end."""
    opener = KINDS[kind]
    began = time.monotonic()
    until, settled = began + seconds, began + seconds / 5
    first: dict[str, int] | None = None
    total = rounds = 0
    pause = threading.Event()
    while time.monotonic() < until:
        queue, other = opener(path), opener(path)
        got: list[list[int]] = [[], []]
        is_over = threading.Event()
        workers = [
            threading.Thread(target=_drain, args=(each, found, is_over))
            for each, found in ((queue, got[0]), (other, got[1]))
        ]
        numbers = range(total, total + _BURST)
        queue.put_many([(number, b"x" * _SIZE) for number in numbers[: _BURST // 2]])
        for worker in workers:
            worker.start()
        for number in numbers[_BURST // 2 :]:
            other.put((number, b"x" * _SIZE))
        is_over.set()
        for worker in workers:
            worker.join()
        assert sorted([*got[0], *got[1]]) == list(numbers)
        assert queue.qsize() == 0
        queue.close()
        other.close()
        total += _BURST
        rounds += 1
        if first is None and time.monotonic() >= settled:
            first = _look(path)
        pause.wait(_PAUSE)
    with opener(path) as queue:
        assert queue.verify() == []
    return {"items": total, "rounds": rounds, "first": first, "last": _look(path)}


if __name__ == "__main__":
    outcome = soak(sys.argv[1], Path(sys.argv[2]) / "queue", float(sys.argv[3]))
    sys.stdout.write(json.dumps(outcome) + os.linesep)
