"""The command: its grammar, its outputs, and what it leaves behind."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pq_bench import _bench, _goals, cli
from pq_bench.cli import main

TINY = ["--count", "4", "--repeat", "1", "--durability", "normal"]


@pytest.mark.usefixtures("local_backends")
def test_the_documented_table(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`COUNT rst` prints a row per queue under the documented headings."""
    assert main(["3", "rst", "--durability", "normal", "--dir", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len({len(line) for line in lines}) == 1
    assert lines[0] == lines[2] == lines[-1]
    assert set(lines[0]) == {"+", "-"}
    table = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[1::2]]
    assert table[0] == [
        "Queue Type",
        "Write",
        "Write/Read(1 task_done)",
        "Write/Read(many task_done)",
    ]
    assert {"File Queue", "SQLite3 Queue", "SQLite3 Ack Queue"} <= {row[0] for row in table}
    assert all(re.fullmatch(r"\d+\.\d{4}", cell) for row in table[1:] for cell in row[1:])


@pytest.mark.usefixtures("local_backends")
def test_the_table_as_json(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`COUNT json` prints the same figures for programs."""
    assert main(["2", "json", "--backend", "file", "--dir", str(tmp_path)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["items"] == 2
    assert "File Queue" in told["queues"]
    assert "SQLite3 Queue" not in told["queues"]
    assert len(told["queues"]["File Queue"]) == 3


@pytest.mark.usefixtures("local_backends")
def test_the_table_for_the_eye(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """`COUNT console` prints columns, without colours in a pipe."""
    assert main(["2", "console", "--backend", "file", "--dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "File Queue" in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("given", "command"),
    [
        ([], "run"),
        (["--workload", "put"], "run"),
        (["1000"], "table"),
        (["rst"], "table"),
        (["100", "json"], "table"),
        (["goals"], "goals"),
    ],
)
def test_the_command_may_be_left_out(given: list[str], command: str) -> None:
    """A number or a format means the table, options alone mean run."""
    assert cli._with_command(given)[0] == command


@pytest.mark.usefixtures("local_backends")
@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["run", "--workload", "nothing"], "there is no workload 'nothing'"),
        (["run", "--backend", "nothing"], "there is no backend 'nothing'"),
        (["run", "--backend", "mysql"], "needs a server"),
        (["run", "--backend", "file:here"], "--dir"),
        (["run", "--vs", "nothing==1"], "there is no peer 'nothing'"),
        (["run", "--backend", "file", "--workload", "ack-get"], "none of these backends"),
        (["compare", "no.json", "no.json"], "no.json"),
    ],
)
def test_wrong_calls(given: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """What cannot be measured is told in one line, with 2."""
    assert main(given) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "given",
    [
        ["0", "rst"],
        ["10", "xml"],
        ["run", "--count", "5", "--seconds", "1"],
        ["run", "--seconds", "-1"],
        ["run", "--durability", "some"],
        ["run", "--dir", "/nowhere/at/all"],
        ["unknown"],
    ],
)
def test_wrong_arguments(given: list[str]) -> None:
    """What is no call at all ends with 2 as well."""
    with pytest.raises(SystemExit, match="2"):
        main(given)


@pytest.mark.usefixtures("local_backends")
def test_json_and_html(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run writes its figures with the machine that they were measured on, and a page."""
    monkeypatch.setattr(_bench, "_TRACED", 20)
    disk = tmp_path / "disk"
    disk.mkdir()
    figures, page = tmp_path / "a.json", tmp_path / "a.html"
    given = ["run", "--backend", "file", "--workload", "put", "syscalls", *TINY]
    assert main([*given, "--dir", str(disk), "--json", str(figures), "--html", str(page)]) == 0
    assert "share of the floor" in capsys.readouterr().out
    told = json.loads(figures.read_text())
    assert told["command"].startswith("pq-bench run --backend file")
    assert {"system", "file_system", "python", "sqlite", "packages", "commit"} <= set(
        told["machine"]
    )
    (row,) = told["rows"]
    assert [side["role"] for side in row["sides"]] == ["ours", "floor"]
    assert {side["durability"] for side in row["sides"]} == {"normal"}
    assert row["sides"][0]["latency"]["count"] == 4
    assert page.read_text().startswith("<!doctype html>")
    assert list(disk.iterdir()) == []
    if shutil.which("strace"):
        calls = {each["what"]: each for each in told["readings"]}
        put = calls["file: system calls of a put, normal"]
        assert put["floor"] == 1
        assert "write" in put["detail"]


def test_no_password_is_kept() -> None:
    """The command stands in the results without the passwords of its URLs."""
    said = ["pq-bench", "--backend", "mysql://me:secret@host/db"]
    assert cli._command(said) == "pq-bench --backend mysql://me@host/db"


@pytest.mark.usefixtures("local_backends")
def test_goals_on_a_small_scale(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every goal that can be measured here has a row, and the results page shows all of them."""
    small = [
        goal
        for goal in _goals.GOALS
        if goal.durability == "normal" and goal.spec.shape != "through" and not goal.spec.depth
        if "put" in goal.what or "PDict" in goal.what
    ]
    monkeypatch.setattr(_bench, "GOALS", small)
    target = tmp_path / "docs" / "results.md"
    given = ["results", str(target), "--vs", "", "--count", "8", "--repeat", "1"]
    assert main([*given, "--only", "put", "pdict", "--dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "goals met" in out
    page = target.read_text()
    assert f"$ pq-bench results {target}" in page
    for goal in small:
        assert f"| {goal.what} | {goal.durability} |" in page
    lines = [line for line in page.splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines if "what" not in line} <= {12, 7}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)],
        check=False,
        capture_output=True,
    )
    if not mounted or mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield disk
    # Lazily: a connection that waits for the garbage collector must not keep the disk mounted.
    subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.usefixtures("local_backends")
@pytest.mark.parametrize("backend", ["file", "sqlite"])
def test_a_full_disk(backend: str, small_disk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A disk that is full is told as that, and nothing stays on it."""
    given = ["--backend", backend, "--workload", "put", "--durability", "off"]
    assert main([*given, "--count", "20000", "--repeat", "1", "--dir", str(small_disk)]) == 2
    err = capsys.readouterr().err
    assert f"the disk under {small_disk} is full" in err
    assert "--dir" in err
    assert list(small_disk.iterdir()) == []


@pytest.mark.usefixtures("local_backends")
@pytest.mark.skipif(not Path("/proc").exists(), reason="the processes are looked for in /proc")
def test_ctrl_c(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a crew of processes leaves no process and no file."""
    mark = f"PQ_BENCH_TEST_{os.getpid()}_{tmp_path.name}"
    master, slave = pty.openpty()
    given = ["--backend", "file", "--workload", "processes-1+1", "--durability", "normal"]
    process = subprocess.Popen(
        [sys.executable, "-m", "pq_bench", *given, "--seconds", "60", "--dir", str(tmp_path)],
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        env={**os.environ, "MARK": mark, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(slave)
    seen = b""
    while b"warm-up" not in seen:  # what is being measured is shown live on a terminal
        seen += os.read(master, 4096)
    process.send_signal(signal.SIGINT)
    try:
        while os.read(master, 4096):
            pass
    except OSError:  # what Linux says when nobody holds the other end any more
        pass
    # A shell tells both as 130. Python ends itself by the signal, whoever dealt with it, where that came
    # in the middle of an exec() of text, as dataclasses are made by.
    assert process.wait(30) in (130, -signal.SIGINT)
    os.close(master)
    assert list(tmp_path.iterdir()) == []
    assert [each for each in Path("/proc").glob("[0-9]*/environ") if mark in read(each)] == []


def read(path: Path) -> str:
    """The text of a file of a process that may be gone."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
