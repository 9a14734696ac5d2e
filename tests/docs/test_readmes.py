"""What the READMEs show works as shown: every Python block of every README is run."""

import doctest
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("packages/*/README.md"))]
BLOCK = re.compile(r"^(?:<!-- server: (\w+) -->\n)?```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What a block says of its server, by the name in the comment before it, and the fixture that has
#: the arguments of the server of the tests.
SERVERS = {"mysql": ('"localhost", "worker", "secret", "jobs"', "mysql_place")}
#: The fixture that sets the variables by which the blocks of a wheel find their server.
ENVIRONMENTS = {"pq-postgres": "postgres_environment"}


def blocks(readme: Path) -> Iterator[tuple[int, str, str | None]]:
    """The Python blocks of a README, each with the number of the line before it and its server."""
    text = readme.read_text("utf-8")
    for match in BLOCK.finditer(text):
        yield text.count("\n", 0, match.start(2)), match[2], match[1]


def name_of(readme: Path) -> str:
    """The README's path inside the repository."""
    return str(readme.relative_to(ROOT))


@pytest.mark.parametrize("readme", READMES, ids=name_of)
def test_blocks_run(
    readme: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    """The blocks of a README run from top to bottom, in one console, in an empty directory.

    A block that needs a server has the one of the tests instead of its own.
    """
    for module in readme.parent.glob("src/*/__init__.py"):
        pytest.importorskip(module.parent.name)
    if readme.parent.name in ENVIRONMENTS:
        request.getfixturevalue(ENVIRONMENTS[readme.parent.name])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, sys.path)))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__readme__", "do_work": [].append}
    runner = doctest.DocTestRunner(verbose=False)
    for line, shown, server in blocks(readme):
        code = shown
        if server is not None:
            place, fixture = SERVERS[server]
            assert place in shown
            names["place"] = request.getfixturevalue(fixture)
            code = shown.replace(place, "**place")
        if code.lstrip().startswith(">>>"):
            test = doctest.DocTestParser().get_doctest(
                code, names, name_of(readme), str(readme), line
            )
            runner.run(test, clear_globs=False)
            names.update(test.globs)
        else:
            # The empty lines make a traceback show the line of the README.
            exec(compile("\n" * line + code, str(readme), "exec"), names)
    assert runner.summarize(verbose=False).failed == 0


@pytest.mark.parametrize("readme", READMES, ids=name_of)
def test_links_lead_somewhere(readme: Path) -> None:
    """A relative link in a README names a file or directory of the repository."""
    targets = re.findall(r"\]\(([^)#]+)[^)]*\)", readme.read_text("utf-8"))
    relative = [target for target in targets if "://" not in target]
    assert [each for each in relative if not (readme.parent / each).exists()] == []
