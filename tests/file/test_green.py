"""Under eventlet and gevent a blocked call blocks its greenlet only."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

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

COMMON = """
    import faulthandler, sys, time
    faulthandler.dump_traceback_later(30, exit=True)
    from pq_core.errors import Empty, Full
    from pq_file import Queue
    path = sys.argv[1]
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
    queue = Queue(path, maxsize=5)
"""

SCENES = {
    "a blocked get stops nobody": """
        getting = spawn(queue.get)
        until(lambda: ticks > 50)
        queue.put("woken")
        assert wait(getting) == "woken"
    """,
    "a get with a timeout stops nobody": """
        before = ticks
        try:
            queue.get(timeout=0.2)
        except Empty:
            pass
        else:
            raise AssertionError
        assert ticks - before > 20, ticks
    """,
    "a blocked put stops nobody": """
        queue.put_many(range(5))
        putting = spawn(queue.put, 5)
        before = ticks
        until(lambda: ticks > before + 50)
        assert queue.get() == 0
        queue.task_done()
        wait(putting)
        assert list(queue.browse()) == [1, 2, 3, 4, 5]
    """,
    "each settles its own": """
        queue.put_many(["a", "b", "c"])
        seen, steps = {}, []

        def work(name):
            seen[name] = queue.get()
            until(lambda: len(seen) == 2)
            if name == "first":
                queue.task_done()
                steps.append("first is done")
            else:
                until(lambda: steps)
                assert queue.stats().leased == 1
                until(lambda: len(steps) == 2)
                queue.task_done()

        first, second = spawn(work, "first"), spawn(work, "second")
        wait(first)
        assert queue.stats().leased == 1
        assert seen == {"first": "a", "second": "b"}
        queue.close()
        queue = Queue(path)
        assert list(queue.browse()) == ["b", "c"]
        steps.append("checked")
        wait_for_second = spawn(lambda: None)
        wait(wait_for_second)
        second.kill()
    """,
    "join waits for the others": """
        queue.put_many([1, 2, 3])
        joined = []
        joining = spawn(lambda: joined.append(queue.join()))

        def work():
            for _ in range(3):
                queue.get()
                assert not joined
                before = ticks
                until(lambda: ticks > before + 4)
                queue.task_done()

        wait(spawn(work))
        wait(joining)
        assert joined == [None]
        assert ticks > 10
    """,
    "another process wakes a greenlet": """
        import subprocess
        code = "import sys; from pq_file import Queue; Queue(sys.argv[1]).put('from afar')"
        getting = spawn(queue.get)
        until(lambda: ticks > 20)
        other = subprocess.Popen([sys.executable, "-c", code, path])
        assert wait(getting) == "from afar"
        assert other.wait() == 0
    """,
    "many greenlets": """
        queue = Queue(path, durability="full")
        got = []

        def produce(name):
            for number in range(20):
                queue.put((name, number))

        def consume():
            while (item := queue.get()) is not None:
                got.append(item)
                queue.task_done()
            queue.task_done()

        producers = [spawn(produce, name) for name in range(10)]
        consumers = [spawn(consume) for _ in range(5)]
        for each in producers:
            wait(each)
        for _ in consumers:
            queue.put(None)
        for each in consumers:
            wait(each)
        queue.join()
        assert sorted(got) == [(name, number) for name in range(10) for number in range(20)]
        assert queue.verify() == []
    """,
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("library", ["gevent", pytest.param("eventlet", marks=pytest.mark.slow)])
def test_green(library: str, scene: str, tmp_path: Path) -> None:
    """In a process that is patched from its first line, the scene plays as it does with threads."""
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed for this Python")
    code = "\n".join(
        textwrap.dedent(part)
        for part in (PRELUDES[library], COMMON, SCENES[scene], "queue.close()\nprint('done')")
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, str(tmp_path / "queue")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        check=False,
    )
    assert done.stdout == "done\n", done.stderr
