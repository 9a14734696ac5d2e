"""The benchmarks run: each workload a few times."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

SOURCE = Path(__file__).parents[2] / "packages" / "pq-mysql" / "benchmarks" / "round_trips.py"


@pytest.mark.slow
def test_every_workload(mysql_place: dict[str, Any]) -> None:
    """Each workload ends and leaves figures for the bare driver and for the queue."""
    spec = importlib.util.spec_from_file_location("round_trips", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    place = mysql_place
    who = f"{quote(place['user'])}:{quote(place['passwd'], safe='')}"
    rows = module.measure(f"mysql://{who}@{place['host']}:{place['port']}/{place['db_name']}", 3, 2)
    assert len(rows) == 6
    assert all(floor > 0 and ours > 0 for _, floor, ours in rows)
