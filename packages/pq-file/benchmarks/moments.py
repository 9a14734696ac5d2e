"""What is measured by itself, without a floor: wake-ups, opening, imports, system calls."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Final

from common import Options, clean_environment, fresh, quartiles
from floors import BATCH, ITEM

from pq_file import Queue

__all__ = ["show_calls", "show_imports", "show_opening", "show_wake_ups"]

HERE: Final = Path(__file__).parent


# -- waking up --------------------------------------------------------------------------------


def wake_thread(root: Path, samples: int) -> list[float]:
    """Seconds from before a put to the return of a get that waits in another thread."""
    with fresh(root) as directory, Queue[Any](directory / "queue", autosave=True) as queue:
        woken: list[float] = []
        done = threading.Semaphore(0)

        def wait() -> None:
            for _ in range(samples):
                queue.get()
                woken.append(perf_counter())
                done.release()

        thread = threading.Thread(target=wait)
        thread.start()
        found = []
        for index in range(samples):
            time.sleep(random.uniform(0.005, 0.1))
            start = perf_counter()
            queue.put(ITEM)
            done.acquire()
            found.append(woken[index] - start)
        thread.join()
        return found


def wake_process(root: Path, samples: int) -> tuple[list[float], float]:
    """The same with the get in another process; and the share of a core it takes to wait."""
    context = multiprocessing.get_context("spawn")
    mine, theirs = context.Pipe(duplex=False)
    with fresh(root) as directory, Queue[Any](directory / "queue") as queue:
        path = directory / "queue"
        process = context.Process(target=_wait, args=(path, samples, theirs), daemon=True)
        process.start()
        idle = float(mine.recv())
        found = []
        for _ in range(samples):
            time.sleep(random.uniform(0.005, 0.1))
            start = monotonic()
            queue.put(ITEM)
            found.append(float(mine.recv()) - start)
        process.join()
        return found, idle


def _wait(path: Path, samples: int, pipe: Connection) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends us
    with Queue[Any](path, autosave=True) as queue:
        used, start = time.process_time(), monotonic()
        with suppress(Exception):
            queue.get(timeout=3)
        pipe.send((time.process_time() - used) / (monotonic() - start))
        for _ in range(samples):
            queue.get()
            pipe.send(monotonic())


def show_wake_ups(root: Path, options: Options) -> None:
    """Prints how long a blocked get takes to notice a put."""
    samples = max(10, 20 * options.rounds)
    thread = wake_thread(root, samples)
    process, idle = wake_process(root, samples)
    for name, found, goal in (("same process", thread, 2.0), ("other process", process, 50.0)):
        found.sort()
        p50, p99 = found[len(found) // 2] * 1e3, found[int(len(found) * 0.99)] * 1e3
        verdict = "yes" if p99 < goal else "NO"
        print(
            f"wake-up, {name}: p50 {p50:.2f} ms, p99 {p99:.2f} ms of {samples} "
            f"(goal: p99 under {goal:g} ms: {verdict})"
        )
    print(f"waiting for another process: {idle:.2%} of a core (goal: under 1 %)")


# -- opening, importing -----------------------------------------------------------------------

_OPEN: Final = """
import sys, time, tracemalloc
from dataclasses import replace
from pq_core.disk import DISK
from pq_file import Queue
disk = replace(DISK, boot_id=lambda: b"another boot ...") if sys.argv[3] == "boot" else DISK
if sys.argv[2] == "memory":
    tracemalloc.start()
