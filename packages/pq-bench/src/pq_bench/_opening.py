"""What it takes to open a queue that is full, and to import what opens it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from itertools import repeat
from pathlib import Path
from typing import Any, Final

from pq_bench._peers import Peer, clean_environment
from pq_bench._queues import OpenQueue
from pq_bench._readings import Reading
from pq_bench._solo import command
from pq_bench._statistics import spread_of
from pq_bench.stage.spec import ITEM
from pq_core.registry import backends

__all__ = ["imports", "openings"]

_IMPORT: Final = """
import time
start = time.perf_counter()
import {0}
print((time.perf_counter() - start) * 1e3)
"""


def openings(opened: OpenQueue, root: Path, depth: int, rounds: int) -> list[Reading]:
    """What it takes to open a queue in which `depth` items wait, in fresh interpreters.

    Memory is the greater of what Python allocated at its peak and what the process grew by.
    """
    name = opened.backend.name
    with tempfile.TemporaryDirectory(dir=root) as directory:
        player = opened(Path(directory))
        player.fill(repeat(ITEM, depth))
        player.close()
        found = []
        kinds = ("plain", "boot") if name == "file" else ("plain",)
        for kind in kinds:
            seconds, most = [], 0.0
            for turn in range(rounds + 1):
                if kind == "boot":
                    # Back in this boot first, so that the next is a first one again.
                    _solo(opened, directory, False, "plain")
                told = _solo(opened, directory, turn == rounds, kind)
                if told["size"] != depth:
                    raise RuntimeError(f"{told['size']} items are left of {depth}")
                most = max(most, told["bytes"] / 1e6)
                if turn < rounds:
                    seconds.append(told["seconds"] * 1e3)
            spread = spread_of(seconds)
            what = f"{name}: open, {depth:,} items waiting"
            what += ", first after a boot" if kind == "boot" else ""
            detail = f"{spread.low:.1f}..{spread.high:.1f}"
            found.append(Reading(what, spread.median, "ms", 50.0, detail))
            found.append(Reading(f"{what}, memory", most, "MB", 5.0))
        return found


def _solo(opened: OpenQueue, directory: str, measure_memory: bool, kind: str) -> Any:
    work = command("open", opened, Path(directory), measure_memory, kind == "boot")
    done = subprocess.run(work, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def imports(rounds: int, peer: Peer | None) -> list[Reading]:
    """How long imports take in fresh interpreters: ours beside the standard library's pickle."""
    floor = spread_of([_import("pickle", sys.executable) for _ in range(rounds)])
    modules = [entry.module.partition(".")[0] for entry in backends().values()]
    found = []
    for module in dict.fromkeys(["persistqueue", *modules]):
        if find_spec(module) is None:
            continue
        spread = spread_of([_import(module, sys.executable) for _ in range(rounds)])
        goal = 25.0 if module == "persistqueue" else None
        detail = f"{spread.low:.1f}..{spread.high:.1f}"
        if peer is not None and module == "persistqueue" and peer.name == "persist-queue":
            theirs = spread_of([_import(module, str(peer.python)) for _ in range(rounds)])
            detail += f"; {peer.label} {theirs.median:.1f}"
        found.append(Reading(f"import {module}", spread.median, "ms", goal, detail, floor.median))
    return found


def _import(module: str, python: str) -> float:
    env = None if python == sys.executable else clean_environment()
    done = subprocess.run(
        [python, "-c", _IMPORT.format(module)], capture_output=True, text=True, check=True, env=env
    )
    return float(done.stdout)
