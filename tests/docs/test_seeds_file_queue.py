"""What the documents of persist-queue 0.8 to 1.1 and of pqueue say of the file queue, kept here.

Their users type these examples. Each is run as it is typed: in a console (a Python process) that
is closed without a word in between, and once more in one process with `del q`. Where two of the
documents contradict each other, the test says which rule holds here.
"""

import gc
import os
import pickle
import queue as standard
import random
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

import persistqueue
from persistqueue import Queue
from persistqueue.exceptions import Empty, Full

#: Seconds after which a console hangs.
PATIENCE = 60

SERIALIZERS = ["pickle", "msgpack", "cbor2", "json"]


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every test works in an empty directory, and leaves no damage in the queues it made there."""
    monkeypatch.chdir(tmp_path)
    yield
    gc.collect()
    for cursor in tmp_path.glob("*/cursor"):
        with Queue[Any](cursor.parent) as queue:
            assert queue.verify() == []


def console(typed: str, *, killed: bool = False) -> None:
    """Types this into a new Python process and closes it: by its end, or with SIGKILL."""
    code = textwrap.dedent(typed)
    if killed:
        code += "\nimport os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        stderr=subprocess.PIPE,
        timeout=PATIENCE,
        text=True,
        check=False,
    )
    assert done.returncode == (-9 if killed else 0), done.stderr


CLOSED = pytest.mark.parametrize(
    "killed",
    [
        pytest.param(False, id="closed", marks=pytest.mark.slow),
        pytest.param(True, id="killed"),
    ],
)


def drain(queue: "Queue[Any]") -> list[Any]:
    """All that is ready, settled."""
    found = []
    while True:
        try:
            found.append(queue.get_nowait())
        except Empty:
            if found:
                queue.task_done()
            return found


# -- the examples of persist-queue -------------------------------------------------------------


@CLOSED
def test_what_is_done_is_gone_after_a_restart(killed: bool) -> None:
    """After put a, b, c, one get and task_done, the next console begins with b."""
    console(
        """
        from persistqueue import Queue
        q = Queue("mypath")
        q.put('a')
        q.put('b')
        q.put('c')
        assert q.get() == 'a'
        q.task_done()
        """,
        killed=killed,
    )
    console(
        """
        from persistqueue import Queue
        q = Queue('mypath')
        assert q.get() == 'b'
        q.task_done()
        assert q.qsize() == 1
        """
    )


@CLOSED
def test_what_is_not_done_comes_again_after_a_restart(killed: bool) -> None:
    """Two items got without task_done are the next console's first two, in order."""
    console(
        """
        from persistqueue import Queue
        q = Queue("mypath")
        q.put('a')
        q.put('b')
        assert q.get() == 'a'
        assert q.get() == 'b'
        """,
        killed=killed,
    )
    console(
        """
        from persistqueue import Queue
        q = Queue('mypath')
        assert q.get() == 'a'
        assert q.get() == 'b'
        """
    )


@CLOSED
@pytest.mark.parametrize("spelling", ["autosave", "auto_save"])
def test_autosave_settles_in_get(spelling: str, killed: bool) -> None:
    """With autosave, in both documented spellings, what get has returned never comes again."""
    console(
        f"""
        from persistqueue import Queue
        q = Queue("mypath", {spelling}=True)
        q.put('a')
        q.put('b')
        assert q.get() == 'a'
        """,
        killed=killed,
    )
    console(
        f"""
        from persistqueue import Queue
        q = Queue('mypath', {spelling}=True)
        assert q.get() == 'b'
        assert q.empty()
        """
    )


@pytest.mark.parametrize("autosave", [False, True])
def test_put_persists_at_once(autosave: bool) -> None:
    """What put has returned for is there, whatever autosave says and however the process ends."""
    console(
        f"""
        from persistqueue import Queue
        q = Queue("mypath", autosave={autosave})
        q.put('a')
        """,
        killed=True,
    )
    with Queue[str]("mypath", autosave=autosave) as q:
        assert q.get() == "a"
        q.task_done()


def test_one_task_done_for_many_gets() -> None:
    """The calls of task_done can be spread out: one settles all that the thread got before it."""
    q = Queue[int]("mypath")
    for i in range(10):
        q.put(i)
    for i in range(7):
        assert q.get() == i
    q.task_done()
    del q
    with Queue[int]("mypath") as again:
        assert drain(again) == [7, 8, 9]


def test_autosave_may_say_task_done_and_join() -> None:
    """With autosave task_done is not needed; where it is called, join waits for it."""
    with Queue[int]("mypath", autosave=True) as q:
        q.put(1)
        q.put(2)
        assert q.get() == 1
        assert q.get() == 2
        q.task_done()
        q.task_done()
        q.join()


