"""System calls of one operation, counted with strace: a figure without noise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from pq_bench._peers import Peer
from pq_bench._queues import Backend, OpenFloor, OpenQueue
from pq_bench._solo import command
from pq_bench.stage.session import MARK
from pq_bench.stage.spec import Spec

__all__ = ["Calls", "can_trace", "peer_calls", "queue_calls", "told"]

_CALL: Final = re.compile(r"^\d+\s+(\w+)\(")

#: Calls of each name, for one item.
Calls = dict[str, float]


def can_trace() -> bool:
    """Whether strace is here."""
    return shutil.which("strace") is not None


def queue_calls(opened: OpenQueue | OpenFloor, root: Path, count: int) -> Calls:
    """What a queue, or a floor, calls for each of `count` items."""
    with tempfile.TemporaryDirectory(dir=root) as directory:
        work = command("play", opened, Path(directory), count)
        return _traced(work, Path(directory), count, None, None)


def peer_calls(peer: Peer, backend: Backend, spec: Spec, root: Path, count: int) -> Calls:
    """What a peer calls for each of `count` items; empty where it cannot play this."""
    with tempfile.TemporaryDirectory(dir=root) as directory:
        request = {
            "id": 1,
            "peer": peer.name,
            "backend": backend.name,
            "url": backend.url,
            "spec": spec.to_json(),
            "root": directory,
            "count": count,
            "record": False,
            "marked": True,
        }
        return _traced(
            [str(peer.python), "-m", "stage"],
            Path(directory),
            count,
            json.dumps(request),
            peer.environment(),
        )


def _traced(
    work: list[str], directory: Path, count: int, said: str | None, env: dict[str, str] | None
) -> Calls:
    report = directory / "strace"
    subprocess.run(
        ["strace", "-f", "-o", str(report), *work],
        input=said,
        capture_output=True,
        text=True,
        check=True,
        env=env,
    )
    found: Counter[str] = Counter()
    is_inside = False
    for line in report.read_text(errors="replace").splitlines():
        if MARK in line:
            is_inside = not is_inside
        elif is_inside and (match := _CALL.match(line)) is not None:
            found[match[1]] += 1
    return {name: calls / count for name, calls in found.most_common()}


def told(calls: Calls) -> str:
    """The calls as a text, the most frequent first; what is rare is left out."""
    return ", ".join(f"{name} {each:.2f}" for name, each in calls.items() if each >= 0.05)
