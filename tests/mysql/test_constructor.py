"""Both documented spellings, what is wrong with others, and names that try to be SQL."""

from __future__ import annotations

import copy
import pickle
from typing import Any, cast

import pytest

from pq_core.errors import StorageError
from pq_core.registry import open_queue
from pq_mysql import MySQLAckQueue, MySQLBackend, MySQLQueue
from tests.servers.mariadb import MariaDB

from .conftest import Open


def test_the_positional_spelling(mysql_place: dict[str, Any], name: str) -> None:
    """host, user, passwd, db_name, name, port, charset, auto_commit and serializer, in this order."""
    where = mysql_place
    place = (where["host"], where["user"], where["passwd"], where["db_name"])
    with MySQLQueue[Any](*place, name, where["port"], "utf8mb4", False, "json") as queue:
        queue.put("a")
        assert queue.get(raw=True)["data"] == "a"
        queue.task_done()
        assert queue.total == 0


def test_the_keyword_spelling(mysql_place: dict[str, Any], name: str) -> None:
    """host, port, user, password, database and table_name; the table has exactly that name."""
    where = mysql_place
    with MySQLQueue[Any](
        host=where["host"],
        port=where["port"],
        user=where["user"],
        password=where["passwd"],
        database=where["db_name"],
        table_name=f"my {name}",
    ) as queue:
        queue.put("data1")
        assert f"table my {name}" in repr(queue)
        assert queue.get() == "data1"


def test_the_name_is_sql_where_none_is_given(mysql_place: dict[str, Any]) -> None:
    """Without a name the table is that of the predecessor: queue_sql."""
    with MySQLQueue[Any](**mysql_place) as queue:
        assert "table queue_sql" in repr(queue)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "'host' is missing"),
        ({"host": "h"}, "'user' is missing"),
        ({"host": "h", "user": "u"}, "passwd .* is missing"),
        ({"host": "h", "user": "u", "passwd": "p"}, "db_name .* is missing"),
        (
            {"host": "h", "user": "u", "passwd": "p", "password": "p", "db_name": "d"},
            "'passwd' and 'password' are the same",
        ),
        (
            {"host": "h", "user": "u", "passwd": "p", "db_name": "d", "database": "d"},
            "'db_name' and 'database' are the same",
        ),
        (
            {
                "host": "h",
                "user": "u",
                "passwd": "p",
                "db_name": "d",
                "name": "n",
                "table_name": "t",
            },
            "'name' .* or 'table_name' .* not both",
        ),
        ({"host": 1, "user": "u", "passwd": "p", "db_name": "d"}, "'host' must be a str"),
        (
            {"host": "h", "user": "u", "passwd": "p", "db_name": "d", "port": "3306"},
            "'port' must be",
        ),
    ],
)
def test_a_wrong_combination(arguments: dict[str, Any], message: str) -> None:
    """Arguments that are missing, doubled or of a wrong type are a TypeError that names them."""
    with pytest.raises(TypeError, match=message):
        MySQLQueue(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"port": 0},
        {"timeout": -1},
        {"heartbeat": 0},
        {"max_connections": 0},
        {"durability": "sometimes"},
        {"table_name": ""},
        {"name": "n" * 80},
        {"name": "a\0b"},
        {"connect_options": {"autocommit": False}},
    ],
    ids=lambda arguments: next(iter(arguments)),
)
def test_a_value_out_of_range(arguments: dict[str, Any]) -> None:
    """A value that cannot be is a ValueError that names its argument; nothing is connected."""
    with pytest.raises(ValueError, match=f"{next(iter(arguments))}"):
        MySQLQueue("host.invalid", "u", "p", "d", **arguments)


@pytest.mark.parametrize(
    "evil",
    [
        "x`; DROP TABLE victim; -- -",
        "x'; DROP TABLE victim; -- -",
        'x"; DROP TABLE victim; -- -',
        "x`) VALUES (1); DROP TABLE victim; #",
        "%s %(a)s %d %",
        "x VALUES (%s",
        "x\\`",
        "ключ ключ",
    ],
)
@pytest.mark.parametrize("cls", [MySQLQueue, MySQLAckQueue])
def test_names_that_try_to_be_sql(opened: Open, mariadb: MariaDB, cls: Any, evil: str) -> None:
    """Whatever the name, it is the name of a queue and nothing else."""
    mariadb.execute("CREATE TABLE IF NOT EXISTS pq.victim (id INT)")
    queue = opened(cls, name=evil)
    queue.clear()
    queue.put(evil)
    assert len(queue.put_many(["a", "b"])) == 2
    assert queue.get(raw=True)["data"] == evil
    assert [queue.qsize(), queue.stats().ready] == [2, 2]
    assert mariadb.execute("SELECT count(*) FROM pq.victim") == ((0,),)


