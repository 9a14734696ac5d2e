"""How fast the file queue is, beside what the system calls alone cost.

    python packages/pq-file/benchmarks/speed.py
    python packages/pq-file/benchmarks/speed.py --only put --rounds 9
    python packages/pq-file/benchmarks/speed.py --predecessor /some/venv/bin/python

Each line compares the queue with its floor (see floors.py): the same item, the same disk, the
same durability, in turn: floor, ours, floor, ours … What is printed is the median of the ratios
of neighbours, and between which quartiles they lie; rates are medians. With `--predecessor`, an
interpreter in which persist-queue is installed takes its turn as well. It syncs nothing, so it
is compared on every line with the only durability it has.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier
from pathlib import Path
from time import monotonic, perf_counter
from typing import Final

import floors
from floors import BATCH, ITEM

from pq_core.disk import DISK
from pq_core.protocols import Durability
from pq_file import Queue

HERE: Final = Path(__file__).parent
#: What a workload is: given a directory of its own and a count of items, the seconds it took.
Workload = Callable[[Path, int], float]
#: No workload is measured over fewer items than this.
FEWEST: Final = 200


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: of the line; `--only` looks for its argument in it.
        ours: the queue's workload.
        floor: what it is compared with.
        label: what the floor is called.
        goal: the least share of the floor.
        predecessor: the workload of predecessor.py, or "".
    """

    name: str
    ours: Workload
    floor: Workload
    label: str
    goal: float
    predecessor: str = ""


# -- the queue's side -------------------------------------------------------------------------


