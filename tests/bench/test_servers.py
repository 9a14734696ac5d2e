"""Queues in database servers: beside the bare driver, and no table is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pq_bench._bench import Bench, Choice
from pq_bench._contest import Plan
from pq_bench._progress import ticking
from pq_bench._queues import Backend, OpenFloor
from pq_bench._workloads import chosen
from pq_bench.floors import DIALECTS, sweep
from pq_bench.stage.spec import Spec
from pq_core.registry import QueueURL, backends

NAMES = ["put", "get", "put_many", "get_many", "alternate", "ack-put", "ack-get", "threads-1+1"]


@pytest.fixture(params=["mysql", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """Of a database in a server of the tests' own."""
    scheme: str = request.param
    if scheme not in backends():
        pytest.skip(f"no wheel has a backend for {scheme}")
    if scheme == "mysql":
        place: dict[str, Any] = request.getfixturevalue("mysql_place")
        who = f"{quote(place['user'])}:{quote(place['passwd'])}"
        return f"mysql://{who}@{place['host']}:{place['port']}/{place['db_name']}"
    from importlib import import_module

    conninfo: str = request.getfixturevalue("postgres")
    parts = import_module("psycopg").conninfo.conninfo_to_dict(conninfo)
    who = quote(parts.get("user", ""), safe="")
    if parts.get("password"):
        who += f":{quote(parts['password'], safe='')}"
    port = f":{parts['port']}" if "port" in parts else ""
    host = quote(parts["host"], safe="")
    return f"postgresql://{who}@localhost{port}/{parts['dbname']}?host={host}"


@pytest.mark.slow
def test_beside_the_bare_driver(url: str, tmp_path: Path) -> None:
    """Every row of a server has a floor, and all tables are dropped at the end."""
    backend = Backend(QueueURL.parse(url).scheme, url)
    workloads, _ = chosen(NAMES)
    choice = Choice([backend], ["full"], ["pickle"], workloads)
    with Bench(tmp_path, Plan(count=4, rounds=1), [], [backend]) as bench, ticking(1) as ticker:
        results = list(bench.rows(bench.contests(choice), ticker))
    assert [each.contest.workload for each in results] == [each.name for each in workloads]
    for result in results:
        assert [side.side.role for side in result.sides] == ["ours", "floor"]
    dialect = DIALECTS[backend.name]
    connection = dialect.connect(QueueURL.parse(url), "full")
    cursor = connection.cursor()
    cursor.execute(dialect.tables, ("pq_bench",))
    assert list(cursor.fetchall()) == []
    connection.close()


@pytest.mark.slow
@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_the_floor_prepares_what_the_queue_prepares(url: str, tmp_path: Path) -> None:
    """Where the URL asks for prepared statements, both sides have them; elsewhere neither has."""
    backend = Backend("postgresql", url)
    for asked, prepares in (
        (backend, False),
        (backend.asking("prepare_threshold=1"), True),
    ):
        floor = OpenFloor(asked, Spec("put"), "full")(tmp_path / f"prepares {prepares}")
        floor.put(iter(range(5)))
        floor._run("SELECT count(*) FROM pg_prepared_statements")
        assert (floor._cursor.fetchone()[0] > 0) == prepares
        floor.close()
    sweep(DIALECTS["postgresql"], QueueURL.parse(url), "pq_bench")
