"""Pages of Markdown as programs: which blocks of code they have, and how each is run.

A page is one session in one directory, from its top to its end:

- ``python``: run in the names of the blocks before it; one that begins with ``>>>`` is a doctest,
  and one that awaits at its top is run by `asyncio.run`.
- ``python title="name.py"``: written to that file, for the blocks that follow.
- ``console``: each line that begins with ``$`` is run by bash, and the lines below it, if there
  are any, have to be what it writes. Without a ``$`` a block is for the reader's own machine.

A comment in the line before a block, which the site leaves out, tells more::

    <!-- test: needs mysql -->              skipped without that server; see SERVERS
    <!-- server: mysql -->                  the same
    <!-- test: needs pq_async -->           skipped without that wheel
    <!-- test: given import/x.db as y.db --> a copy of that fixture of a predecessor is there
"""

from __future__ import annotations

import ast
import asyncio
import doctest
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["SERVERS", "Block", "Session", "blocks"]

ROOT: Final = Path(__file__).parents[2]
FIXTURES: Final = ROOT / "tests" / "fixtures" / "legacy"

#: The fixture that has the way to a server, and how pages write the ways that it stands for, each
#: with what is put in its place.
SERVERS: Final = {
    "mysql": (
        "mysql_place",
        {
            '{"host": "db", "user": "app", "passwd": "secret", "db_name": "shop"}': "{!r}",
            '"localhost", "worker", "secret", "jobs"': "**{!r}",
        },
    ),
    "postgres": ("postgres", {'"postgresql://app:secret@db/shop"': "{!r}"}),
}

_BLOCK: Final = re.compile(
    r"^(?P<notes>(?:<!-- (?:test|server): [^\n]* -->\n)*)```(?P<language>python|console)(?P<rest>[^\n]*)\n"
    r"(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_NOTE: Final = re.compile(r"<!-- (?:test: )?(?P<word>needs|given|server:) (?P<rest>.*) -->")
_TITLE: Final = re.compile(r'title="([^"]+)"')


@dataclass(frozen=True)
class Block:
    """One block of code.

    Attributes:
        language: python or console.
        title: of the file that it is, if it is one.
        line: the number of the line before its code.
        code: the text.
        needs: the servers and wheels that have to be there.
        given: (fixture, name) of files that have to be there.
    """

    language: str
    title: str | None
    line: int
    code: str
    needs: tuple[str, ...]
    given: tuple[tuple[str, str], ...]


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page that are run, in order."""
    text = page.read_text("utf-8")
    for match in _BLOCK.finditer(text):
        notes = [(note["word"], note["rest"]) for note in _NOTE.finditer(match["notes"])]
        assert len(notes) == match["notes"].count("<!--"), match["notes"]
        title = _TITLE.search(match["rest"])
        fixture_and_name = [rest.split(" as ") for word, rest in notes if word == "given"]
        yield Block(
            match["language"],
            title and title[1],
            text.count("\n", 0, match.start("code")),
            match["code"],
            tuple(rest for word, rest in notes if word != "given"),
            tuple((fixture, name) for fixture, name in fixture_and_name),
        )


class Session:
    """Runs the blocks of a page, one after the other, in the current directory.

    Args:
        page: the page, for messages.
        server: gives what stands for the way to a server, by the name of its fixture.
    """

    def __init__(self, page: Path, server: Callable[[str], object]) -> None:
        self._page = page
        self._server = server
        self._names: dict[str, Any] = {"__name__": "__page__", "do_work": [].append}
        self._runner = doctest.DocTestRunner(verbose=False)

    def run(self, block: Block) -> None:
        """Runs a block.

        Raises:
            AssertionError: an example or a command gave something else.
        """
        for fixture, name in block.given:
            _copy(FIXTURES / fixture, Path(name))
        code = block.code
        for need in block.needs:
            if need in SERVERS:
                fixture, ways = SERVERS[need]
                place = self._server(fixture)
                for written, form in ways.items():
                    code = code.replace(written, form.format(place))
            else:
                pytest.importorskip(need)
        if block.language == "console":
            for command, output in _commands(code):
                self._command(command, output, block)
        elif block.title is not None:
            Path(block.title).write_text(code, "utf-8")
        elif code.lstrip().startswith(">>>"):
            self._examples(code, block)
        else:
            self._python(code, block)

    def _python(self, code: str, block: Block) -> None:
        # The empty lines make a traceback show the line of the page.
        program = compile(
            "\n" * block.line + code, str(self._page), "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        )
        if program.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(program, self._names))
        else:
            exec(program, self._names)

    def _examples(self, code: str, block: Block) -> None:
        page = str(self._page)
        test = doctest.DocTestParser().get_doctest(code, self._names, page, page, block.line)
        result = self._runner.run(test, clear_globs=False)
        self._names.update(test.globs)
        assert result.failed == 0, f"{page}, line {block.line}: see the output above"

    def _command(self, command: str, output: str | None, block: Block) -> None:
        python = Path(sys.executable).parent
        done = subprocess.run(
            ["bash", "-c", f"set -o pipefail\n{_PROGRAM}\n{command}"],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": os.pathsep.join((str(python), os.environ["PATH"]))},
        )
        where = f"{self._page}, line {block.line}: {command}: {done.stdout}{done.stderr}"
        assert done.returncode == 0, where
        assert output is None or done.stdout == output, where


#: The command of the wheel that is being tested, also where its script is not installed.
_PROGRAM: Final = 'persistqueue() { python -m persistqueue "$@"; }'


def _commands(code: str) -> Iterator[tuple[str, str | None]]:
    """The commands of a console block, each with the output shown for it, None for none."""
    for part in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output or None


def _copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to)
    else:
        shutil.copy(source, to)
