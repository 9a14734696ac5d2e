"""kill -9 in loops: what returned is there, what was settled stays so, and nothing is there twice.

A few rounds of each kind; by hand thousands: ``PQ_TEST_ROUNDS=400 hatch test -m "" tests/kill``.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Final

import pytest

from tests.fault.quick import quick_directory
from tests.figures import record

KINDS: Final = (
    "file-full",
    "file-normal",
    "file-off",
    "file-autosave-full",
    "file-autosave-normal",
    "sqlite-full",
    "sqlite-normal",
    "sqlite-off",
    "sqlite-hold",
    "sqlite-ack",
    "sqlite-ack-normal",
)
#: One of each family in the default run.
QUICK: Final = ("file-normal", "sqlite-ack")


def played(kind: str, rounds: int) -> dict[str, int]:
    """What came of so many rounds, in a process that may fork as it likes."""
    with quick_directory() as path:
        done = subprocess.run(
            [sys.executable, "-m", "tests.kill.rounds", kind, str(path), str(rounds)],
            capture_output=True,
            check=False,
            timeout=300 + rounds,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    figures: dict[str, int] = json.loads(done.stdout.splitlines()[-1])
    return figures


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork and no SIGKILL")
@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in QUICK else pytest.mark.slow) for kind in KINDS]
)
def test_killed_at_any_moment(kind: str) -> None:
    """Producers and consumers are killed at any moment, and every item is where it has to be."""
    figures = played(kind, int(os.environ.get("PQ_TEST_ROUNDS") or (4 if kind in QUICK else 8)))
    assert figures["items"] > 0
    record("rounds of kill -9", figures["rounds"])
    record("kills", figures["kills"])
    record("items of killed processes", figures["items"])
