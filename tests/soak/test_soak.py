"""Used for a minute, a queue holds no more memory, files or disk than it did in the beginning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Final

import pytest

from tests.fault.quick import quick_directory
from tests.figures import record

SECONDS: Final = 60
KINDS: Final = ("file", "sqlite", "ack")
MIB: Final = 1 << 20

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs /proc"),
]


def test_everything_stays_flat() -> None:
    """Memory, descriptors, threads and disk at the end are those of after a fifth of the time."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
    # With an arena for each thread, glibc's malloc keeps as much as chance gave to each: MiB.
    env["MALLOC_ARENA_MAX"] = "1"
    with quick_directory() as path:
        soaking = []
        for kind in KINDS:
            (path / kind).mkdir()
            command = [
                sys.executable,
                "-m",
                "tests.soak.soak",
                kind,
                str(path / kind),
                str(SECONDS),
            ]
            soaking.append(subprocess.Popen(command, stdout=subprocess.PIPE, env=env))
        said = [process.communicate(timeout=5 * SECONDS)[0] for process in soaking]
    for kind, process, text in zip(KINDS, soaking, said, strict=True):
        assert process.returncode == 0, kind
        outcome: dict[str, Any] = json.loads(text)
        first, last = outcome["first"], outcome["last"]
        assert last["memory"] < first["memory"] + 2 * MIB, (kind, first, last)
        assert last["descriptors"] <= first["descriptors"], (kind, first, last)
        assert last["threads"] == first["threads"], (kind, first, last)
        # A segment of the file queue comes and goes with 1 MiB.
        assert last["disk"] < first["disk"] + 2 * MIB, (kind, first, last)
        record("soaked items", outcome["items"])
        record("soaked seconds", SECONDS)
