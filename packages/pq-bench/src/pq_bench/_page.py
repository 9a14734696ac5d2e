"""`page`: results as one HTML file that needs nothing else, on a desk or on a phone."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files
from itertools import cycle
from typing import Any, Final

from pq_bench._charts import Series, amount, distribution, lines
from pq_bench._machine import told

__all__ = ["page"]

#: What a family of workloads differs in.
_STEPS: Final = {
    "put-size": "bytes of an item",
    "get-size": "bytes of an item",
    "put-threads": "threads that put",
    "threads": "producers, and as many consumers, in threads",
    "processes": "producers, and as many consumers, in processes",
    "deep": "items in the queue",
    "priority-deep": "items in the queue",
    "ack-history": "acked items in the queue",
    "async-put": "tasks",
    "async-get": "tasks",
}
_COLORS: Final = ("--s0", "--s1", "--s2", "--s3", "--s4", "--s5")


def page(document: dict[str, Any]) -> str:
    """The page of what `--json` would write: charts, and every figure in a table."""
    rows = document["rows"]
    style = files("pq_bench").joinpath("page.css").read_text("utf-8")
    parts = [
        _head(document),
        _goals(document.get("goals", [])),
        _bars(rows),
        _scaling(rows),
        _latencies(rows),
        _readings(document["readings"]),
        _figures(rows),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>pq-bench, {escape(document['started'][:10])}</title>\n"
        f"<style>\n{style}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(part for part in parts if part)
        + "\n</main>\n</body>\n</html>\n"
    )


def _head(document: dict[str, Any]) -> str:
    plan = document["plan"]
    amount_told = f"{plan['count']:,} items" if plan["count"] else f"{plan['seconds']:g} s"
    notes = "".join(f'<p class="doubt">{escape(note)}</p>' for note in document["notes"])
    return (
        "<h1>Durable queues, beside their floors</h1>\n"
        f'<p class="dim">{escape(told(document["machine"]))}</p>\n'
        f"<pre>{escape(document['command'])}</pre>\n"
        f"<p>{escape(document['started'][:10])}. Medians of {plan['rounds']} interleaved rounds of "
        f"{amount_told}. A <em>floor</em> is a plain loop over the same calls, on the same disk, at "
        "the same durability: nothing that stores as much can be faster by much.</p>"
        f"{notes}"
    )


def _section(title: str, said: str, inside: Iterable[str]) -> str:
    cards = "\n".join(inside)
    if not cards:
        return ""
    return (
        f'<section>\n<h2>{title}</h2>\n<p class="dim">{said}</p>\n'
        f'<div class="cards">\n{cards}\n</div>\n</section>'
    )


# -- goals ------------------------------------------------------------------------------------


def _goals(goals: list[dict[str, Any]]) -> str:
    measured = [each for each in goals if each["row"]]
    if not measured:
        return ""
    rows = [
        [
            escape(each["what"]),
            each["durability"],
            _of_goal(each["share"], each["share_goal"], ""),
            _plain(each["share_goal"], ""),
            _of_goal(each["times"], each["times_goal"], " x"),
            _plain(each["times_goal"], " x"),
        ]
        for each in measured
    ]
    headings = ["goal", "durability", "share", "at least", "predecessor", "at least"]
    return "<section>\n<h2>Goals</h2>\n" + _table(headings, rows) + "</section>"


def _of_goal(value: float | None, goal: float | None, unit: str) -> str:
    if value is None:
        return ""
    kind = "" if goal is None else "good" if value >= goal else "bad"
    return f'<span class="{kind}">{value:.2f}{unit}</span>'


def _plain(value: float | None, unit: str) -> str:
    return "" if value is None else f"{value:g}{unit}"


# -- bars -------------------------------------------------------------------------------------


def _bars(rows: list[dict[str, Any]]) -> str:
    return _section(
        "Items a second",
        "Each card has a scale of its own. The figure in its corner is the share of the floor.",
        (_bar_card(row) for row in rows if not row["family"]),
    )


def _bar_card(row: dict[str, Any]) -> str:
    most = max(side["rate"]["median"] for side in row["sides"])
    bars = "".join(_bar(side, most) for side in row["sides"])
    floor = next((s for s in row["sides"] if s["role"] in ("floor", "twin")), None)
    corner = ""
    if floor is not None and floor["ratio"] is not None:
        doubt = ' <span class="chip doubt">noisy</span>' if row["noisy"] else ""
        corner = f"<b>{floor['ratio']['median']:.2f}{doubt}</b>"
    return f'<article class="card"><header><h3>{_title(row)}</h3>{corner}</header>{bars}</article>'


def _bar(side: dict[str, Any], most: float) -> str:
    rate = side["rate"]["median"]
    width = rate / most * 100
    label = f"{rate:,.0f}"
    if side["role"] == "peer" and side["ratio"] is not None:
        label += f" · {side['ratio']['median']:.1f} x"
    return (
        f'<div class="bar {side["role"]}"><span title="{escape(side["label"])}">'
        f"{escape(side['label'])}</span>"
        f'<div><div class="fill" style="width:{width:.1f}%"></div></div><i>{label}</i></div>'
    )


def _title(row: dict[str, Any]) -> str:
    name = f"{row['backend']} {row['workload']}"
    if row["workload"].lower().startswith((row["backend"], "async")) or " " in row["workload"]:
        name = row["workload"]
    durability = "" if row["backend"] == "memory" else f" · {row['durability']}"
    serializer = "" if row["serializer"] == "pickle" else f" · {row['serializer']}"
    return escape(name + durability + serializer)


# -- lines ------------------------------------------------------------------------------------


def _scaling(rows: list[dict[str, Any]]) -> str:
    cards = []
    for family in dict.fromkeys(row["family"] for row in rows if row["family"]):
        lines_of: dict[str, list[tuple[float, float]]] = {}
        for row in rows:
            if row["family"] == family:
                name = row["backend"]
                if name != "memory":
                    name += f", {row['durability']}"
                points = lines_of.setdefault(name, [])
                points.append((float(row["step"]), row["sides"][0]["rate"]["median"]))
        if all(len(points) < 2 for points in lines_of.values()):
            continue
        series = [
            _relative(name, _COLORS[index % len(_COLORS)], sorted(points))
            for index, (name, points) in enumerate(lines_of.items())
        ]
        said = _STEPS.get(family, family)
        chart = lines(series, f"{family}: how the rate changes with {said}")
        cards.append(
            f'<figure class="card"><h3>{escape(family)}</h3>{chart}'
            f"<figcaption>over: {escape(said)}</figcaption></figure>"
        )
    return _section(
        "Scaling",
        "How many times the first rate is reached with more of something: a level line means that "
        "it makes no difference.",
        cards,
    )


def _relative(name: str, color: str, points: list[tuple[float, float]]) -> Series:
    """A line that begins at 1; the key tells what that is."""
    first = points[0][1]
    return Series(
        f"{name}: 1 is {amount(first)}/s", color, [(step, rate / first) for step, rate in points]
    )


def _latencies(rows: list[dict[str, Any]]) -> str:
    return _section(
        "Latency",
        "How long single operations took: the share of them over the time, which is logarithmic.",
        (card for row in rows if not row["family"] and (card := _latency_card(row))),
    )


def _latency_card(row: dict[str, Any]) -> str:
    series = []
    peers = cycle(_COLORS[1:])  # ours has the first
    for side in row["sides"]:
        latency = side["latency"]
        if latency is None or latency["count"] < 2:
            continue
        points = [(bound, share / latency["count"]) for bound, share in latency["histogram"]]
        color = next(peers) if side["role"] == "peer" else f"--{side['role']}"
        series.append(Series(side["label"], color, points, side["role"] == "ours"))
    if not series or row["sides"][0]["latency"] is None:
        return ""
    ours = row["sides"][0]["latency"]
    told_of_it = " · ".join(
        f"{name} {_micros(ours[key])}"
        for name, key in (("p50", "p50"), ("p99", "p99"), ("max", "highest"))
    )
    chart = distribution(series, f"latency of {row['workload']}")
    return (
        f'<figure class="card"><h3>{_title(row)}</h3>{chart}'
        f"<figcaption>{told_of_it}</figcaption></figure>"
    )


def _micros(value: float) -> str:
    return f"{value / 1e3:,.2f} ms" if value >= 1e3 else f"{value:.3g} µs"


# -- tables -----------------------------------------------------------------------------------


def _readings(readings: list[dict[str, Any]]) -> str:
    if not readings:
        return ""
    rows = []
    for each in readings:
        kind = {None: "", True: "good", False: "bad"}[each["met"]]
        rows.append(
            [
                escape(each["what"]),
                f'<span class="{kind}">{each["value"]:,.2f} {escape(each["unit"])}</span>',
                "" if each["floor"] is None else f"{each['floor']:,.2f}",
                _plain(each["goal"], ""),
                escape(each["detail"]),
            ]
        )
    headings = ["what", "figure", "floor", "at most", ""]
    return (
        "<section>\n<h2>By themselves</h2>\n"
        + _table(headings, rows, text_last=True)
        + "</section>"
    )


def _figures(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    cells = []
    for row in rows:
        for side in row["sides"]:
            latency = side["latency"]
            ratio = side["ratio"]
            cells.append(
                [
                    _title(row),
                    escape(side["label"]),
                    f"{side['rate']['median']:,.0f}",
                    f"{amount(side['rate']['low'])}..{amount(side['rate']['high'])}",
                    "" if ratio is None else f"{ratio['median']:.2f}",
                    "" if ratio is None else f"{ratio['low']:.2f}..{ratio['high']:.2f}",
                    *(
                        ["", "", ""]
                        if latency is None
                        else [_micros(latency[key]) for key in ("p50", "p99", "highest")]
                    ),
                ]
            )
    headings = ["row", "side", "items/s", "quartiles", "ratio", "quartiles", "p50", "p99", "max"]
    return (
        "<details>\n<summary>Every figure in a table</summary>\n"
        + _table(headings, cells)
        + "</details>"
    )


def _table(headings: list[str], rows: list[list[str]], *, text_last: bool = False) -> str:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = []
    for row in rows:
        cells = [f"<td>{cell}</td>" for cell in row]
        if text_last:
            cells[-1] = f'<td class="text">{row[-1]}</td>'
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>\n"
    )
