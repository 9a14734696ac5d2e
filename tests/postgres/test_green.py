"""Under eventlet and gevent a call that waits for the server blocks its greenlet only."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap

import pytest

from tests.file.test_green import PRELUDES

SCENE = """
    import faulthandler, sys
    faulthandler.dump_traceback_later(60, exit=True)
    import psycopg
    from pq_core.errors import Empty
    from pq_postgres import PQ, PostgresAckQueue
    ticks = 0

    def tick():
        global ticks
        while True:
            ticks += 1
            pause(0.001)

    def until(reached):
        while not reached():
            pause(0.001)

    ticker = spawn(tick)
    queue = PostgresAckQueue(sys.argv[1], sys.argv[2], notify=sys.argv[3] == "notify")
    getting = spawn(queue.get)
    before = ticks
    until(lambda: ticks > before + 50)
    queue.put("woken")
    assert wait(getting) == "woken"

    pq = PQ(psycopg.connect(sys.argv[1]), table=sys.argv[2])
    pq.create()
    before = ticks
    assert pq["apples"].get(timeout=0.3) is None
    assert ticks - before > 2, ticks
    queue.close()
    pq.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("notify", ["poll", "notify"])
@pytest.mark.parametrize("library", PRELUDES)
def test_green(library: str, notify: str, postgres: str) -> None:
    """A get that waits, of a queue and of PQ, lets others run."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    code = textwrap.dedent(PRELUDES[library]) + textwrap.dedent(SCENE)
    command = [sys.executable, "-c", code, postgres, f"green_{library}_{notify}", notify]
    path = os.pathsep.join(map(os.path.abspath, sys.path))
    done = subprocess.run(
        command,
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
