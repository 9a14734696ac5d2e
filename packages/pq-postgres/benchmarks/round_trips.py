"""The queues beside bare psycopg: the same work in the fewest statements, one a round trip.

::

    python round_trips.py 'host=... dbname=...' [--count 300] [--rounds 7] [--deep 1000000]

Both sides take turns, so that a noisy minute hits both; the median of the rounds' rates is shown.
Tables of the floor have the queue's columns and indexes, items are the same pickle, and nothing is
prepared on the server. With --deep so many items lie in the queues before.
"""

from __future__ import annotations

import argparse
import pickle
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import psycopg

from pq_core.sql import KINDS, POSTGRESQL, queue_layout
from pq_postgres import PostgresAckQueue, PostgresQueue

ITEM = {"id": 123, "name": "some name here", "values": [1, 2, 3, 4], "ok": True, "note": "x" * 24}
MANY = 100
NOW = "EXTRACT(EPOCH FROM clock_timestamp())::float8"
FIRST = "ORDER BY {} LIMIT 1 FOR UPDATE SKIP LOCKED"


class Floor:
    """psycopg on two tables like those of the queues."""

    def __init__(self, conninfo: str) -> None:
        self.connection = psycopg.connect(conninfo, autocommit=True, prepare_threshold=None)
        self.tables = []
        for kind in ("fifo", "ack"):
            layout = queue_layout(POSTGRESQL, KINDS[kind], "pq_floor")
            self.connection.execute(f"DROP TABLE IF EXISTS {layout.main}")
            plan = layout.migrations[0](layout, frozenset())
            for statement in plan:
                if "pq_dead" not in statement:
                    self.connection.execute(statement)
            self.tables.append(layout.main)
        self.plain, self.acked = self.tables

    def run(self, sql: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        """The rows of a statement."""
        return self.connection.execute(sql, parameters).fetchall()

    def put(self) -> None:
        """One INSERT."""
        data = pickle.dumps(ITEM, 4)
        sql = f"INSERT INTO {self.plain} (data, timestamp, crc) VALUES (%s, {NOW}, 1) RETURNING _id"
        self.run(sql, (data,))

    def get(self) -> None:
        """One DELETE."""
        first = f"SELECT _id FROM {self.plain} WHERE owner IS NULL {FIRST.format('_id')}"
        found = self.run(f"DELETE FROM {self.plain} WHERE _id = ({first}) RETURNING _id, data")
        pickle.loads(found[0][1])

    def put_acked(self) -> None:
        """One INSERT."""
        self.run(
            f"INSERT INTO {self.acked} (data, timestamp, crc, status, priority, attempts, token)"
            f" VALUES (%s, {NOW}, 1, 1, 0, 0, 0) RETURNING _id",
            (pickle.dumps(ITEM, 4),),
        )

    def get_and_ack(self) -> None:
        """Two UPDATEs."""
        first = f"SELECT _id FROM {self.acked} WHERE status = 1 {FIRST.format('priority, _id')}"
        ((id, data),) = self.run(
            f"UPDATE {self.acked} SET status = 2, owner = 1, token = token + 1,"
            f" attempts = attempts + 1 WHERE _id = ({first}) RETURNING _id, data"
        )
        pickle.loads(data)
        self.connection.execute(f"UPDATE {self.acked} SET status = 5 WHERE _id = %s", (id,))

    def put_many(self) -> None:
        """One INSERT of many rows."""
        rows = ", ".join([f"(%s, {NOW}, 1)"] * MANY)
        self.run(
            f"INSERT INTO {self.plain} (data, timestamp, crc) VALUES {rows} RETURNING _id",
            tuple(pickle.dumps(ITEM, 4) for _ in range(MANY)),
        )

    def get_many(self) -> None:
        """One DELETE of many rows."""
        order = FIRST.format("_id").replace("LIMIT 1", f"LIMIT {MANY}")
        first = f"SELECT _id FROM {self.plain} WHERE owner IS NULL {order}"
        for row in self.run(f"DELETE FROM {self.plain} WHERE _id IN ({first}) RETURNING data"):
            pickle.loads(row[0])

    def close(self) -> None:
        """Removes the tables."""
        for table in self.tables:
            self.connection.execute(f"DROP TABLE {table}")
        self.connection.close()


def rate(work: Callable[[], object], count: int) -> float:
    """How many times a second."""
    begin = time.perf_counter()
    for _ in range(count):
        work()
    return count / (time.perf_counter() - begin)


def fill(connection: Any, table: str, columns: str, values: str, count: int) -> None:
    """Rows that lie in a table before."""
    connection.execute(
        f"INSERT INTO {table} (data, timestamp{columns}) SELECT %s, 1{values}"
        f" FROM generate_series(1, {count})",
        (pickle.dumps(ITEM, 4),),
    )
    connection.execute(f"VACUUM ANALYZE {table}")


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("conninfo")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--deep", type=int, default=0)
    given = parser.parse_args()
    floor = Floor(given.conninfo)
    plain: PostgresQueue[Any] = PostgresQueue(given.conninfo, "pq_bench")
    acked: PostgresAckQueue[Any] = PostgresAckQueue(given.conninfo, "pq_bench")
    plain.clear()
    acked.clear()
    if given.deep:
        states = ", status, priority, attempts, token"
        for table in (floor.plain, '"queue_pq_bench"'):
            fill(floor.connection, table, "", "", given.deep)
        for table in (floor.acked, '"ack_queue_pq_bench"'):
            fill(floor.connection, table, states, ", 5, 0, 1, 1", given.deep)

    def get_and_ack() -> None:
        with acked.receive():
            pass

    many = max(1, given.count // 20)
    work: list[tuple[str, Callable[[], object], Callable[[], object], int]] = [
        ("put", floor.put, lambda: plain.put(ITEM), given.count),
        ("get", floor.get, plain.get, given.count),
        ("ack queue: put", floor.put_acked, lambda: acked.put(ITEM), given.count),
        ("ack queue: get + ack", floor.get_and_ack, get_and_ack, given.count),
        ("put_many(100)", floor.put_many, lambda: plain.put_many([ITEM] * MANY), many),
        ("get_many(100)", floor.get_many, lambda: plain.get_many(MANY), many),
    ]
    rates: dict[str, list[tuple[float, float]]] = {what: [] for what, *_ in work}
    for _ in range(given.rounds):
        for what, bare, ours, count in work:
            rates[what].append((rate(bare, count), rate(ours, count)))
    print(f"{'':<22} {'psycopg':>9} {'queue':>9} {'share':>6}")
    for what, pairs in rates.items():
        bare_rate, our_rate = (median(side) for side in zip(*pairs, strict=True))
        share = median(ours / bare for bare, ours in pairs)
        print(f"{what:<22} {bare_rate:>7,.0f}/s {our_rate:>7,.0f}/s {share:>6.2f}")
    floor.close()
    plain.close()
    acked.close()


if __name__ == "__main__":
    main()
