"""What is said of measurements: medians, noise, comparisons, the format."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from pq_bench._compare import compare, show_comparison
from pq_bench._contest import Result
from pq_bench._goals import Goal, Outcome
from pq_bench._records import load, record_goal
from pq_bench._results import results_page
from pq_bench._statistics import latency_of, spread_of
from pq_bench._tables import show_rows
from pq_bench.cli import main
from pq_bench.stage.spec import Spec
from tests.bench.samples import document, result


def test_spread_is_the_middle_half() -> None:
    """The median stands between the quartiles, and one wild round moves none of them far."""
    spread = spread_of([10.0, 11.0, 10.5, 10.2, 99.0])
    assert (spread.low, spread.median, spread.high) == (10.2, 10.5, 11.0)
    assert not spread.is_noisy


def test_latency_percentiles() -> None:
    """The ninety-ninth percentile of a hundred is not the slowest, and nothing is lost."""
    latency = latency_of([1_000 * each for each in range(1, 201)])
    assert (latency.p50, latency.p99, latency.highest) == (101.0, 199.0, 200.0)
    assert sum(count for _, count in latency.histogram) == latency.count == 200
    bounds = [bound for bound, _ in latency.histogram]
    assert bounds == sorted(bounds)


@pytest.mark.parametrize(
    ("ours", "is_noisy"), [([50, 51, 49, 50], False), ([20, 80, 50, 140], True)]
)
def test_noise_is_told(ours: list[float], is_noisy: bool) -> None:
    """A row whose rounds lie too far apart to believe it says so in the table."""
    row = result(ours, [100, 100, 100, 100])
    assert row.is_noisy is is_noisy
    told = StringIO()
    show_rows(Console(width=200, file=told), [row])
    assert ("noisy" in told.getvalue()) is is_noisy


@pytest.mark.parametrize("width", [70, 80, 90, 150])
def test_nothing_is_cut_on_a_terminal(width: int) -> None:
    """Where a table has no room, some columns are left out and named; the others are whole."""
    rates = [123_456, 123_456], [234_567, 234_567]
    row = result(*rates, "put-threads-8", peers={"peer": [9_876, 9_876]})
    told = StringIO()
    show_rows(Console(width=width, file=told, force_terminal=True, color_system=None), [row])
    lines = told.getvalue().splitlines()
    assert max(len(line) for line in lines) <= width
    ours, beside = (" ".join(line.split()) for line in lines if "put-threads-8" in line)
    assert ours.startswith("file put-threads-8 normal 123,456")
    assert ours.endswith("0.53 (0.53..0.53)")
    assert beside == "file put-threads-8 normal peer 9,876 12.5 x"
    shown = " / 90 234,567 " in ours
    assert shown is (width == 150)
    assert ("no room for p50 / p99 / max µs" in told.getvalue()) is not shown


def test_a_share_is_one_of_neighbours() -> None:
    """A machine that gets slower half way spoils no ratio: rounds are compared in pairs."""
    row = result([50, 50, 5, 5], [100, 100, 10, 10])
    (floor,) = row.sides[1:]
    assert floor.ratio is not None
    assert floor.ratio.median == 0.5
    assert not row.is_noisy


def test_the_page_tells_what_the_floor_reaches() -> None:
    """Where the bare calls miss a goal as well, the reader of the results page sees it."""
    row = result([40, 40, 40], [90, 90, 90], peers={"peer": [10, 10, 10]})
    outcome = Outcome(Goal("put", "file", "normal", Spec("put"), 0.3, 50, label="L1"), row)
    page = results_page({**document(row), "goals": [record_goal(outcome)]})
    assert "| 0.44 (0.44..0.44) | 0.3 | 10 | normal | **4.0** (9.0) | 50 |" in page


def write(path: Path, *results: Result) -> Path:
    """The file that `--json` would write of these."""
    path.write_text(json.dumps(document(*results)))
    return path


def test_compare_marks_what_got_slower(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What takes longer than it may, beyond the noise, ends with 1; the rest does not."""
    steady = [100.0, 100.0, 100.0]
    before = write(tmp_path / "a", result([50, 51, 49], steady), result([9, 9, 9], steady, "get"))
    slower = write(tmp_path / "b", result([30, 31, 29], steady), result([9, 9, 9], steady, "get"))
    assert main(["compare", str(before), str(slower), "--fail-over", "1.2"]) == 1
    assert "TOO SLOW" in capsys.readouterr().out
    assert main(["compare", str(before), str(slower), "--fail-over", "1.8"]) == 0
    assert main(["compare", str(before), str(slower)]) == 0
    assert "1 of 2 rows got slower" in capsys.readouterr().out
    assert main(["compare", str(slower), str(before), "--fail-over", "1.2"]) == 0


def test_a_verdict_is_not_cut() -> None:
    """A terminal that is too narrow for all of a comparison shows what it comes to."""
    steady = [100.0, 100.0, 100.0]
    before, after = (document(result(rates, steady)) for rates in ([50, 51, 49], [30, 31, 29]))
    told = StringIO()
    out = Console(width=60, file=told, force_terminal=True, color_system=None)
    show_comparison(out, compare(before, after), 1.2)
    (row,) = (line.split() for line in told.getvalue().splitlines() if "put" in line)
    assert row[:3] == ["file", "put", "normal"]
    assert row[-2:] == ["TOO", "SLOW"]
    assert "no room for before/s" in told.getvalue()


def test_compare_blames_the_machine() -> None:
    """Where the floor got slower as much, the queue did not."""
    before = document(result([50, 50, 50], [100, 100, 100]))
    after = document(result([25, 25, 25], [50, 50, 50]))
    (change,) = compare(before, after)
    assert change.slowdown == 1.0
    assert change.machine == 2.0
    assert not change.is_slower


def test_compare_believes_no_noise() -> None:
    """A slowdown within the spread of the rounds is no slowdown."""
    steady = [100.0] * 4
    before = document(result([50, 90, 60, 40], steady))
    after = document(result([40, 70, 50, 30], steady))
    (change,) = compare(before, after)
    assert change.slowdown > 1.2
    assert not change.is_slower_than(1.2)


def test_compare_needs_the_same_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Two results without a common row are an error that says so."""
    before = write(tmp_path / "a", result([1, 1], [1, 1], "put"))
    after = write(tmp_path / "b", result([1, 1], [1, 1], "get"))
    assert main(["compare", str(before), str(after)]) == 2
    assert "no row in common" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}'])
def test_foreign_files_are_refused(tmp_path: Path, text: str) -> None:
    """A file that is no result, or one of another format, is an error that names it."""
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"x\.json"):
        load(path)
