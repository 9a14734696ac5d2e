"""Results as JSON: what `--json` writes, and what `compare` and the pages read."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from pq_bench._contest import Result, SideResult
from pq_bench._goals import Outcome
from pq_bench._readings import Reading

__all__ = ["FORMAT", "key_of", "load", "record_goal", "record_reading", "record_row"]

#: The version of the layout.
FORMAT: Final = 1


def record_row(result: Result) -> dict[str, Any]:
    """A row as plain data. Rates are items a second, latencies microseconds."""
    contest = result.contest
    return {
        "workload": contest.workload,
        "family": contest.family,
        "step": contest.step,
        "backend": contest.backend,
        "durability": contest.durability,
        "serializer": contest.serializer,
        "noisy": result.is_noisy,
        "sides": [_side(each) for each in result.sides],
        "notes": list(result.notes),
    }


def _side(result: SideResult) -> dict[str, Any]:
    return {
        "role": result.side.role,
        "label": result.side.label,
        "version": result.side.version,
        "durability": result.side.durability,
        "rates": [round(rate, 1) for rate in result.rates],
        "rate": asdict(result.spread),
        "ratio": None if result.ratio is None else asdict(result.ratio),
        "latency": None if result.latency is None else asdict(result.latency),
    }


def record_reading(reading: Reading) -> dict[str, Any]:
    """A reading as plain data."""
    return {**asdict(reading), "met": reading.is_met}


def record_goal(outcome: Outcome) -> dict[str, Any]:
    """A goal and what was reached of it, as plain data."""
    return {
        "what": outcome.goal.what,
        "durability": outcome.goal.durability,
        "share": outcome.share,
        "share_goal": outcome.goal.share or None,
        "times": outcome.times,
        "times_goal": outcome.goal.times or None,
        "reached": outcome.shortfall if outcome.result is not None else None,
        "reason": outcome.reason,
        "row": None if outcome.result is None else record_row(outcome.result),
    }


def load(path: Path) -> dict[str, Any]:
    """What `--json` wrote.

    Raises:
        ValueError: the file is not that.
        OSError: it cannot be read.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
        known = found["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a result of pq-bench; make one with --json") from error
    if known != FORMAT:
        raise ValueError(
            f"{path} has the format {known}, this pq-bench reads {FORMAT}; measure again"
        )
    return found


def key_of(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """What makes two rows comparable."""
    return row["backend"], row["durability"], row["workload"], row["serializer"]
