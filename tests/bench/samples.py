"""Results made up for tests of what is done with results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pq_bench._contest import Contest, Result, Side, SideResult
from pq_bench._records import FORMAT, record_row
from pq_bench._statistics import latency_of, spread_of
from pq_bench.stage.spec import Spec


def result(
    ours: Sequence[float],
    floor: Sequence[float],
    workload: str = "put",
    family: str = "",
    step: int = 0,
    *,
    peers: Mapping[str, Sequence[float]] = MappingProxyType({}),
) -> Result:
    """A row of these rates."""

    def side(role: str, rates: Sequence[float], label: str = "") -> SideResult:
        ratios = [one / other for one, other in zip(ours, rates, strict=True)]
        return SideResult(
            Side(role, label or role, Spec("put"), lambda _root: None, "normal"),  # type: ignore[arg-type, return-value]
            list(rates),
            spread_of(rates),
            latency_of([1_000, 2_000, 90_000]),
            spread_of(ratios) if role != "ours" else None,
        )

    contest = Contest(workload, "file", "normal", "pickle", [], family, step)
    others = (side("peer", rates, label) for label, rates in peers.items())
    return Result(contest, [side("ours", ours), side("floor", floor), *others])


def document(*results: Result) -> dict[str, Any]:
    """What `--json` writes of them."""
    return {
        "format": FORMAT,
        "command": "pq-bench run --dir '<b>'",
        "started": "2026-01-02T03:04:05+00:00",
        "machine": {
            "system": "Linux 6.1",
            "architecture": "x86_64",
            "processor": "",
            "cores": 2,
            "memory_bytes": 0,
            "load": None,
            "file_system": "ext4",
            "python": "CPython 3.12.0",
            "sqlite": "3.40.1",
            "pq_bench": "1.0.0",
            "packages": {},
            "commit": "",
        },
        "plan": {"seconds": 0.25, "count": 0, "rounds": len(results[0].ours.rates)},
        "peers": {},
        "notes": [],
        "rows": [record_row(each) for each in results],
        "readings": [],
    }
