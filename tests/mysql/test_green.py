"""Under eventlet and gevent a blocked call blocks its greenlet only."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

#: What each library needs: the patch, how to start a greenlet, and how to let others run.
PRELUDES = {
    "eventlet": """
        import eventlet
        eventlet.monkey_patch()
        spawn, pause = eventlet.spawn, eventlet.sleep
        wait = lambda greenlet: greenlet.wait()
    """,
    "gevent": """
        from gevent import monkey
        monkey.patch_all()
        import gevent
        spawn, pause = gevent.spawn, gevent.sleep
        wait = lambda greenlet: greenlet.get()
    """,
}
SCENE = """
    import faulthandler, json, sys
    faulthandler.dump_traceback_later(60, exit=True)
    from pq_mysql import MySQLAckQueue
    ticks = 0

    def tick():
        global ticks
        while True:
            ticks += 1
            pause(0.001)

    queue = MySQLAckQueue(**json.loads(sys.argv[1]), durability="normal", heartbeat=0.05)
    spawn(tick)
    getting = [spawn(queue.get) for _ in range(3)]
    before = ticks
    while ticks < before + 50:
        pause(0.001)
    queue.put_many(range(3))
    assert sorted(wait(each) for each in getting) == [0, 1, 2]
    queue.ack_many([1, 2, 3])
    queue.close()
    print("done")
"""


@pytest.mark.parametrize("library", ["gevent", pytest.param("eventlet", marks=pytest.mark.slow)])
def test_a_blocked_get_stops_nobody(library: str, mysql_place: dict[str, Any], name: str) -> None:
    """While greenlets wait for items, others run; a put of one of them wakes them."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    code = textwrap.dedent(PRELUDES[library]) + textwrap.dedent(SCENE)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, json.dumps({**mysql_place, "name": name})],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.stdout == "done\n", done.stderr
