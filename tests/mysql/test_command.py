"""The command and the demo on a queue in a server, named by its URL."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from pq_core.errors import StorageError
from pq_mysql import MySQLQueue

pytest.importorskip("persistqueue", reason="the command is that of the meta-package")


@pytest.fixture
def url(mysql_place: dict[str, Any], name: str) -> str:
    """The URL of a queue that no test has used yet."""
    user, password = quote(mysql_place["user"]), quote(mysql_place["passwd"], safe="")
    where = f"{mysql_place['host']}:{mysql_place['port']}/{mysql_place['db_name']}"
    return f"mysql://{user}:{password}@{where}?name={quote(name)}"


def run(*arguments: str, stdin: str = "", cwd: Path | None = None) -> tuple[int, str, str]:
    """The exit status and the outputs of a program."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments],
        input=stdin,
        capture_output=True,
        encoding="utf-8",
        cwd=cwd,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fifo", "ack"])
def test_lines_in_and_items_out(url: str, kind: str) -> None:
    """put, peek, stats and get work on a URL as they do on a path."""
    options = (url, "--kind", kind, "--durability", "normal")
    assert run("persistqueue", "put", *options, stdin="a\nb\nc\n")[:2] == (0, "")
    assert run("persistqueue", "peek", *options, "-n", "2")[:2] == (0, "a\nb\n")
    assert run("persistqueue", "get", *options)[:2] == (0, "a\n")
    assert '"ready": 2' in run("persistqueue", "stats", *options, "--json")[1]
    assert run("persistqueue", "get", *options, "--all")[:2] == (0, "b\nc\n")
    assert run("persistqueue", "get", *options)[0] == 1


def test_a_mistyped_name(url: str, mysql_place: dict[str, Any], name: str) -> None:
    """A command that reads tells that there is no such queue, and leaves none there."""
    for _ in range(2):
        status, _, told = run("persistqueue", "peek", url, "--durability", "normal")
        assert status == 2
        assert f"queue_{name}: there is no such queue; check its name and kind" in told
    with pytest.raises(StorageError, match="there is no such queue"):
        MySQLQueue(**mysql_place, name=name, create=False)


def test_what_a_server_does_itself(url: str) -> None:
    """Verify and repair say that they are the server's business; no message shows the password."""
    assert run("persistqueue", "put", url, "--durability", "normal", stdin="a\n")[0] == 0
    status, _, told = run("persistqueue", "verify", url, "--durability", "normal")
    assert status == 2
    assert "use the server's tools" in told
    assert "secret" not in told
    status, _, told = run("persistqueue", "get", url.replace("@127", "x@127"))
    assert status == 2
    assert "refuses the user or the password" in told
    assert "secret" not in told


@pytest.mark.slow
def test_the_demo(url: str, tmp_path: Path) -> None:
    """Processes of both roles are killed, and nothing is lost or out of order."""
    (tmp_path / "text").write_text("one\ntwo\nthree ä\n\nfive\n", "utf-8")
    status, told, _ = run(
        "persistqueue.demo", "text", "--lines", "1500", "--backend", url, cwd=tmp_path
    )
    assert status == 0, told
    assert "SIGKILL to consumer" in told
    assert "nothing lost" in told
