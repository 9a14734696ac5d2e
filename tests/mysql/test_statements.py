"""What the statements of the MySQL dialect cost, as the server itself tells."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pq_core.sql import KINDS
from pq_mysql import (
    FILOMySQLAckQueue,
    FILOMySQLQueue,
    MySQLAckQueue,
    MySQLPriorityQueue,
    MySQLQueue,
    MySQLUniqueAckQ,
    MySQLUniqueQ,
)
from tests.servers.mariadb import MariaDB

from .conftest import Open

CLASSES = (
    MySQLQueue,
    FILOMySQLQueue,
    MySQLUniqueQ,
    MySQLPriorityQueue,
    MySQLAckQueue,
    FILOMySQLAckQueue,
    MySQLUniqueAckQ,
)


def statements(queue: Any) -> dict[str, Any]:
    """The statements of a queue's plans by name."""
    plans = queue._plans
    rendered = vars(getattr(plans, "_sql", plans))
    found = {name.strip("_"): each for name, each in rendered.items() if hasattr(each, "sql")}
    for name, value in rendered.items():
        if isinstance(value, dict):
            found.update({f"{name.strip('_')} {key}": each for key, each in value.items()})
    return found


def work(queue: Any, statement: Any, *parameters: Any) -> dict[str, int]:
    """How many rows the server touches to run a statement, by kind of step."""
    with queue.transaction() as connection, connection.cursor() as cursor:

        def counted() -> dict[str, int]:
            cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read_%'")
            return {name: int(value) for name, value in cursor.fetchall()}

        before, start = counted(), counted()  # the look itself counts too
        cursor.execute(statement.sql, parameters)
        cursor.fetchall()
        end = counted()
        return {name: end[name] - 2 * start[name] + before[name] for name in end}


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.kind.name)
def test_the_server_accepts_every_statement(opened: Open, cls: Any) -> None:
    """Each statement can be prepared on the tables that the dialect makes."""
    queue = opened(cls)
    assert set(KINDS) == {each.kind.name for each in CLASSES}
    with queue.transaction() as connection, connection.cursor() as cursor:
        for name, statement in statements(queue).items():
            # MySQL has no RETURNING: these two are for dialects that have.
            if not statement.sql or (name in ("take", "claim") and "RETURNING" in statement.sql):
                continue
            sql = statement.sql % (("?",) * statement.sql.replace("%%", "").count("%s"))
            cursor.execute("PREPARE stmt FROM %s", (sql,))
            cursor.execute("DEALLOCATE PREPARE stmt")


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.kind.name)
def test_a_claim_touches_no_more_than_it_takes(opened: Open, cls: Any) -> None:
    """Neither what is out, nor what is settled, nor what waits behind makes a claim slower."""
    queue = opened(cls, **({} if cls.kind.is_acked else {"auto_commit": False}))
    queue.put_many([f"item {number}" for number in range(600)])
    queue.get_many(200)
    if cls.kind.is_acked:
        for item in queue.get_many(200):
            queue.ack(item)
    found = statements(queue)
    for name in ("next", "first", "any", "peek", "changes", "due", "next_due", "owners"):
        statement = found.get(name)
        if statement is None:
            continue
        touched = work(queue, statement, *((1,) * statement.sql.count("%s")))
        rows = sum(touched[f"Handler_read_{step}"] for step in ("next", "prev", "rnd_next"))
        limit = 210 if name == "owners" else 3  # owners: as many rows as are out
        assert rows <= limit, (name, touched)


@pytest.mark.slow
def test_a_million_deep(opened: Open, name: str) -> None:
    """A claim among 1e6 items touches as few rows as one among ten, in every state."""
    queue = opened(MySQLAckQueue)
    queue.put_many(range(1000))
    driver = queue._server.driver
    session = driver.lease()
    with session.connection.cursor() as cursor:
        table = f"`ack_queue_{name}`"
        cursor.execute(f"SHOW CREATE TABLE {table}")
        # Indexes are made of all rows at once in less time.
        keys = re.findall(r"\bKEY (`.*?`) (\(.*\))", cursor.fetchone()[1])
        cursor.execute(f"ALTER TABLE {table} {', '.join(f'DROP KEY {key}' for key, _ in keys)}")
        cursor.execute(
            f"INSERT INTO {table} (data, timestamp, crc, status, priority, attempts, token)"
            " SELECT a.data, a.timestamp, a.crc, IF(b._id <= 400, 5, 1), 0, 0, 0"
            f" FROM {table} a JOIN (SELECT _id FROM {table}) b"
        )
        cursor.execute(f"ALTER TABLE {table} {', '.join(f'ADD KEY {a} {b}' for a, b in keys)}")
    driver.give_back(session)
    assert queue.total == 1_001_000
    for statement in ("first", "any", "changes"):
        touched = work(queue, statements(queue)[statement])
        assert sum(touched[f"Handler_read_{step}"] for step in ("next", "rnd_next")) <= 3, touched
    message = queue.receive()
    message.ack()
    assert queue.put("last") > 1_001_000


def test_ids_follow_the_rows(opened: Open) -> None:
    """put_many returns the ids in put order, however many statements it takes."""
    queue = opened(MySQLQueue)
    items = [b"%d" % number + b"x" * 30_000 for number in range(80)] + list(range(2500))
    ids = queue.put_many(items)
    assert ids == sorted(set(ids))
    assert len(ids) == len(items)
    for id, item in list(zip(ids, items, strict=True))[::97]:
        assert queue.get(id=id) == item


@pytest.mark.parametrize("cls", [MySQLQueue, MySQLAckQueue])
def test_shrinking(opened: Open, mariadb: MariaDB, cls: Any) -> None:
    """The room of what was removed is given back, and what is left stays."""
    queue = opened(cls)

    def room() -> int:
        rows = mariadb.execute(
            "SELECT file_size FROM information_schema.innodb_sys_tablespaces WHERE name LIKE %s",
            "%" + queue.name.replace(" ", "@0020"),
        )
        return sum(size for (size,) in rows)

    queue.put_many(["x" * 100_000 + str(number) for number in range(40)])
    queue.clear()
    queue.put("left")
    before = room()
    queue.shrink_disk_usage()
    assert room() < before / 4
    assert queue.get_nowait() == "left"


def test_round_trips(opened: Open) -> None:
    """A put takes one round trip, a get two, a receive with its ack three."""
    plain, acked = opened(MySQLQueue), opened(MySQLAckQueue)
    for queue in (plain, acked):
        queue.put("warm")
        queue.get()
    trips = []
    for queue in (plain, acked):
        session = queue._server.driver.lease()
        queue._server.driver.give_back(session)
        connection = session.connection
        counted = [0]
        query = connection.query

        def count(*args: Any, _query: Any = query, _counted: list[int] = counted) -> Any:
            _counted[0] += 1
            return _query(*args)

        connection.query = count
        queue.put("a")
        trips.append(counted[0])
        if queue is plain:
            queue.get()
        else:
            with queue.receive():
                pass
        trips.append(counted[0])
    assert trips == [1, 3, 1, 4]
