"""The examples of the documents that users have, MySQL parts, as they are written."""

from __future__ import annotations

from importlib import import_module
from threading import Thread
from typing import Any

import pytest

from pq_mysql import MySQLQueue

persistqueue = pytest.importorskip("persistqueue", reason="the documents name the meta-package")


@pytest.fixture
def db_conf(mysql_place: dict[str, Any]) -> dict[str, Any]:
    """The arguments as the documents name them."""
    keys = ("host", "user", "passwd", "db_name", "port")
    return {key: mysql_place[key] for key in keys}


def test_the_example_of_the_readme(db_conf: dict[str, Any], name: str) -> None:
    """Three puts and a get; after the queue object is gone the next get goes on."""
    assert import_module("persistqueue.mysqlqueue").MySQLQueue is MySQLQueue
    q: Any = persistqueue.MySQLQueue(name=name, **db_conf)
    q.put("str1")
    q.put("str2")
    q.put("str3")
    assert q.get() == "str1"
    del q
    q = persistqueue.MySQLQueue(name=name, **db_conf)
    assert q.get() == "str2"
    q.close()


def test_the_keyword_example(db_conf: dict[str, Any], name: str) -> None:
    """user, password, database and table_name; q.size and q.task_done()."""
    q: Any = MySQLQueue(
        host=db_conf["host"],
        port=db_conf["port"],
        user=db_conf["user"],
        password=db_conf["passwd"],
        database=db_conf["db_name"],
        table_name=name,
    )
    q.put("data1")
    q.put("data2")
    assert q.get() == "data1"
    q.task_done()
    assert q.size == 1
    q.close()


def test_the_worker_example(db_conf: dict[str, Any], name: str) -> None:
    """Worker threads that get and say task_done; join waits for all of it."""
    q: Any = MySQLQueue(name=name, max_connections=4, **db_conf)
    done: list[int] = []

    def worker() -> None:
        while True:
            item = q.get()
            if item is None:
                return
            done.append(item)
            q.task_done()

    threads = [Thread(target=worker, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for item in range(30):
        q.put(item)
    q.join()
    assert sorted(done) == list(range(30))
    for _ in threads:
        q.put(None)
    for thread in threads:
        thread.join()
    q.close()


def test_auto_commit_false(db_conf: dict[str, Any], name: str) -> None:
    """Without task_done the item is there again in the next object; with it, it is gone."""
    q: Any = MySQLQueue(name=name, auto_commit=False, **db_conf)
    q.put("a")
    q.put("b")
    assert q.get() == "a"
    q.close()
    q = MySQLQueue(name=name, auto_commit=False, **db_conf)
    assert q.get() == "a"
    q.task_done()
    q.close()
    q = MySQLQueue(name=name, auto_commit=False, **db_conf)
    assert q.get() == "b"
    q.close()
