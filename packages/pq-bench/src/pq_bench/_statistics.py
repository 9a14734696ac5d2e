"""Medians, quartiles, percentiles: what is said of many measurements."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["NOISY", "Latency", "Spread", "latency_of", "spread_of"]

#: A quartile this far from the median, as a share of it, is too far to believe the median.
NOISY = 0.25
#: Bounds of a histogram of latencies: so many to a power of ten.
_STEPS = 8


@dataclass(frozen=True)
class Spread:
    """Many measurements of one thing.

    Attributes:
        low: the lower quartile.
        median: half of them are less.
        high: the upper quartile.
    """

    low: float
    median: float
    high: float

    @property
    def is_noisy(self) -> bool:
        """Whether the middle half of the measurements lies too far apart to believe them."""
        return self.noise > NOISY

    @property
    def noise(self) -> float:
        """The distance of the farther quartile from the median, as a share of it."""
        if not self.median:
            return 0.0
        return max(self.high - self.median, self.median - self.low) / self.median


def spread_of(values: Sequence[float]) -> Spread:
    """The quartiles of at least one value."""
    if len(values) < 2:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass(frozen=True)
class Latency:
    """How long single operations took, in microseconds.

    Attributes:
        p50: half of them took less.
        p99: ninety-nine of a hundred took less.
        highest: the slowest.
        count: of operations.
        histogram: pairs of an upper bound, in microseconds, and how many lay below it and above
            the one before.
    """

    p50: float
    p99: float
    highest: float
    count: int
    histogram: list[tuple[float, int]]


def latency_of(nanoseconds: Sequence[int]) -> Latency:
    """What is said of at least one latency."""
    ordered = sorted(nanoseconds)
    bins: dict[int, int] = {}
    for each in ordered:
        step = math.ceil(math.log10(max(1, each)) * _STEPS)
        bins[step] = bins.get(step, 0) + 1
    return Latency(
        p50=_rank(ordered, 0.50) / 1e3,
        p99=_rank(ordered, 0.99) / 1e3,
        highest=ordered[-1] / 1e3,
        count=len(ordered),
        histogram=[(float(f"{10 ** (step / _STEPS) / 1e3:.3g}"), bins[step]) for step in bins],
    )


def _rank(ordered: Sequence[int], share: float) -> int:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
