"""Tables: on a terminal as rich draws them, in a pipe as plain columns."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from textwrap import fill
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from pq_bench._contest import Result, SideResult
from pq_bench._goals import Outcome, judge
from pq_bench._readings import Reading
from pq_bench._statistics import Latency, Spread

__all__ = ["console", "grid", "show_goals", "show_readings", "show_rows"]

#: Columns of a pipe: nothing is folded or cut that a program may want to read.
_WIDE: Final = 10_000


def console() -> Console:
    """Where tables go: standard output."""
    found = Console(file=sys.stdout, highlight=False, soft_wrap=not sys.stdout.isatty())
    return found if found.is_terminal else Console(file=sys.stdout, highlight=False, width=_WIDE)


def grid(
    out: Console,
    headings: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    left: int = 1,
    spare: Sequence[str] = (),
) -> None:
    """Prints a table whose first `left` columns hold words and the others figures.

    Args:
        out: where to.
        headings: of the columns.
        rows: the cells of each.
        left: how many columns of words there are.
        spare: the headings of columns that are left out, in this order, where there is no room.
    """
    rows = list(rows)
    shown = list(range(len(headings)))
    left_out: list[str] = []
    table = _table(out, headings, rows, shown, left)
    if not _fits(out, table):
        table = _table(out, headings, rows, shown, left, fold=True)
    for heading in spare:
        if _fits(out, table):
            break
        left_out.append(heading)
        shown.remove(headings.index(heading))
        table = _table(out, headings, rows, shown, left, fold=True)
    out.print(table)
    if left_out:
        out.print(f"no room for {', '.join(left_out)}: widen the terminal, or use --json or a pipe")


def _fits(out: Console, table: Table) -> bool:
    return Measurement.get(out, out.options.update_width(_WIDE), table).minimum <= out.width


def _table(
    out: Console,
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    shown: Sequence[int],
    left: int,
    *,
    fold: bool = False,
) -> Table:
    """The table of some columns; with `fold` as narrow as it can be without a cell that is cut."""
    table = Table(
        box=SIMPLE_HEAD if out.is_terminal else None,
        pad_edge=out.is_terminal,
        collapse_padding=out.is_terminal,
    )
    for index in shown:
        heading, cells = headings[index], [str(row[index]) for row in rows]
        # Only what each row is about folds by itself. Where others may, rich cuts them as well.
        is_free = fold and index == 0
        pieces = [word for cell in cells for word in cell.split()] if is_free else cells
        if fold:
            longest = max(len(piece) for piece in [*heading.split(), *pieces, " "])
            heading = fill(heading, longest, break_on_hyphens=False)
        table.add_column(
            heading,
            justify="left" if index < left else "right",
            no_wrap=not is_free,
            min_width=max(len(piece) for piece in [*heading.split("\n"), *pieces]),
        )
    for row in rows:
        table.add_row(*(row[index] for index in shown))
    return table


def rate(value: float) -> str:
    """Items a second, to three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(spread: Spread | None) -> str:
    """A ratio and between which quartiles it lies."""
    if spread is None:
        return ""
    return f"{spread.median:.2f} ({spread.low:.2f}..{spread.high:.2f})"


def times(spread: Spread | None) -> str:
    """A ratio to a peer."""
    return "" if spread is None else f"{spread.median:.1f} x"


