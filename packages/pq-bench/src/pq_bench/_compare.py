"""`compare`: what got slower from one run to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.text import Text

from pq_bench._records import key_of
from pq_bench._tables import grid, rate

__all__ = ["Change", "compare", "show_comparison"]


@dataclass(frozen=True)
class Change:
    """One row in two runs.

    Attributes:
        key: backend, durability, workload, serializer.
        before: items a second.
        after: the same, later.
        machine: how much slower the floor got: what the machine is to blame for; None: no floor.
        noise: up to here a slowdown may be chance: the quartiles of both runs together.
    """

    key: tuple[str, str, str, str]
    before: float
    after: float
    machine: float | None
    noise: float

    @property
    def slowdown(self) -> float:
        """How many times as long it takes now; where there is a floor, beside the floor."""
        return self.before / self.after / (self.machine or 1.0)

    @property
    def is_slower(self) -> bool:
        """Whether it got slower beyond the noise."""
        return self.slowdown > 1 + self.noise

    def is_slower_than(self, limit: float) -> bool:
        """Whether it takes more than `limit` times as long, and not by chance."""
        return self.is_slower and self.slowdown > limit


def compare(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The rows that both have, the slowest change first."""
    old = {key_of(row): row for row in before["rows"]}
    changes = [_change(old[key_of(row)], row) for row in after["rows"] if key_of(row) in old]
    return sorted(changes, key=lambda each: -each.slowdown)


def _change(before: dict[str, Any], after: dict[str, Any]) -> Change:
    old, new = before["sides"][0]["rate"], after["sides"][0]["rate"]
    floors = [_floor(before), _floor(after)]
    machine = None
    spreads = [old, new]
    if floors[0] is not None and floors[1] is not None:
        machine = floors[0]["rate"]["median"] / floors[1]["rate"]["median"]
        # The ratio to the floor is what is compared, so its noise is what counts.
        spreads = [before_and["ratio"] for before_and in floors if before_and is not None]
    noise = sum(_noise(each) ** 2 for each in spreads) ** 0.5
    return Change(key_of(after), old["median"], new["median"], machine, noise)


def _floor(row: dict[str, Any]) -> dict[str, Any] | None:
    return next((each for each in row["sides"] if each["role"] == "floor"), None)


def _noise(spread: dict[str, float]) -> float:
    far = max(spread["high"] - spread["median"], spread["median"] - spread["low"])
    return far / spread["median"] if spread["median"] else 0.0


def show_comparison(out: Console, changes: list[Change], limit: float | None) -> None:
    """Prints the changes, and how many of them are beyond the noise."""
    rows: list[list[str | Text]] = []
    for each in changes:
        backend, durability, workload, serializer = each.key
        rows.append(
            [
                backend if serializer == "pickle" else f"{backend}, {serializer}",
                workload,
                durability,
                rate(each.before),
                rate(each.after),
                f"{each.slowdown:.2f}",
                "" if each.machine is None else f"{each.machine:.2f}",
                f"±{each.noise:.2f}",
                _verdict(each, limit),
            ]
        )
    headings = ["queue", "workload", "durability", "before/s", "after/s", "time, times"]
    headings += ["of the floor", "noise", ""]
    grid(out, headings, rows, left=3, spare=("before/s", "after/s", "noise", "of the floor"))
    slower = sum(each.is_slower for each in changes)
    out.print(f"{slower} of {len(changes)} rows got slower beyond the noise")


def _verdict(change: Change, limit: float | None) -> Text:
    if limit is not None and change.is_slower_than(limit):
        return Text("TOO SLOW", style="bold red")
    if change.is_slower:
        return Text("slower", style="yellow")
    return Text("faster", style="green") if change.slowdown < 1 - change.noise else Text("same")