def test_workers_without_a_path() -> None:
    """`Queue()` needs no path, and join returns when the workers have done all that was put."""
    console(
        """
        from threading import Thread
        from persistqueue import Queue

        num_worker_threads = 4
        worked = []
        def do_work(item): worked.append(item)
        def source(): return range(100)

        q = Queue()

        def worker():
            while True:
                item = q.get()
                do_work(item)
                q.task_done()

        for i in range(num_worker_threads):
            t = Thread(target=worker)
            t.daemon = True
            t.start()

        for item in source():
            q.put(item)

        q.join()       # block until all tasks are done
        assert sorted(worked) == list(source())
        assert q.empty()
        """
    )
    with Queue[int]() as q:
        assert q.empty()


@pytest.mark.parametrize(
    "green",
    [
        pytest.param("eventlet.monkey_patch()", marks=pytest.mark.slow),
        "gevent.monkey.patch_all()",
    ],
)
def test_workers_under_green_threads(green: str) -> None:
    """The same loop runs where eventlet or gevent has replaced the threads."""
    module = green.partition(".")[0]
    pytest.importorskip(module)
    console(
        f"""
        import warnings
        warnings.simplefilter("ignore")
        import {"gevent.monkey" if module == "gevent" else module}
        {green}
        from threading import Thread
        from persistqueue import Queue

        worked = []
        q = Queue("mypath")

        def worker():
            while True:
                worked.append(q.get())
                q.task_done()

        for i in range(3):
            Thread(target=worker, daemon=True).start()
        for item in range(50):
            q.put(item)
        q.join()
        assert sorted(worked) == list(range(50))
        """
    )


def test_quick_start() -> None:
    """The quick start of 1.1: put two, get the first, say that it is done."""
    q = Queue[str]("my_queue_path")
    q.put("item1")
    q.put("item2")
    item = q.get()
    assert item == "item1"
    q.task_done()
    q.close()


# -- the parameters ------------------------------------------------------------------------------


@pytest.mark.parametrize("maxsize", [0, -1])
def test_no_limit(maxsize: int) -> None:
    """A maxsize of 0 or less limits nothing."""
    with Queue[int]("mypath", maxsize=maxsize) as q:
        for i in range(50):
            q.put_nowait(i)
        assert not q.full()


def test_a_limit() -> None:
    """With a maxsize, put waits for room, and put_nowait raises the standard library's Full."""
    with Queue[int]("mypath", 2) as q:
        q.put(1)
        q.put(2)
        assert q.full()
        with pytest.raises(standard.Full):
            q.put_nowait(3)
        with pytest.raises(Full):
            q.put(3, timeout=0.01)
        q.get()
        q.task_done()
        q.put(3)


def test_chunks() -> None:
    """A chunk file has at most `chunksize` items, and is gone once all of them are done."""
    with Queue[int]("mypath", chunksize=10) as q:
        for i in range(35):
            q.put(i)
        assert chunks() == ["q00000", "q00001", "q00002", "q00003"]
        for _ in range(25):
            q.get()
        # Here our rule differs in word: got is not enough, since what was got may come again.
        assert len(chunks()) == 4
        q.task_done()
        assert chunks() == ["q00002", "q00003"]


def test_chunks_with_autosave() -> None:
    """With autosave a chunk file is gone once the last of its items was got."""
    with Queue[int]("mypath", chunksize=10, autosave=True) as q:
        for i in range(35):
            q.put(i)
        for _ in range(25):
            q.get()
        assert chunks() == ["q00002", "q00003"]


def chunks() -> list[str]:
    """The chunk files of `mypath`."""
    return sorted(path.name for path in Path("mypath").glob("q*"))


