"""Other libraries: each in an environment of its own, played by a process of its own."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pq_bench.stage.peers import PEERS, Unplayable
from pq_bench.stage.session import Sample
from pq_bench.stage.spec import Spec

__all__ = ["LEVELS", "Peer", "PeerFailed", "PeerUnavailable", "cache_directory"]

#: At which of our durabilities a peer writes; there is no other for it. What never syncs is
#: "normal" where it survives the death of its process, "off" where it does not.
LEVELS: Final = {
    ("persist-queue", "file"): "normal",
    ("persist-queue", "sqlite"): "full",
    ("persist-queue", "mysql"): "full",
    ("pqueue", "file"): "normal",
    ("queuelib", "file"): "off",
    ("litequeue", "sqlite"): "normal",
    ("diskcache", "sqlite"): "normal",
    ("huey", "sqlite"): "full",
}
#: What a peer needs beside itself for all of its queues.
_MORE: Final = {"persist-queue": ["aiofiles", "aiosqlite", "DBUtils", "PyMySQL"]}
#: Seconds after which an answer is given up: an item was lost, and the peer waits for it.
PATIENCE: Final = 300.0
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class PeerUnavailable(Exception):
    """A peer cannot be installed here."""


class PeerFailed(Exception):
    """A peer did not play what it said it could."""


def cache_directory() -> Path:
    """Where the environments of peers are kept: in XDG_CACHE_HOME, or ~/.cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "pq-bench"


@dataclass
class Peer:
    """One library, as `pip` is asked for it.

    Attributes:
        requirement: such as "persist-queue==1.1.0".
        name: without the version.
        version: that is installed.
    """

    requirement: str
    python: Path
    version: str = ""

    def __post_init__(self) -> None:
        self.name = name_of(self.requirement)
        self._process: subprocess.Popen[str] | None = None
        self._numbers = itertools.count(1)

    @classmethod
    def install(cls, requirement: str, cache: Path | None = None) -> Peer:
        """The peer in its own environment, made where the cache has none.

        Raises:
            ValueError: there is no such peer.
            PeerUnavailable: it could not be installed; there may be no network.
        """
        name = name_of(requirement)
        if name not in PEERS:
            known = ", ".join(sorted(PEERS))
            raise ValueError(f"there is no peer {name!r}; there are: {known}")
        version = f"py{sys.version_info[0]}{sys.version_info[1]}"
        home = (cache or cache_directory()) / "peers" / f"{requirement.replace('/', '_')}-{version}"
        python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
        ready = home / "ready"
        if not ready.exists():
            shutil.rmtree(home, ignore_errors=True)
            _run([sys.executable, "-m", "venv", str(home)], requirement)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            _run([*pip, requirement, *_MORE.get(name, [])], requirement)
            code = "import importlib.metadata, sys; print(importlib.metadata.version(sys.argv[1]))"
            ready.write_text(_run([str(python), "-c", code, name], requirement).strip())
        return cls(requirement, python, ready.read_text())

    @property
    def label(self) -> str:
        """The name and the version."""
        return f"{self.name} {self.version}".strip()

    def level(self, backend: str) -> str | None:
        """The durability at which its queue of this backend writes; None: it has none."""
        return LEVELS.get((self.name, backend))

    @staticmethod
    def environment() -> dict[str, str]:
        """That of its process: the stage is all that it finds of us."""
        return {**clean_environment(), "PYTHONPATH": str(Path(__file__).parent)}

    def enter(self, backend: str, spec: Spec, root: Path, url: str = "") -> PeerRounds:
        """Its rounds of one workload."""
        return PeerRounds(self, next(self._numbers), backend, spec, root, url)

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The answer of its process, which is started for the first one.

        Raises:
            Unplayable: it has nothing to play this on.
            PeerFailed: it failed, or ended.
        """
        process = self._process
        if process is None:
            self._process = process = subprocess.Popen(
                [str(self.python), "-m", "stage"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=self.environment(),
                start_new_session=True,  # Ctrl-C is for us; we end it
            )
        assert process.stdin is not None
        assert process.stdout is not None
        # One that waits for an item that it lost waits for ever.
        end = threading.Timer(PATIENCE, process.kill)
        end.daemon = True
        end.start()
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except OSError:
            line = ""
        except BaseException:
            self.close()  # whoever interrupts us does not want to wait for its answer
            raise
        finally:
            end.cancel()
        if not line:
            self.close()
            raise PeerFailed(f"{self.label} ended, or did not, in the middle of its work")
        answer: dict[str, Any] = json.loads(line)
        if "unplayable" in answer:
            raise Unplayable(answer["unplayable"])
        if "error" in answer:
            raise PeerFailed(f"{self.label}: {answer['error']}")
        return answer

    @property
    def is_running(self) -> bool:
        """Whether there is a process to ask."""
        return self._process is not None

    def close(self) -> None:
        """Ends its process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@dataclass(frozen=True)
class PeerRounds:
    """Rounds that a peer plays."""

    peer: Peer
    number: int
    backend: str
    spec: Spec
    root: Path
    url: str

    def play(self, count: int, record: bool = False) -> Sample:
        """One round over so many items."""
        answer = self.peer.ask(
            {
                "id": self.number,
                "peer": self.peer.name,
                "backend": self.backend,
                "url": self.url,
                "spec": self.spec.to_json(),
                "root": str(self.root),
                "count": count,
                "record": record,
            }
        )
        return Sample(answer["items"], answer["seconds"], answer["latencies"])

    def close(self) -> None:
        """Ends the session there."""
        if self.peer.is_running:
            self.peer.ask({"close": self.number})


def name_of(requirement: str) -> str:
    """What is installed, without the version."""
    match = _NAME.match(requirement)
    return "" if match is None else match[0].lower()


def clean_environment() -> dict[str, str]:
    """The environment without what would let another interpreter find our packages."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def _run(command: list[str], requirement: str) -> str:
    try:
        done = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            env=clean_environment(),
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PeerUnavailable(f"{requirement} cannot be installed: {error}") from error
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PeerUnavailable(f"{requirement} cannot be installed: {last}")
    return done.stdout
