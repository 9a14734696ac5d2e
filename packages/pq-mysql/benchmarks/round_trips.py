"""The queues beside the bare driver: the same work with PyMySQL alone, interleaved, in one run.

::

    python round_trips.py mysql://user:password@host:3306/database [COUNT] [ROUNDS]

Each row prints what one call of both sides takes, and the share of the bare driver's speed that the
queue reaches. The two take turns, and the tenth percentile of all calls counts: what else the machine
does can only add to it. The floors are what somebody would write with a cursor: a statement a round trip, the
same columns, pickled items of about 100 bytes.
"""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import pymysql

from pq_core.registry import QueueURL, open_queue

ITEM = {"id": 123456, "to": "somebody@example.org", "subject": "a letter", "tries": [1, 2, 3]}
MANY = 100


class Bare:
    """The floors: one table, one connection, one cursor."""

    def __init__(self, url: QueueURL) -> None:
        self.connection = pymysql.connect(
            host=url.host or "localhost",
            port=url.port or 3306,
            user=url.username or "",
            password=url.password or "",
            database=url.path.strip("/"),
            binary_prefix=True,
            autocommit=True,
        )
        self.cursor = self.connection.cursor()
        self.cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        self.cursor.execute("DROP TABLE IF EXISTS pq_floor")
        self.cursor.execute(
            "CREATE TABLE pq_floor (_id BIGINT PRIMARY KEY AUTO_INCREMENT, data LONGBLOB,"
            " timestamp DOUBLE, status BIGINT NOT NULL DEFAULT 1, KEY (status, _id))"
        )

    def put(self) -> None:
        """One INSERT."""
        self.cursor.execute(
            "INSERT INTO pq_floor (data, timestamp) VALUES (%s, UNIX_TIMESTAMP(NOW(6)))",
            (pickle.dumps(ITEM),),
        )

    def get(self) -> None:
        """BEGIN, a claim, DELETE, COMMIT."""
        self.connection.begin()
        self.cursor.execute(
            "SELECT _id, data FROM pq_floor WHERE status = 1 ORDER BY _id LIMIT 1"
            " FOR UPDATE SKIP LOCKED"
        )
        id, data = self.cursor.fetchone()  # type: ignore[misc]
        self.cursor.execute("DELETE FROM pq_floor WHERE _id = %s", (id,))
        self.connection.commit()
        pickle.loads(data)

    def get_and_ack(self) -> None:
        """BEGIN, a claim, UPDATE, COMMIT; then another UPDATE."""
        self.connection.begin()
        self.cursor.execute(
            "SELECT _id, data FROM pq_floor WHERE status = 1 ORDER BY _id LIMIT 1"
            " FOR UPDATE SKIP LOCKED"
        )
        id, data = self.cursor.fetchone()  # type: ignore[misc]
        self.cursor.execute("UPDATE pq_floor SET status = 2 WHERE _id = %s", (id,))
        self.connection.commit()
        pickle.loads(data)
        self.cursor.execute("UPDATE pq_floor SET status = 5 WHERE _id = %s", (id,))

    def put_many(self) -> None:
        """One INSERT of many rows."""
        # One multi-row statement: executemany would send one for each row here, because of NOW.
        rows = [(pickle.dumps(ITEM),) for _ in range(MANY)]
        marks = ", ".join(["(%s, UNIX_TIMESTAMP(NOW(6)))"] * len(rows))
        self.cursor.execute(
            f"INSERT INTO pq_floor (data, timestamp) VALUES {marks}", [row[0] for row in rows]
        )

    def get_many(self) -> None:
        """BEGIN, a claim of many rows, DELETE, COMMIT."""
        self.connection.begin()
        self.cursor.execute(
            f"SELECT _id, data FROM pq_floor WHERE status = 1 ORDER BY _id LIMIT {MANY}"
            " FOR UPDATE SKIP LOCKED"
        )
        rows: Any = self.cursor.fetchall()
        self.cursor.execute(
            "DELETE FROM pq_floor WHERE _id BETWEEN %s AND %s", (rows[0][0], rows[-1][0])
        )
        self.connection.commit()
        for row in rows:
            pickle.loads(row[1])

    def close(self) -> None:
        """Drops the table."""
        self.cursor.execute("DROP TABLE pq_floor")
        self.connection.close()


def timed(work: Callable[[], object], count: int) -> list[float]:
    """How long each of so many calls takes, in seconds."""
    took = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        took.append(time.perf_counter() - started)
    return took


def measure(url: str, count: int, rounds: int) -> list[tuple[str, float, float]]:
    """(what, seconds of the bare driver, seconds of the queue) for each workload."""
    bare = Bare(QueueURL.parse(url))
    plain = open_queue(url, name="bench", durability="normal")
    acked = open_queue(url, name="bench", kind="ack", durability="normal")
    plain.clear()
    acked.clear()

    def get_and_ack() -> None:
        with acked.receive():
            pass

    many = max(1, count // MANY)
    rows: list[tuple[str, Callable[[], object], Callable[[], object], int]] = [
        ("put", bare.put, lambda: plain.put(ITEM), count),
        ("get", bare.get, plain.get, count),
        ("ack queue: put", bare.put, lambda: acked.put(ITEM), count),
        ("ack queue: get + ack", bare.get_and_ack, get_and_ack, count),
        ("put_many(100)", bare.put_many, lambda: plain.put_many([ITEM] * MANY), many),
        ("get_many(100)", bare.get_many, lambda: plain.get_many(MANY), many),
    ]
    took: dict[str, tuple[list[float], list[float]]] = {what: ([], []) for what, *_ in rows}
    for _ in range(rounds):
        for what, floor, ours, times in rows:
            took[what][0].extend(timed(floor, times))
            took[what][1].extend(timed(ours, times))
    plain.close()
    acked.close()
    bare.close()
    return [
        (what, *(sorted(each)[len(each) // 10] for each in both)) for what, both in took.items()
    ]  # type: ignore[misc]


def main() -> None:
    """Prints the table."""
    url, *numbers = sys.argv[1:]
    count, rounds = (int(each) for each in (*numbers, *("50", "40")[len(numbers) :]))
    print(f"{'':<22} {'PyMySQL':>10} {'queue':>10} {'share':>6}")
    for what, floor, ours in measure(url, count, rounds):
        print(f"{what:<22} {floor * 1e6:>7,.0f} us {ours * 1e6:>7,.0f} us {floor / ours:>6.2f}")


if __name__ == "__main__":
    main()
