"""The page: one file that needs no other, whole on a phone, read by a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import escape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pq_bench._page import page
from pq_bench.cli import main
from tests.bench.samples import document, result

#: Elements that have no end.
VOID = {"meta", "path", "circle"}


def example() -> str:
    """A page with every kind of chart."""
    steady = [100.0, 110.0, 90.0]
    return page(
        document(
            result([50, 60, 55], steady),
            result([20, 90, 55], steady, "get"),
            *(
                result([60.0 / step] * 3, steady, f"deep-{step}", "deep", step)
                for step in (1, 10, 100)
            ),
        )
    )


class Outline(HTMLParser):
    """Checks that elements are closed in order, and counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element begins."""
        self.counts[tag] = self.counts.get(tag, 0) + 1
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """An element is whole."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        """An element ends."""
        assert self.open.pop() == tag


def test_the_page_is_whole() -> None:
    """Its elements nest, and it has a chart for rates, for latencies and for scaling."""
    outline = Outline()
    outline.feed(example())
    assert outline.open == []
    assert outline.counts["svg"] == 3  # two latencies, one family
    assert outline.counts["article"] == 2
    assert outline.counts["table"] == 1


def test_the_page_needs_nothing_else() -> None:
    """It names no other file and no address."""
    text = example()
    outline = Outline()
    outline.feed(text)
    assert outline.addresses == []
    assert "script" not in outline.counts
    assert not re.search(r"https?:|url\(|@import", text)


def test_curves_can_be_told_apart() -> None:
    """In a chart of latencies no two have the same colour."""
    row = result([40, 40], [90, 90], peers={"one": [10, 10], "other": [20, 20]})
    colors = re.findall(r'<span><b style="background:(.*?)"', page(document(row)))
    assert len(colors) == len(set(colors)) == 4


def test_what_is_shown_is_escaped() -> None:
    """What came from the command line is text on the page, never markup."""
    assert "<b>" not in example().replace('<b style="background', "").replace("<b>0.", "")
    assert "&lt;b&gt;" in example()


def test_a_page_of_a_file(tmp_path: Path) -> None:
    """`page` draws what `--json` has written."""
    source, target = tmp_path / "a.json", tmp_path / "a.html"
    source.write_text(json.dumps(document(result([1, 2], [3, 4]))))
    assert main(["page", str(source), str(target)]) == 0
    assert "file put" in target.read_text()


@pytest.fixture
def chromium() -> str:
    """The browser."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        if os.environ.get("PQ_REQUIRE_SERVERS") == "1":
            pytest.fail("there is no chromium, and PQ_REQUIRE_SERVERS=1 wants one")
        pytest.skip("there is no chromium here")
    return found


#: Shows a page as wide as a phone and as a desk, and says what became of it.
HARNESS = """<!doctype html><meta charset="utf-8"><body>
<iframe id="phone" style="width:390px;height:800px" srcdoc="{0}"></iframe>
<iframe id="desk" style="width:1200px;height:800px" srcdoc="{0}"></iframe>
<script>
onload = () => {{
  const told = {{}};
  for (const name of ["phone", "desk"]) {{
    const page = document.getElementById(name).contentDocument;
    const charts = [...page.querySelectorAll("svg")].map((each) => each.getBoundingClientRect());
    const cards = [...page.querySelectorAll(".card")].map((each) => each.getBoundingClientRect());
    told[name] = {{
      width: page.documentElement.clientWidth,
      needed: page.documentElement.scrollWidth,
      charts: charts.map((each) => [each.width, each.height]),
      columns: new Set(cards.map((each) => each.left)).size,
      bars: [...page.querySelectorAll(".fill")].map((each) => each.getBoundingClientRect().width),
    }};
  }}
  document.body.textContent = "TOLD" + JSON.stringify(told) + "END";
}};
</script></body>"""


def test_in_a_browser(chromium: str, tmp_path: Path) -> None:
    """A real browser lays it out: nothing sticks out on a phone, and the desk has columns."""
    harness = tmp_path / "harness.html"
    harness.write_text(HARNESS.format(escape(example())), "utf-8")
    done = subprocess.run(
        [
            chromium,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            f"--user-data-dir={tmp_path / 'profile'}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            harness.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    match = re.search(r"TOLD(.*)END", done.stdout)
    assert match is not None
    told = json.loads(match[1])
    for name in ("phone", "desk"):
        assert told[name]["needed"] <= told[name]["width"]
        assert len(told[name]["charts"]) == 3
        assert all(width > 200 and height > 100 for width, height in told[name]["charts"])
        assert all(width > 20 for width in told[name]["bars"])
    assert told["phone"]["columns"] == 1
    assert told["desk"]["columns"] > 1
