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
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import floors
from common import Options, clean_environment, fresh, quartiles
from moments import show_calls, show_imports, show_opening, show_wake_ups
from workloads import get, get_many, put, put_many, through

from pq_core.disk import DISK

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
            start_new_session=True,  # Ctrl-C is for us; we end it
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


# -- the whole of it --------------------------------------------------------------------------


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
