"""The results page: the goals and what was measured of them, in Markdown."""

from __future__ import annotations

from typing import Any, Final

from pq_bench._machine import told

__all__ = ["results_page"]

_HEADINGS: Final = (
    *("what", "durability", "items/s", "beside", "beside/s", "share", "goal"),
    *("predecessor/s", "it writes at", "times", "goal"),
)


def results_page(document: dict[str, Any]) -> str:
    """The page, from what `goals` has measured."""
    lines = [
        "# Results",
        "",
        "Written by the runner itself; this made it:",
        "",
        "```text",  # shown, not run by the tests of the documentation
        f"$ {document['command']}",
        "```",
        "",
        f"{document['started'][:10]}. {told(document['machine'])}. Versions: "
        + ", ".join(f"{name} {version}" for name, version in _versions(document))
        + ".",
        "",
        _how(document),
        "",
        f"| {' | '.join(_HEADINGS)} |",
        "|---|---|---:|---|---:|---:|---:|---:|---|---:|---:|",
        *(_goal(each) for each in document["goals"]),
        "",
        "| what | figure | floor | goal: at most | met | |",
        "|---|---:|---:|---:|---|---|",
        *(_reading(each) for each in document["readings"]),
        "",
        *(f"{note}." for note in document["notes"]),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _versions(document: dict[str, Any]) -> list[tuple[str, str]]:
    return [*document["machine"]["packages"].items(), *document["peers"].items()]


def _how(document: dict[str, Any]) -> str:
    plan = document["plan"]
    amount = f"{plan['count']} items" if plan["count"] else f"{plan['seconds']:g} s"
    return (
        f"Rates are medians of {plan['rounds']} rounds of {amount}; all sides of a row take turns, "
        "so a ratio is the median of the ratios of neighbours, in brackets between which quartiles "
        "they lie. A share in *italics* has quartiles so far apart that it is not to be believed. "
        "Goals that are missed are **bold**. The predecessor is persist-queue, in an environment "
        "and a process of its own; it has one durability, and where that is not ours the table "
        "says so. In brackets behind its ratio is how many times as fast as the predecessor the "
        "floor is: where that is less than the goal, the bare calls would miss it as well."
    )


def _goal(goal: dict[str, Any]) -> str:
    row = goal["row"]
    if row is None:
        return f"| {goal['what']} | {goal['durability']} | {goal['reason']} " + "| " * 8 + "|"
    ours = row["sides"][0]
    beside = next((each for each in row["sides"] if each["role"] in ("twin", "floor")), None)
    peer = next((each for each in row["sides"] if each["role"] == "peer"), None)
    cells = [goal["what"], goal["durability"], f"{ours['rate']['median']:,.0f}"]
    if beside is None:
        cells += [""] * 4
    else:
        spread = beside["ratio"]
        share = f"{spread['median']:.2f}"
        if row["noisy"]:
            share = f"*{share}*"
        if goal["share_goal"] and goal["share"] < goal["share_goal"]:
            share = f"**{share}**"
        cells += [
            beside["label"],
            f"{beside['rate']['median']:,.0f}",
            f"{share} ({spread['low']:.2f}..{spread['high']:.2f})",
            "" if goal["share_goal"] is None else f"{goal['share_goal']:g}",
        ]
    if peer is None:
        cells += [""] * 4
    else:
        times = f"{peer['ratio']['median']:.1f}"
        if goal["times_goal"] and goal["times"] < goal["times_goal"]:
            times = f"**{times}**"
        if beside is not None and beside["role"] == "floor":
            times += f" ({beside['rate']['median'] / peer['rate']['median']:.1f})"
        cells += [
            f"{peer['rate']['median']:,.0f}",
            peer["durability"],
            times,
            "" if goal["times_goal"] is None else f"{goal['times_goal']:g}",
        ]
    return f"| {' | '.join(cells)} |"


def _reading(reading: dict[str, Any]) -> str:
    floor = "" if reading["floor"] is None else f"{reading['floor']:,.2f}"
    goal = "" if reading["goal"] is None else f"{reading['goal']:g}"
    met = {None: "", True: "yes", False: "**no**"}[reading["met"]]
    figure = f"{reading['value']:,.2f} {reading['unit']}"
    return f"| {reading['what']} | {figure} | {floor} | {goal} | {met} | {reading['detail']} |"