def test_tempdir(tmp_path: Path) -> None:
    """A tempdir is accepted, on whatever disk, and nothing is left in it."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    with Queue[int]("mypath", tempdir=temporary) as q:
        q.put(1)
        assert q.get() == 1
        q.task_done()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("name", SERIALIZERS)
def test_serializers(name: str) -> None:
    """`persistqueue.serializers.X` is there after `import persistqueue` alone, and works."""
    if name in ("msgpack", "cbor2"):
        pytest.importorskip(name)
    console(
        f"""
        import persistqueue
        q = persistqueue.Queue('mypath', serializer=persistqueue.serializers.{name})
        q.put('a')
        q.put({{'b': 2.5, 'c': None}})
        assert q.get() == 'a'
        q.task_done()
        """
    )
    console(
        f"""
        import persistqueue
        q = persistqueue.Queue('mypath', serializer=persistqueue.serializers.{name})
        assert q.get() == {{'b': 2.5, 'c': None}}
        q.task_done()
        """
    )


def test_pickle_is_the_default() -> None:
    """Without a serializer any object that can be pickled is an item, in protocol 4."""
    with Queue[Any]("mypath") as q:
        for item in (1, {"a": 1}, [1, 2], Fraction(1, 3), None, {1, 2}):
            q.put(item)
            assert q.get() == item
            q.task_done()
    assert persistqueue.serializers.pickle.dumps(1) == pickle.dumps(1, 4)


# -- threads -------------------------------------------------------------------------------------


def test_task_done_is_the_threads_own() -> None:
    """task_done never settles what another thread is still working on, as it once did (#89)."""
    q = Queue[str]("mypath")
    q.put("mine")
    q.put("theirs")
    mine, theirs, go = [], [], threading.Event()

    def work() -> None:
        theirs.append(q.get())
        q.task_done()
        go.set()

    mine.append(q.get())
    thread = threading.Thread(target=work)
    thread.start()
    assert go.wait(PATIENCE)
    thread.join()
    assert (mine, theirs) == (["mine"], ["theirs"])
    q.close()
    with Queue[str]("mypath") as again:
        assert drain(again) == ["mine"]


def test_producers_and_consumers() -> None:
    """Threads that put and threads that get, all at once: each item comes once."""
    with Queue[int]("mypath", chunksize=50) as q:
        got: list[int] = []

        def produce(start: int) -> None:
            for i in range(start, start + 200):
                q.put(i)

        def consume() -> None:
            for _ in range(200):
                got.append(q.get(timeout=PATIENCE))
                q.task_done()

        threads = [threading.Thread(target=produce, args=(start,)) for start in (0, 200, 400)]
        threads += [threading.Thread(target=consume) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(got) == list(range(600))
        q.join()
        assert q.qsize() == 0


# -- letting go ----------------------------------------------------------------------------------


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="/proc tells the open files")
def test_del_frees_the_files() -> None:
    """`del q` closes every file of the queue at once."""

    def open_files() -> list[str]:
        found = []
        for link in Path("/proc/self/fd").iterdir():
            try:
                found.append(os.readlink(link))
            except OSError:
                continue
        return [path for path in found if "persist-queue" in path]

    q = Queue[int]()
    q.put(1)
    q.get()
    assert open_files()
    del q
    assert open_files() == []


# -- the examples and the tests of pqueue --------------------------------------------------------


def test_pqueue_example() -> None:
    """Bytes in and out, `del q`, and an empty queue raises what the standard library raises.

    One document says that an item got without task_done is gone after `del q`; the other, and
    what both libraries do, is that it comes again. Here it comes again: it might not be done.
    """
    q = Queue[bytes]("tmpqueue")
    q.put(b"a")
    q.put(b"b")
    q.put(b"c")
    assert q.get() == b"a"
    del q
    q = Queue("tmpqueue")
    assert q.get() == b"a"
    assert q.get() == b"b"
    q.task_done()
    del q
    q = Queue("tmpqueue")
    assert q.get() == b"c"
    with pytest.raises(standard.Empty):
        q.get_nowait()
    q.close()


@pytest.mark.parametrize("count", [1, 1000])
def test_open_and_close(count: int) -> None:
    """Items put before a close are there, all of them and in order, after the next open."""
    with Queue[str]("mypath", chunksize=100) as q:
        for i in range(count):
            q.put(f"var{i}")
    with Queue[str]("mypath", chunksize=100) as q:
        assert q.qsize() == count
        for i in range(count):
            assert q.get() == f"var{i}"
            q.task_done()
        with pytest.raises(Empty):
            q.get_nowait()


def test_partial_write() -> None:
    """A put that was cut off half-way leaves no item, and the ones before it stay."""
    with Queue[str]("mypath") as q:
        for i in range(100):
            q.put(f"var{i}")
    chunk = Path("mypath/q00000")
    with chunk.open("ab") as file:
        file.write(pickle.dumps("interrupted")[:-3])
    with Queue[str]("mypath") as q:
        assert q.qsize() == 100
        q.put("after")
        assert drain(q) == [*(f"var{i}" for i in range(100)), "after"]


@pytest.mark.parametrize("garbage", [b"erd", b"\0" * 700, b"\xff" * 5000])
def test_garbage_on_the_head(garbage: bytes) -> None:
    """Bytes of somebody else behind the last item are no items, and put goes on."""
    q = Queue[str]("mypath")
    q.put("var1")
    del q
    with Path("mypath/q00000").open("ab") as file:
        file.write(garbage)
    q = Queue("mypath")
    q.put("var2")
    assert drain(q) == ["var1", "var2"]
    q.close()


def test_random_puts_and_gets() -> None:
    """Puts and gets in a random order, with a restart now and then, behave as one list."""
    rng = random.Random(7)
    model: list[int] = []
    q = Queue[int]("mypath", chunksize=20)
    for i in range(2000):
        action = rng.choices(["put", "get", "restart"], [10, 9, 1])[0]
        if action == "put":
            q.put(i)
            model.append(i)
        elif action == "restart":
            q.close()
            q = Queue("mypath", chunksize=20)
        elif model:
            assert q.get_nowait() == model.pop(0)
            q.task_done()
        else:
            with pytest.raises(Empty):
                q.get_nowait()
        assert q.qsize() == len(model)
    assert drain(q) == model
    q.close()


def test_an_item_at_work_when_the_process_dies_comes_again() -> None:
    """What was got and not done when the process died is the first item of the next one."""
    console(
        """
        from persistqueue import Queue
        q = Queue("mypath")
        for item in ('a', 'b', 'c'):
            q.put(item)
        assert q.get() == 'a'
        q.task_done()
        assert q.get() == 'b'
        """,
        killed=True,
    )
    with Queue[str]("mypath") as q:
        assert drain(q) == ["b", "c"]