def put(directory: Path, count: int, *, durability: Durability, threads: int = 1) -> float:
    """Seconds for `count` puts from this many threads."""
    with Queue(directory / "queue", durability=durability) as queue:

        def some() -> None:
            for _ in range(count // threads):
                queue.put(ITEM)

        if threads == 1:
            start = perf_counter()
            some()
            return perf_counter() - start
        workers = [threading.Thread(target=some) for _ in range(threads)]
        start = perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return perf_counter() - start


def put_many(directory: Path, count: int) -> float:
    """Seconds for `count` items in batches."""
    batch = [ITEM] * BATCH
    with Queue(directory / "queue") as queue:
        start = perf_counter()
        for _ in range(count // BATCH):
            queue.put_many(batch)
        return perf_counter() - start


def get(directory: Path, count: int) -> float:
    """Seconds for `count` times get and task_done."""
    with Queue(directory / "queue") as queue:
        for _ in range(count):
            queue.put(ITEM)
        start = perf_counter()
        for _ in range(count):
            queue.get()
            queue.task_done()
        return perf_counter() - start


def get_many(directory: Path, count: int) -> float:
    """Seconds for `count` items got in batches, each followed by one task_done."""
    with Queue(directory / "queue") as queue:
        for _ in range(count // BATCH):
            queue.put_many([ITEM] * BATCH)
        start = perf_counter()
        for _ in range(count // BATCH):
            if len(queue.get_many(BATCH)) != BATCH:
                raise ValueError("a batch was not full")
            queue.task_done()
        return perf_counter() - start


def through(directory: Path, count: int) -> float:
    """Seconds from the first put of two producers to the last task_done of two consumers."""
    context = multiprocessing.get_context("spawn")
    barrier = context.Barrier(5)
    path = directory / "queue"
    with Queue(path) as queue:
        producers = [
            context.Process(target=_produce, args=(path, count // 2, barrier), daemon=True)
            for _ in range(2)
        ]
        pipes, consumers = [], []
        for _ in range(2):
            mine, theirs = context.Pipe(duplex=False)
            pipes.append(mine)
            consumers.append(
                context.Process(target=_consume, args=(path, barrier, theirs), daemon=True)
            )
        for process in (*producers, *consumers):
            process.start()
        barrier.wait()
        start = monotonic()
        for process in producers:
            process.join()
        queue.put_many([None, None])
        results = [pipe.recv() for pipe in pipes]
        for process in consumers:
            process.join()
    if sum(got for got, _ in results) != count // 2 * 2:
        raise ValueError("items were lost or came twice")
    return float(max(end for _, end in results) - start)


def _produce(path: Path, count: int, barrier: Barrier) -> None:
    with Queue(path) as queue:
        barrier.wait()
        for _ in range(count):
            queue.put(ITEM)


def _consume(path: Path, barrier: Barrier, pipe: Connection) -> None:
    with Queue(path) as queue:
        barrier.wait()
        got = 0
        while queue.get() is not None:
            queue.task_done()
            got += 1
        end = monotonic()
        queue.task_done()
        pipe.send((got, end))


L2: Final = partial(floors.append, sync=DISK.datasync)
ROWS: Final = (
    Row("put, normal", partial(put, durability="normal"), floors.append, "L1", 0.5, "put"),
    Row("get + task_done, normal", get, floors.consume, "read+cursor", 0.4, "get"),
    Row("put_many(100), normal", put_many, floors.append_batches, "1 write/100", 0.8, "put"),
    Row(
        "get_many(100) + task_done, normal",
        get_many,
        floors.consume_batches,
        "1 read/100",
        0.8,
        "get",
    ),
    Row("put, full, 1 thread", partial(put, durability="full"), L2, "L2", 0.9, "put"),
    Row(
        "put, full, 8 threads",
        partial(put, durability="full", threads=8),
        L2,
        "L2, 1 thread",
        4.0,
        "put8",
    ),
    Row("put, off", partial(put, durability="off"), floors.append, "L1", 0.5, "put"),
    Row("2 + 2 processes, normal", through, floors.append, "L1", 0.25),
)


# -- comparing --------------------------------------------------------------------------------


class Predecessor:
    """persist-queue in another interpreter, taking its turns."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, str(HERE / "predecessor.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )

    def run(self, name: str, directory: Path, count: int) -> float:
        """Seconds that a workload took there."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{name} {count} {directory / 'queue'}\n")
        self._process.stdin.flush()
        return float(self._process.stdout.readline())

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()


def clean_environment() -> dict[str, str]:
    """The environment without what would let the other interpreter find our packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@contextmanager
def fresh(root: Path) -> Iterator[Path]:
    """A directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(dir=root))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def calibrated(workload: Workload, root: Path, seconds: float) -> int:
    """How many items make a workload take this long; warms it up as well."""
    count = FEWEST
    while True:
        with fresh(root) as directory:
            took = workload(directory, count)
        if took >= seconds / 4 or count >= 5_000_000:
            return max(FEWEST, round(count * seconds / took / 800) * 800)
        count *= 4


def rate(workload: Workload, root: Path, count: int) -> float:
    """Items per second."""
    with fresh(root) as directory:
        return count / workload(directory, count)


def compare(row: Row, root: Path, options: Options, predecessor: Predecessor | None) -> list[str]:
    """The cells of a line."""
    workloads: list[Workload] = [row.floor, row.ours]
    if predecessor is not None and row.predecessor:
        workloads.append(partial(predecessor.run, row.predecessor))
    counts = [options.count or calibrated(each, root, options.seconds) for each in workloads]
    rates: list[list[float]] = [[] for _ in workloads]
    for _ in range(options.rounds):
        for workload, count, found in zip(workloads, counts, rates, strict=True):
            found.append(rate(workload, root, count))
    ratios = [ours / floor for floor, ours in zip(*rates[:2], strict=True)]
    low, middle, high = quartiles(ratios)
    cells = [
        row.name,
        f"{statistics.median(rates[1]):,.0f}",
        f"{statistics.median(rates[0]):,.0f}",
        row.label,
        f"{middle:.2f}",
        f"{low:.2f}..{high:.2f}",
        f"{row.goal:.2f}",
        "yes" if middle >= row.goal else "NO",
    ]
    if len(rates) > 2:
        times = [ours / theirs for ours, theirs in zip(rates[1], rates[2], strict=True)]
        cells += [f"{statistics.median(rates[2]):,.0f}", f"{statistics.median(times):.1f} x"]
    return cells


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


# -- waking up --------------------------------------------------------------------------------


def wake_thread(root: Path, samples: int) -> list[float]:
    """Seconds from before a put to the return of a get that waits in another thread."""
    with fresh(root) as directory, Queue(directory / "queue", autosave=True) as queue:
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
    with fresh(root) as directory, Queue(directory / "queue") as queue:
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
    with Queue(path, autosave=True) as queue:
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
        with Queue(path) as queue:
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


# -- the whole of it --------------------------------------------------------------------------


class Options(argparse.Namespace):
    """What the command line said."""

    seconds: float
    count: int
    rounds: int
    only: list[str]
    dir: Path | None
    predecessor: str


def parsed() -> Options:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=0.4, help="of each measurement (0.4)")
    parser.add_argument("--count", type=int, default=0, help="items, instead of --seconds")
    parser.add_argument("--rounds", type=int, default=7, help="of floor and ours in turn (7)")
    parser.add_argument(
        "--only", action="append", default=[], metavar="WORD", help="lines with this in their name"
    )
    parser.add_argument("--dir", type=Path, help="where to write (a directory on the disk to test)")
    parser.add_argument(
        "--predecessor", default="", metavar="PYTHON", help="one that has persist-queue installed"
    )
    return parser.parse_args(namespace=Options())


HEADINGS: Final = ("what", "ours/s", "floor/s", "floor", "share", "quartiles", "goal", "met")


def show_table(root: Path, options: Options, predecessor: Predecessor | None) -> None:
    """Prints the lines that are compared with a floor, each as soon as it is known."""
    rows = [row for row in ROWS if wanted(row.name, options)]
    if not rows:
        return
    headings = [*HEADINGS, *(["pred./s", "times pred."] if predecessor else [])]
    widths = [33, 10, 10, 12, 6, 11, 5, 3, 8, 11]
    show(headings, widths)
    for row in rows:
        show(compare(row, root, options, predecessor), widths)
    print()


def show(cells: list[str], widths: list[int]) -> None:
    """Prints one line of the table."""
    texts = [
        cell.ljust(width) if index in (0, 3) else cell.rjust(width)
        for index, (cell, width) in enumerate(zip(cells, widths, strict=False))
    ]
    print("  ".join(texts).rstrip(), flush=True)


def wanted(name: str, options: Options) -> bool:
    """Whether a line is to be printed."""
    return not options.only or any(word in name for word in options.only)


def main() -> int:
    """Runs what was asked for. Leaves nothing behind, after Ctrl-C neither."""
    options = parsed()
    predecessor = None
    print(
        f"Python {sys.version.split()[0]}, {sys.platform}, {os.cpu_count()} cores; an item is "
        f"{len(floors.PAYLOAD)} bytes; {options.rounds} rounds\n"
    )
    root = Path(tempfile.mkdtemp(prefix="pq-speed-", dir=options.dir))
    try:
        if options.predecessor:
            predecessor = Predecessor(options.predecessor)
        show_table(root, options, predecessor)
        if wanted("wake-up", options):
            show_wake_ups(root, options)
        if wanted("open", options):
            show_opening(root, options)
        if wanted("import", options):
            show_imports(options)
        if wanted("system calls", options):
            show_calls(root, options)
    except KeyboardInterrupt:
        return 130
    finally:
        if predecessor is not None:
            predecessor.close()
        for process in multiprocessing.active_children():
            process.terminate()
        shutil.rmtree(root, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
