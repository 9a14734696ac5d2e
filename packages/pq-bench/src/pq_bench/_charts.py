"""Charts as SVG: lines over a logarithmic axis, drawn by hand, coloured by the page's style."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Series", "amount", "distribution", "lines"]

#: Size of a chart in its own units; the page scales it. A label is 11 of them high.
_WIDTH, _HEIGHT = 340, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 10, 10, 26


@dataclass(frozen=True)
class Series:
    """One line.

    Attributes:
        name: in the key.
        color: a variable of the style, such as "--ours".
        points: pairs; the abscissae are positive.
        is_filled: whether the area below is tinted.
    """

    name: str
    color: str
    points: Sequence[tuple[float, float]]
    is_filled: bool = False


def lines(series: Sequence[Series], what: str) -> str:
    """Lines over a logarithmic abscissa, the ordinate from nothing.

    Args:
        series: at least one, with at least one point.
        what: the chart shows, for those who hear it.
    """
    xs = sorted({x for each in series for x, _ in each.points})
    most = _ceiling(max(y for each in series for _, y in each.points))
    frame = _Frame(math.log10(xs[0]), math.log10(xs[-1]), most)
    ticks = "".join(frame.below(x, amount(x)) for x in _spaced(xs))
    curves = "".join(_curve(frame, each, dots=True) for each in series)
    return _svg(what, frame.grid() + ticks + curves) + _key(series)


def distribution(series: Sequence[Series], what: str) -> str:
    """Shares of operations over their latency in microseconds, logarithmic."""
    xs = [x for each in series for x, _ in each.points]
    low, high = math.floor(math.log10(min(xs))), math.ceil(math.log10(max(xs)))
    most = max(y for each in series for _, y in each.points) * 1.05
    frame = _Frame(low, max(high, low + 1), most)
    step = 1 if high - low <= 5 else 2
    ticks = "".join(
        frame.below(10.0**power, _duration(10.0**power)) for power in range(low, high + 1, step)
    )
    curves = "".join(_curve(frame, each, dots=False) for each in series)
    return _svg(what, frame.base() + ticks + curves) + _key(series)


@dataclass(frozen=True)
class _Frame:
    """Where a value lies: the abscissa by its logarithm."""

    low: float
    high: float
    most: float

    def x(self, value: float) -> float:
        width = _WIDTH - _LEFT - _RIGHT
        span = self.high - self.low
        share = (math.log10(value) - self.low) / span if span else 0.5
        return round(_LEFT + share * width, 1)

    def y(self, value: float) -> float:
        height = _HEIGHT - _TOP - _BOTTOM
        return round(_HEIGHT - _BOTTOM - value / (self.most or 1) * height, 1)

    def base(self) -> str:
        bottom = _HEIGHT - _BOTTOM
        return f'<path class="axis" d="M{_LEFT} {bottom}H{_WIDTH - _RIGHT}"/>'

    def grid(self) -> str:
        found = []
        for part in range(3):
            value = self.most * part / 2
            y = self.y(value)
            found.append(f'<path class="axis" d="M{_LEFT} {y}H{_WIDTH - _RIGHT}"/>')
            found.append(
                f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{amount(value)}</text>'
            )
        return "".join(found)

    def below(self, value: float, label: str) -> str:
        return (
            f'<text x="{self.x(value)}" y="{_HEIGHT - 9}" text-anchor="middle">'
            f"{escape(label)}</text>"
        )


def _curve(frame: _Frame, series: Series, *, dots: bool) -> str:
    points = [(frame.x(x), frame.y(y)) for x, y in series.points]
    path = "L".join(f"{x} {y}" for x, y in points)
    color = f"var({series.color})"
    found = ""
    if series.is_filled:
        bottom = frame.y(0)
        found += (
            f'<path class="area" style="fill:{color}" '
            f'd="M{points[0][0]} {bottom}L{path}L{points[-1][0]} {bottom}Z"/>'
        )
    found += f'<path class="curve" style="stroke:{color}" d="M{path}"/>'
    if dots:
        found += "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{color}"/>' for x, y in points)
    return found


def _svg(what: str, inside: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(what)}">'
        f"{inside}</svg>"
    )


def _key(series: Sequence[Series]) -> str:
    entries = "".join(
        f'<span><b style="background:var({each.color})"></b>{escape(each.name)}</span>'
        for each in series
    )
    return f'<div class="key">{entries}</div>'


def _spaced(xs: list[float]) -> list[float]:
    """Ticks that do not touch: all, or every second one."""
    return xs if len(xs) <= 7 else xs[::2]


def _ceiling(value: float) -> float:
    """The next round number."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value)


def amount(value: float) -> str:
    """A number in four characters: 950, 12k, 1.5M."""
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def _duration(micros: float) -> str:
    for size, unit in ((1e6, "s"), (1e3, "ms"), (1, "µs")):
        if micros >= size:
            return f"{micros / size:g} {unit}"
    return f"{micros * 1e3:g} ns"