def micros(latency: Latency | None) -> str:
    """p50, p99 and the slowest, in microseconds."""
    if latency is None:
        return ""
    return f"{_short(latency.p50)} / {_short(latency.p99)} / {_short(latency.highest)}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def show_rows(out: Console, results: list[Result]) -> None:
    """Prints rows, each beside its floor; then how many times as fast as each peer they are."""
    headings = ["queue", "workload", "durability", "items/s", "spread", "p50 / p99 / max µs"]
    rows: list[list[str | Text]] = []
    peers: list[list[str | Text]] = []
    for result in results:
        floor = result.against("floor")
        head: list[str | Text] = [
            _queue(result),
            result.contest.workload,
            result.contest.durability if result.contest.backend != "memory" else "none",
        ]
        rows.append(
            [
                *head,
                rate(result.ours.spread.median),
                f"±{result.ours.spread.noise:.0%}",
                micros(result.ours.latency),
                "" if floor is None else rate(floor.spread.median),
                "" if floor is None else _share(floor.ratio, result.is_noisy),
            ]
        )
        peers += [
            [*head, each.side.label, rate(each.spread.median), times(each.ratio)]
            for each in result.sides
            if each.side.role == "peer"
        ]
    headings += ["floor/s", "share of the floor"]
    grid(out, headings, rows, left=3, spare=("p50 / p99 / max µs", "floor/s", "spread"))
    if peers:
        out.print()
        grid(out, [*headings[:3], "beside", "its items/s", "times"], peers, left=4)
    for note in dict.fromkeys(note for result in results for note in result.notes):
        out.print(f"[dim]{note}[/dim]" if out.is_terminal else note)
    if any(result.is_noisy for result in results):
        out.print("noisy: the middle half of the rounds lies too far apart to believe the row")


def _queue(result: Result) -> str:
    serializer = result.contest.serializer
    return result.contest.backend + ("" if serializer == "pickle" else f", {serializer}")


def _share(spread: Spread | None, is_noisy: bool) -> Text:
    text = Text(ratio(spread))
    if is_noisy:
        text.append(" noisy", style="yellow")
    return text


def show_readings(out: Console, readings: list[Reading]) -> None:
    """Prints what was measured by itself."""
    rows: list[list[str | Text]] = [
        [
            each.what,
            f"{each.value:,.2f} {each.unit}",
            "" if each.floor is None else f"{each.floor:,.2f}",
            "" if each.goal is None else f"{each.goal:g}",
            _verdict(each.is_met),
            each.detail,
        ]
        for each in readings
    ]
    if rows:
        grid(out, ["what", "figure", "floor", "goal: at most", "met", "detail"], rows)


def show_goals(out: Console, outcomes: list[Outcome], readings: list[Reading]) -> None:
    """Prints the table of goals, and those that fall short."""
    headings = ["what", "durability", "beside", "items/s", "beside/s", "share", "goal", "met"]
    headings += ["predecessor/s", "it writes at", "times", "goal", "met"]
    spare = ("it writes at", "predecessor/s", "beside/s", "items/s", "beside")
    grid(out, headings, [_goal(each) for each in outcomes], left=3, spare=spare)
    show_readings(out, readings)
    short = judge(outcomes)
    for each in short:
        what = f"{each.goal.what}, {each.goal.durability}"
        out.print(f"falls short: {what}: {each.shortfall:.0%} of its goal{_noise(each)}")
    missed = [each for each in readings if each.is_met is False]
    for reading in missed:
        out.print(f"falls short: {reading.what}: {reading.value:.2f} {reading.unit}")
    measured = sum(1 for each in outcomes if each.result is not None and each.goal.share)
    out.print(f"{measured - len(short)} of {measured} goals met that were measured as rates")


def _noise(outcome: Outcome) -> str:
    return " (noisy)" if outcome.result is not None and outcome.result.is_noisy else ""


def _goal(outcome: Outcome) -> list[str | Text]:
    goal, result = outcome.goal, outcome.result
    head: list[str | Text] = [goal.what, goal.durability, goal.label]
    if result is None:
        return [*head, outcome.reason, *[""] * 9]
    beside: SideResult | None = result.against("twin") or result.against("floor")
    peer = result.against("peer")
    cells = [*head, rate(result.ours.spread.median)]
    if beside is None:
        cells += [""] * 4
    else:
        cells += [rate(beside.spread.median), _share(beside.ratio, result.is_noisy)]
        cells += [f"{goal.share:.2f}" if goal.share else "", _met(outcome.share, goal.share)]
    if peer is None:
        return [*cells, *[""] * 5]
    cells += [rate(peer.spread.median), peer.side.durability, times(peer.ratio)]
    return [*cells, f"{goal.times:g} x" if goal.times else "", _met(outcome.times, goal.times)]


def _met(value: float | None, goal: float) -> Text:
    return _verdict(None if value is None or not goal else value >= goal)


def _verdict(is_met: bool | None) -> Text:
    if is_met is None:
        return Text("")
    return Text("yes", style="green") if is_met else Text("NO", style="bold red")
