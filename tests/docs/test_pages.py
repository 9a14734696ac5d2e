"""What the READMEs and the pages of the site show works as shown: every block of code is run."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from pq_core.errors import BackendNotInstalled
from tests.docs.pages import ROOT, Block, Session, blocks

READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
PAGES = sorted(ROOT.glob("docs/**/*.md"))

#: The fixture that sets the variables by which the blocks of a wheel find their server.
ENVIRONMENTS = {"pq-postgres": "postgres_environment"}

#: What a console block without `$` may call: programs that change the reader's own machine.
INSTALLERS = ("pip", "hatch", "uvx", "python3 -m venv")


def name_of(page: Path) -> str:
    """The page's path inside the repository."""
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize(
    "page", [*READMES, *(pytest.param(page, marks=pytest.mark.slow) for page in PAGES)], ids=name_of
)
def test_blocks_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The blocks of a page run from top to bottom, in one session, in an empty directory."""
    for module in page.parent.glob("src/*/__init__.py"):
        pytest.importorskip(module.parent.name)
    if any(block.language == "console" for block in blocks(page)) and not shutil.which("bash"):
        pytest.skip("needs bash")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, sys.path)))
    monkeypatch.chdir(tmp_path)

    def server(name: str) -> object:
        try:
            return request.getfixturevalue(name)
        except pytest.FixtureLookupError:
            pytest.skip(f"there is no fixture {name}")

    if page.parent.name in ENVIRONMENTS:
        server(ENVIRONMENTS[page.parent.name])
    session = Session(page, server)
    for block in blocks(page):
        try:
            session.run(block)
        except BackendNotInstalled as error:
            pytest.skip(str(error))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_blocks_without_a_prompt_only_install(page: Path) -> None:
    """A console block of the site is run, unless it installs something on the reader's machine."""
    for block in blocks(page):
        if block.language == "console" and not block.code.startswith("$ "):
            lines = block.code.splitlines()
            assert [line for line in lines if not line.startswith(INSTALLERS)] == []


@pytest.mark.parametrize("page", READMES + PAGES, ids=name_of)
def test_no_block_is_missed(page: Path) -> None:
    """Every Python block of a page is one that is run, however it is written."""
    fences = re.findall(r"^\s*```\s*\{?\.?py", page.read_text("utf-8"), re.MULTILINE)
    assert len(fences) == len([block for block in blocks(page) if block.language == "python"])


@pytest.mark.parametrize("page", READMES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """A relative link in a README names a file or directory of the repository."""
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8"))
    relative = [target for target in targets if "://" not in target]
    assert [each for each in relative if not (page.parent / each).exists()] == []


# -- the runner itself ------------------------------------------------------------------------------


def run(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Block]:
    """Runs a page with this text; its blocks."""
    page = tmp_path / "page.md"
    page.write_text(text)
    monkeypatch.chdir(tmp_path)
    session = Session(page, lambda name: f"the server of {name}")
    found = list(blocks(page))
    for block in found:
        session.run(block)
    return found


@pytest.mark.parametrize(
    "wrong",
    [
        "```python\nassert 1 == 2\n```\n",
        "```python\n>>> 1 + 1\n3\n```\n",
        "```python\nimport asyncio\nawait asyncio.sleep(0)\nassert False\n```\n",
        "```console\n$ false\n```\n",
        "```console\n$ echo a\nb\n```\n",
        '```python title="x.py"\nassert False\n```\n\n```console\n$ python x.py\n```\n',
    ],
)
def test_a_wrong_block_is_noticed(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An example, an assertion or a command that fails, fails the page."""
    with pytest.raises(AssertionError):
        run(wrong, tmp_path, monkeypatch)


def test_a_server_is_put_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block that needs a server gets the way to the one of the tests, however it writes it."""
    page = tmp_path / "page.md"
    monkeypatch.chdir(tmp_path)
    page.write_text(
        "<!-- server: mysql -->\n```python\n"
        'got = dict("localhost", "worker", "secret", "jobs")\n'
        'assert got == {"host": "db", "user": "app", "passwd": "secret", "db_name": "shop"}\n'
        "assert got == {'of': 'mysql_place'}\n```\n"
        "<!-- test: needs postgres -->\n```python\n"
        "assert \"postgresql://app:secret@db/shop\" == {'of': 'postgres'}\n```\n"
    )
    session = Session(page, lambda name: {"of": name})
    found = list(blocks(page))
    assert [block.needs for block in found] == [("mysql",), ("postgres",)]
    for block in found:
        session.run(block)