start = time.perf_counter()
queue = Queue(sys.argv[1], disk=disk)
took = time.perf_counter() - start
print(tracemalloc.get_traced_memory()[1] / 1e6 if sys.argv[2] == "memory" else took * 1e3)
assert queue.qsize() == int(sys.argv[4])
queue.close()
"""


def ask(code: str, *arguments: object, python: str = sys.executable) -> float:
    """The number that a fresh interpreter prints."""
    command = [python, "-c", code, *map(str, arguments)]
    env = None if python == sys.executable else clean_environment()
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    return float(done.stdout)


def show_opening(root: Path, options: Options) -> None:
    """Prints what it takes to open a queue of a million items."""
    count = options.count or 1_000_000
    with fresh(root) as directory:
        path = directory / "queue"
        with Queue[Any](path) as queue:
            for _ in range(count // BATCH):
                queue.put_many([ITEM] * BATCH)
        count = count // BATCH * BATCH
        for kind, name in (("plain", ""), ("boot", ", first after a boot")):
            times, peaks = [], []
            for _ in range(options.rounds):
                if kind == "boot":
                    # Back in this boot first, so that each of the others is a first one.
                    ask(_OPEN, path, "time", "plain", count)
                times.append(ask(_OPEN, path, "time", kind, count))
            for _ in range(2):
                if kind == "boot":
                    ask(_OPEN, path, "time", "plain", count)
                peaks.append(ask(_OPEN, path, "memory", kind, count))
            low, middle, high = quartiles(times)
            verdict = "yes" if middle < 50 and max(peaks) < 5 else "NO"
            print(
                f"open, {count:,} items waiting{name}: {middle:.1f} ms ({low:.1f}..{high:.1f}), "
                f"{max(peaks):.2f} MB (goal: under 50 ms, 5 MB: {verdict})"
            )


_IMPORT: Final = """
import time
start = time.perf_counter()
import {0}
print((time.perf_counter() - start) * 1e3)
"""


def show_imports(options: Options) -> None:
    """Prints how long the imports take, each in fresh interpreters."""
    names = ["pickle", "pq_file"]
    with suppress(subprocess.CalledProcessError):
        ask("import persistqueue._wheels; print(0)")
        names.append("persistqueue")
    rounds = 3 * options.rounds
    found = {name: [ask(_IMPORT.format(name)) for _ in range(rounds)] for name in names}
    for name, times in found.items():
        low, middle, high = quartiles(times)
        note = " (a floor: the standard library's)" if name == "pickle" else ""
        if name == "persistqueue":
            note = f" (goal: under 25 ms: {'yes' if middle < 25 else 'NO'})"
        print(f"import {name}: {middle:.1f} ms ({low:.1f}..{high:.1f}){note}")
    if options.predecessor:
        times = [
            ask(_IMPORT.format("persistqueue"), python=options.predecessor) for _ in range(rounds)
        ]
        low, middle, high = quartiles(times)
        print(f"import persistqueue of the predecessor: {middle:.1f} ms ({low:.1f}..{high:.1f})")


# -- system calls -----------------------------------------------------------------------------

_CALLS: Final = """
import sys
from pq_file import Queue
from floors import ITEM
queue = Queue(sys.argv[1])
for _ in range(int(sys.argv[2])):
    queue.put(ITEM)
for _ in range(int(sys.argv[3])):
    queue.get()
    queue.task_done()
"""
_LINE: Final = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$", re.MULTILINE)


def traced(command: list[str], root: Path, env: dict[str, str]) -> dict[str, int]:
    """How often a command makes each system call."""
    report = root / "strace"
    whole = ["strace", "-f", "-c", "-o", str(report), *command]
    subprocess.run(whole, check=True, env=env, stdout=subprocess.DEVNULL)
    found = _LINE.findall(report.read_text())
    return {name: int(calls) for calls, name in found if name != "total"}


def show_calls(root: Path, options: Options) -> None:
    """Prints the system calls of a put and of a get with its task_done."""
    if shutil.which("strace") is None:
        print("system calls: no strace here")
        return
    count = 2000

    def ours(puts: int, gets: int) -> dict[str, int]:
        with fresh(root) as directory:
            command = [sys.executable, "-c", _CALLS, str(directory / "queue"), str(puts), str(gets)]
            paths = [str(HERE), os.environ.get("PYTHONPATH", "")]
            return traced(command, root, {**os.environ, "PYTHONPATH": os.pathsep.join(paths)})

    nothing, puts, gets = ours(0, 0), ours(count, 0), ours(count, count)
    print(f"system calls, put, normal: {told(nothing, puts, count)} (goal: 1 write and locks)")
    print(f"system calls, get + task_done, normal: {told(puts, gets, count)}")
    if options.predecessor:

        def theirs(name: str, count: int) -> dict[str, int]:
            with fresh(root) as directory:
                script = [options.predecessor, str(HERE / "predecessor.py")]
                command = [*script, name, str(count), str(directory / "queue")]
                return traced(command, root, clean_environment())

        nothing, puts = theirs("put", 0), theirs("put", count)
        gets = theirs("get", count)
        print(f"system calls, put, predecessor: {told(nothing, puts, count)}")
        print(f"system calls, get + task_done, predecessor: {told(puts, gets, count)}")


def told(before: dict[str, int], after: dict[str, int], count: int) -> str:
    """The difference of two traces, for each of `count` items."""
    each = {name: (calls - before.get(name, 0)) / count for name, calls in after.items()}
    shown = {name: number for name, number in each.items() if number >= 0.05}
    parts = sorted(shown.items(), key=lambda part: -part[1])
    names = ", ".join(f"{name} {number:.2f}" for name, number in parts)
    return f"{sum(shown.values()):.1f} an item: {names}"
