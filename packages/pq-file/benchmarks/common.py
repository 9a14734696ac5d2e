"""What the benchmarks of this folder share."""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Options", "clean_environment", "fresh", "quartiles"]


class Options(argparse.Namespace):
    """What the command line said."""

    seconds: float
    count: int
    rounds: int
    only: list[str]
    dir: Path | None
    predecessor: str


def clean_environment() -> dict[str, str]:
    """The environment without what would let the other interpreter find our packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


@contextmanager
def fresh(root: Path) -> Iterator[Path]:
    """A directory that is gone afterwards."""
    directory = Path(tempfile.mkdtemp(dir=root))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """The lower quartile, the median and the upper quartile."""
    if len(values) < 2:
        return values[0], values[0], values[0]
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high
