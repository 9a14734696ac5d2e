"""Peers: an environment and a process of their own, and nothing of them in this one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pq_bench._peers import LEVELS, Peer, PeerFailed
from pq_bench.cli import main
from pq_bench.stage.peers import PEERS, Unplayable
from pq_bench.stage.spec import Spec

#: A library that is called queuelib and keeps everything in memory.
FAKE = """
class FifoDiskQueue:
    def __init__(self, path):
        self.items = []
    def push(self, data):
        if LOSES and len(self.items) == 3:
            return
        self.items.append(data)
    def pop(self):
        return self.items.pop(0)
    def __len__(self):
        return len(self.items)
    def close(self):
        pass
LOSES = False
print("a peer may print")
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache in which queuelib 9 is installed already."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # nothing here may look for a network
    version = f"py{sys.version_info[0]}{sys.version_info[1]}"
    home = tmp_path / "cache" / "pq-bench" / "peers" / f"queuelib==9-{version}"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], check=True)
    (packages,) = home.glob("lib/python*/site-packages")
    (packages / "queuelib.py").write_text(FAKE)
    (home / "ready").write_text("9")
    return packages


@pytest.mark.usefixtures("cache", "local_backends")
def test_a_peer_has_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--vs` plays the same workload in the peer's interpreter and prints the ratio."""
    disk = tmp_path / "disk"
    disk.mkdir()
    given = ["--backend", "file", "--workload", "put", "get", "--count", "6", "--repeat", "1"]
    assert main([*given, "--vs", "queuelib==9", "--dir", str(disk)]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if line.startswith("file")]
    # The durability that the peer has is added, and it appears beside no other.
    assert {row[2] for row in rows} == {"full", "normal", "off"}
    beside = [row for row in rows if row[3:5] == ["queuelib", "9"]]
    assert [row[:3] for row in beside] == [["file", each, "off"] for each in ("put", "get")]
    assert {row[-1] for row in beside} == {"x"}
    assert "queuelib" not in sys.modules
    assert list(disk.iterdir()) == []


@pytest.mark.usefixtures("cache")
def test_what_it_cannot_play(tmp_path: Path) -> None:
    """A workload that a peer has no queue for is told, and it plays on."""
    peer = Peer.install("queuelib==9")
    try:
        with pytest.raises(Unplayable, match="queuelib has nothing"):
            peer.enter("file", Spec("take", kind="ack"), tmp_path).play(3)
        sample = peer.enter("file", Spec("put"), tmp_path).play(3, record=True)
        assert (sample.items, len(sample.latencies)) == (3, 3)
    finally:
        peer.close()


def test_losses_are_no_figures(cache: Path, tmp_path: Path) -> None:
    """A peer that loses an item has failed, and is not fast."""
    module = cache / "queuelib.py"
    module.write_text(module.read_text().replace("LOSES = False", "LOSES = True"))
    peer = Peer.install("queuelib==9")
    try:
        with pytest.raises(PeerFailed, match="holds 3, not 5"):
            peer.enter("file", Spec("put"), tmp_path).play(5)
    finally:
        peer.close()


@pytest.mark.usefixtures("local_backends")
def test_a_peer_that_dies_leaves_the_rest(
    cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where a peer ends in the middle, it has no row and the reason is printed."""
    (cache / "queuelib.py").write_text("import os; os._exit(3)")
    given = ["--backend", "file", "--workload", "put", "--durability", "off", "--count", "4"]
    assert main([*given, "--repeat", "1", "--vs", "queuelib==9", "--dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "in the middle of its work" in out
    assert out.count("file ") == 1


@pytest.mark.usefixtures("local_backends")
def test_ctrl_c_waits_for_no_peer(cache: Path, tmp_path: Path) -> None:
    """Ctrl-C while a peer plays ends it in the middle, and removes what it stored."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mark = tmp_path / "pid"
    (cache / "queuelib.py").write_text(
        "import os, signal, threading\n"
        "class FifoDiskQueue:\n"
        "    pop = __len__ = close = None\n"
        "    def __init__(self, path):\n"
        "        pass\n"
        "    def push(self, data):\n"
        f"        open({str(mark)!r}, 'w').write(str(os.getpid()))\n"
        "        os.kill(os.getppid(), signal.SIGINT)\n"
        "        threading.Event().wait()\n"
    )
    given = ["--backend", "file", "--workload", "put", "--durability", "off", "--count", "4"]
    assert main([*given, "--repeat", "1", "--vs", "queuelib==9", "--dir", str(disk)]) == 130
    assert list(disk.iterdir()) == []
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


@pytest.mark.slow
@pytest.mark.usefixtures("local_backends")
def test_without_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A peer that cannot be installed is told, and everything else is measured."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    disk = tmp_path / "disk"
    disk.mkdir()
    given = ["--backend", "file", "--workload", "put", "--count", "4", "--repeat", "1"]
    assert main([*given, "--vs", "pqueue", "--dir", str(disk)]) == 0
    out = capsys.readouterr().out
    assert "pqueue cannot be installed" in out
    assert "file" in out


def test_every_peer_has_a_durability() -> None:
    """Durability levels never mix in a row, so each queue of a peer must be known to have one."""
    assert {(peer, backend) for peer, found in PEERS.items() for backend in found} == set(LEVELS)


def test_the_stage_needs_nothing_of_ours() -> None:
    """A peer's interpreter imports the stage without any package of ours in reach."""
    stage = Path(Peer.environment()["PYTHONPATH"])
    code = "import sys, stage.__main__; assert not [m for m in sys.modules if m.startswith('pq_')]"
    subprocess.run(
        [sys.executable, "-S", "-c", code],
        check=True,
        env={"PYTHONPATH": str(stage)},
        cwd="/",
    )