def test_a_name_as_long_as_a_table_may_have(mysql_place: dict[str, Any], name: str) -> None:
    """What belongs to a table has a name of its own, however long that of the queue is."""
    for cls, prefix in ((MySQLQueue, "queue_"), (MySQLAckQueue, "ack_queue_")):
        names = [(name + each).ljust(64 - len(prefix), "x") for each in "ab"]
        one, two = (cast(Any, cls)(name=each, **mysql_place) for each in names)
        with one, two:
            one.put("a")
            assert two.qsize() == 0
            assert one.get_nowait() == "a"
            assert one.stats().bytes > 0
        with pytest.raises(ValueError, match="longer than 64 characters"):
            cls(name=names[0] + "x", **mysql_place)


def test_a_name_that_no_table_may_have(opened: Open) -> None:
    """A name that ends with a space is refused, with the reason."""
    with pytest.raises(StorageError, match="choose one that does not end with a space"):
        opened(MySQLQueue, name="x ")


@pytest.mark.parametrize("charset", ["utf8mb4", "latin1", "gbk", "sjis"])
def test_payloads_that_try_to_be_sql(opened: Open, charset: str) -> None:
    """Every byte comes back as it was, in every character set of the connection."""
    queue = opened(MySQLQueue, charset=charset)
    evil = [
        bytes(range(256)) * 3,
        b"\xbf' OR 1=1 -- ",
        b"\x81\\' ; --",
        "ä'\\\"%s\0",
        b"",
        "",
        None,
    ]
    queue.put_many(evil)
    assert queue.get_many(len(evil)) == evil
    for item in evil:
        queue.put(item)
        assert queue.get() == item


def test_one_statement_at_a_time(opened: Open) -> None:
    """With multi_statements=False the same works through a proxy that takes one at a time."""
    queue = opened(MySQLAckQueue, multi_statements=False)
    queue.put_many(range(5))
    assert queue.get_many(3) == [0, 1, 2]
    with queue.receive() as message:
        assert message.item == 3
    assert queue.stats().leased == 3


def test_a_pickled_queue_shows_no_password(opened: Open, mysql_place: dict[str, Any]) -> None:
    """A pickled queue opens elsewhere; its repr and its errors do not show the password."""
    queue = opened(MySQLQueue)
    queue.put("a")
    assert mysql_place["passwd"] not in repr(queue)
    with pickle.loads(pickle.dumps(queue)) as again:
        assert again.get() == "a"
    with copy.copy(queue) as another:
        assert another.empty()


def test_a_queue_by_its_url(mysql_place: dict[str, Any], name: str) -> None:
    """A mysql:// or mariadb:// URL names the same queue, and takes the options of its kind."""
    from urllib.parse import quote

    user, password = mysql_place["user"], quote(mysql_place["passwd"], safe="")
    place = (
        f"{user}:{password}@{mysql_place['host']}:{mysql_place['port']}/{mysql_place['db_name']}"
    )
    options = f"name={quote(name)}&durability=normal&max_connections=2"
    with open_queue(f"mysql://{place}?{options}&kind=ack&lease=30") as queue:
        assert type(queue) is MySQLAckQueue
        queue.put("a")
    with open_queue(f"mariadb://{place}?{options}&kind=ack") as queue:
        assert queue.get() == "a"
    with pytest.raises(ValueError, match="'lease' is not known"):
        open_queue(f"mysql://{place}?{options}&lease=30")
    with pytest.raises(ValueError, match="'kind' must be one of"):
        open_queue(f"mysql://{place}?kind=stack")
    with pytest.raises(ValueError, match="names no database"):
        open_queue("mysql://u:p@h")
    assert MySQLBackend.from_url is not None
