"""Every hot operation beside its floor: the bare sqlite3 module doing the same commits.

Rounds are interleaved, so that a noisy minute hits both sides; the median of the rounds' rates is
shown. The floor's table is that of the predecessor, its item the same pickle.

    python packages/pq-sqlite/benchmarks/floors.py [--rounds 7] [--count 2000] [--full-count 800]
"""

from __future__ import annotations

import argparse
import pickle
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from pq_sqlite import PDict, PriorityQueue, SQLiteAckQueue, SQLiteQueue

ITEM = {"id": 123, "name": "some name here", "values": [1, 2, 3, 4], "ok": True, "note": "x" * 24}
PAYLOAD = pickle.dumps(ITEM, 4)


class Floor:
    """Bare sqlite3 in WAL mode."""

    def __init__(self, path: Path, synchronous: str) -> None:
        path.mkdir()
        self.connection = sqlite3.connect(path / "floor.db", isolation_level=None)
        self.run = self.connection.execute
        self.run("PRAGMA journal_mode=WAL")
        self.run(f"PRAGMA synchronous={synchronous}")
        self.run(
            "CREATE TABLE queue (_id INTEGER PRIMARY KEY AUTOINCREMENT, data BLOB, timestamp FLOAT)"
        )
        self.run("CREATE TABLE dict (key TEXT PRIMARY KEY, data BLOB)")

    def put(self, n: int) -> None:
        """Inserts."""
        for _ in range(n):
            data = pickle.dumps(ITEM, 4)
            self.run("INSERT INTO queue (data, timestamp) VALUES (?, ?)", (data, time.time()))

    def get(self, n: int) -> None:
        """Takes the first."""
        for _ in range(n):
            found = self.run(
                "DELETE FROM queue WHERE _id = (SELECT _id FROM queue ORDER BY _id LIMIT 1)"
                " RETURNING _id, data"
            ).fetchall()
            pickle.loads(found[0][1])

    def put_many(self, n: int) -> None:
        """Inserts 100 a transaction."""
        for _ in range(n // 100):
            self.run("BEGIN IMMEDIATE")
            self.connection.executemany(
                "INSERT INTO queue (data, timestamp) VALUES (?, ?)",
                [(pickle.dumps(ITEM, 4), time.time()) for _ in range(100)],
            )
            self.run("COMMIT")

    def get_many(self, n: int) -> None:
        """Takes 100 a transaction."""
        for _ in range(n // 100):
            self.run("BEGIN IMMEDIATE")
            rows = self.run("SELECT _id, data FROM queue ORDER BY _id LIMIT 100").fetchall()
            self.connection.executemany(
                "DELETE FROM queue WHERE _id = ?", [(row[0],) for row in rows]
            )
            self.run("COMMIT")
            for row in rows:
                pickle.loads(row[1])

    def pair(self, n: int) -> None:
        """Inserts and takes."""
        for _ in range(n):
            self.put(1)
            self.get(1)

    def set(self, n: int) -> None:
        """Replaces."""
        for i in range(n):
            value = pickle.dumps({**ITEM, "id": time.time()}, 4)  # SQLite skips equal values
            self.run("INSERT OR REPLACE INTO dict VALUES (?, ?)", (f"key{i % 500}", value))

    def look_up(self, n: int) -> None:
        """Reads."""
        for i in range(n):
            found = self.run("SELECT data FROM dict WHERE key = ?", (f"key{i % 500}",)).fetchall()
            pickle.loads(found[0][0])


def times(call: Callable[[], Any]) -> Callable[[int], None]:
    """`call` so many times."""

    def run(n: int) -> None:
        for _ in range(n):
            call()

    return run


def rate(work: Callable[[int], None], n: int) -> float:
    """Operations a second."""
    start = time.perf_counter()
    work(n)
    return n / (time.perf_counter() - start)


def in_threads(work: Callable[[int], None], threads: int) -> Callable[[int], None]:
    """`work` spread over threads."""

    def run(n: int) -> None:
        running = [threading.Thread(target=work, args=(n // threads,)) for _ in range(threads)]
        for thread in running:
            thread.start()
        for thread in running:
            thread.join()

    return run


def measure(directory: Path, durability: Any, rounds: int, n: int) -> None:
    """All workloads at one durability."""
    floor = Floor(directory / f"floor-{durability}", {"full": "FULL"}.get(durability, "NORMAL"))
    where = directory / f"queues-{durability}"
    queue: Any = SQLiteQueue(where, durability=durability)
    acked: Any = SQLiteAckQueue(where, durability=durability)
    ranked: Any = PriorityQueue(where, durability=durability)
    numbers = PDict(where, "numbers", durability=durability)

    def settle(n: int) -> None:
        for _ in range(n):
            acked.ack(acked.get())

    def assign(n: int) -> None:
        for i in range(n):
            numbers[f"key{i % 500}"] = {**ITEM, "id": time.time()}

    def look_up(n: int) -> None:
        for i in range(n):
            numbers[f"key{i % 500}"]

    workloads: list[tuple[str, Callable[[int], None], Callable[[int], None]]] = [
        ("put", floor.put, times(lambda: queue.put(ITEM))),
        ("get", floor.get, times(queue.get)),
        (
            "put_many(100)",
            floor.put_many,
            lambda n: times(lambda: queue.put_many([ITEM] * 100))(n // 100),
        ),
        ("get_many(100)", floor.get_many, lambda n: times(lambda: queue.get_many(100))(n // 100)),
        ("put, 8 threads (floor: 1)", floor.put, in_threads(times(lambda: queue.put(ITEM)), 8)),
        ("get, 8 threads (floor: 1)", floor.get, in_threads(times(queue.get), 8)),
        ("priority put", floor.put, times(lambda: ranked.put(ITEM, 5))),
        ("priority get", floor.get, times(ranked.get)),
        ("ack put", floor.put, times(lambda: acked.put(ITEM))),
        ("ack get + ack (floor: 2 commits)", floor.pair, settle),
        ("PDict set", floor.set, assign),
        ("PDict get", floor.look_up, look_up),
    ]
    rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name, _, _ in workloads}
    for turn in range(rounds):
        for name, bare, ours in workloads:
            for index, work in ((0, bare), (1, ours)) if turn % 2 else ((1, ours), (0, bare)):
                # Threads need a moment to get going.
                rates[name][index].append(rate(work, 4 * n if "threads" in name else n))
    for name, (bare, ours) in rates.items():
        low, high = median(bare), median(ours)
        print(f"{durability:7} {name:34} {low:10.0f} {high:10.0f} {high / low:6.2f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--full-count", type=int, default=800)
    parser.add_argument("--directory", type=Path, default=None)
    given = parser.parse_args()
    directory = Path(tempfile.mkdtemp(dir=given.directory))
    print(f"SQLite {sqlite3.sqlite_version}; {len(PAYLOAD)} bytes an item")
    print(f"{'':7} {'':34} {'floor/s':>10} {'ours/s':>10} ratio")
    try:
        measure(directory, "normal", given.rounds, given.count)
        measure(directory, "full", given.rounds, given.full_count)
    finally:
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
