"""Connections that a queue lends to its caller, as persist-queue does."""

from __future__ import annotations

import os
from typing import Any

import pytest

from pq_core.errors import QueueClosed, StorageError
from pq_mysql import MySQLAckQueue, MySQLQueue

from .conftest import Open


@pytest.mark.parametrize("cls", [MySQLQueue, MySQLAckQueue])
def test_a_lent_connection(cls: Any, opened: Open) -> None:
    """What it does happens at commit; without one it is undone, and the queue goes on."""
    queue = opened(cls)
    queue.put("a")
    connection = queue.get_pooled_conn()
    with connection.cursor() as cursor:
        assert cursor.execute(f"DELETE FROM {queue._table_name}") == 1
    assert queue.qsize() == 1
    connection.close()
    assert queue.qsize() == 1
    connection = queue.get_pooled_conn()
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {queue._table_name}")
    connection.commit()
    with pytest.raises(StorageError):
        queue.put("b")


def test_lent_connections_are_used_again(opened: Open) -> None:
    """One that was closed is the next one; two at a time are two, and none is the queue's."""
    queue = opened(MySQLQueue, max_connections=1)

    def number(connection: Any) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID()")
            (found,) = cursor.fetchone()
        return int(found)

    first, second = queue.get_pooled_conn(), queue.get_pooled_conn()
    numbers = number(first), number(second)
    assert numbers[0] != numbers[1]
    with queue.transaction() as own:
        assert number(own) not in numbers
    first.close()
    third = queue.get_pooled_conn()
    assert number(third) == numbers[0]


def test_a_closed_queue_lends_nothing(opened: Open) -> None:
    """Closing takes back what is not in use."""
    queue = opened(MySQLQueue)
    queue.get_pooled_conn().close()
    queue.close()
    with pytest.raises(QueueClosed, match="open a new one"):
        queue.get_pooled_conn()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_child_has_its_own(opened: Open) -> None:
    """A forked child is not lent what the parent had."""
    queue = opened(MySQLQueue)
    connection = queue.get_pooled_conn()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with queue.get_pooled_conn().cursor() as cursor:
                cursor.execute("SELECT 1")
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    with connection.cursor() as cursor:
        assert cursor.execute("SELECT 1") == 1
