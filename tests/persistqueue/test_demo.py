"""The demo, and the account it draws up."""

import subprocess
import sys
from pathlib import Path

import pytest

from persistqueue.demo._account import draw_up

TEXT = ["zero", "one", "two", "three", "four", "five"]


def outputs(directory: Path, *consumers: str) -> list[Path]:
    """Files as the consumers write them."""
    paths = []
    for number, rows in enumerate(consumers):
        path = directory / str(number)
        path.write_text(rows, "utf-8")
        paths.append(path)
    return paths


def test_account_of_a_clean_run(tmp_path: Path) -> None:
    """Each line written once and in order is a good account with nothing again."""
    files = outputs(
        tmp_path,
        "1 0 0 0 zero\n3 1 0 0 one\n5 0 0 2 four\n",
        "2 0 0 1 two\n4 1 0 1 three\n6 1 0 2 five\n",
    )
    account = draw_up(TEXT, 2, files, killed=0)
    assert account.is_good
    assert (account.put, account.delivered) == (6, 6)
    assert (account.put_again, account.delivered_again) == (0, 0)


def test_account_tells_apart_put_again_and_delivered_again(tmp_path: Path) -> None:
    """Another life of the producer is a line put again, the same life an item delivered again."""
    files = outputs(
        tmp_path,
        "1 0 0 0 zero\n2 0 0 1 two\n3 0 1 1 two\n4 0 1 2 four\n",
        "5 1 0 0 one\n6 1 0 1 three\n7 0 1 2 four\n8 1 0 2 five\n",
    )
    account = draw_up(TEXT, 2, files, killed=1)
    assert account.is_good
    assert (account.put_again, account.delivered_again) == (1, 1)


def test_account_finds_what_is_lost_altered_and_out_of_order(tmp_path: Path) -> None:
    """A line that is missing, changed or overtaken makes the account bad."""
    whole = "1 0 0 0 zero\n2 1 0 0 one\n3 1 0 1 three\n4 0 0 2 four\n5 1 0 2 five\n"
    missing = draw_up(TEXT, 2, outputs(tmp_path, whole), killed=0)
    assert (missing.lost, missing.is_good) == (1, False)
    changed = draw_up(TEXT, 2, outputs(tmp_path, whole + "6 0 0 1 tow\n"), killed=0)
    assert (changed.altered, changed.lost, changed.is_good) == (1, 1, False)
    late = draw_up(TEXT, 2, outputs(tmp_path, whole + "6 0 0 1 two\n"), killed=0)
    assert (late.lost, late.out_of_order, late.is_good) == (0, 1, False)
    given_back = draw_up(TEXT, 2, outputs(tmp_path, whole + "6 0 0 1 two\n"), killed=1)
    assert (given_back.delivered_again, given_back.is_good) == (1, True)


def test_account_ignores_a_line_cut_short(tmp_path: Path) -> None:
    """What a kill has cut short counts as not written."""
    account = draw_up(TEXT[:1], 2, outputs(tmp_path, "1 0 0 0 zer", "2 0 0 0 zero\n"), killed=1)
    assert account.is_good
    assert account.delivered == 1


def demo(*arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Runs the demo to its end."""
    return subprocess.run(
        [sys.executable, "-m", "persistqueue.demo", *arguments],
        stdout=subprocess.PIPE,
        encoding="utf-8",
        cwd=cwd,
        check=False,
    )


@pytest.mark.parametrize("backend", ["file", pytest.param("sqlite", marks=pytest.mark.slow)])
def test_demo_survives_its_kills(tmp_path: Path, backend: str) -> None:
    """Processes of both roles are killed, and nothing is lost or out of order."""
    (tmp_path / "text").write_text("one\ntwo\nthree ä\n\nfive\n", "utf-8")
    done = demo("text", "--lines", "4000", "--backend", backend, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
    assert "SIGKILL to producer" in done.stdout
    assert "SIGKILL to consumer" in done.stdout
    assert "nothing lost" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "durability"), [("file", "full"), ("sqlite", "normal")])
def test_demo_at_its_full_length(tmp_path: Path, backend: str, durability: str) -> None:
    """As users run it, without a README at hand: the wheel's own is taken."""
    done = demo("--lines", "20000", "--durability", durability, "--backend", backend, cwd=tmp_path)
    assert done.returncode == 0, done.stdout
