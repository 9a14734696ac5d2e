"""Processes that are killed at any moment, forked, spawned, and outlived by a restart."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import traceback
import warnings
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

import pytest

from pq_core.disk import Disk
from pq_core.errors import Empty
from pq_core.testing import errands
from pq_core.testing.elsewhere import PATIENCE, InProcess, InThread, is_waiting
from pq_file import Queue

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

#: Items in a segment: few, so that every kill is near to the making or removing of one.
CHUNK: Final = 7

#: The most that one call takes.
BATCH: Final = 6

Item = tuple[str, int]


class Worker(NamedTuple):
    """A child process.

    Attributes:
        name: told once only, also of a successor.
        pid: its process id.
        log: what it has done, one line each, written when it was done.
    """

    name: str
    pid: int
    log: Path


class Family:
    """Producers and consumers of one queue that are killed and replaced.

    A child says a byte on a pipe at every step, so that the parent can wait for any number of
    steps and kill in the middle of whatever comes then.
    """

    def __init__(self, path: Path, **options: Any) -> None:
        self.path = path
        self.options = {"chunksize": CHUNK, **options}
        self.reading, self.writing = os.pipe()
        self.logs = path.with_name("logs")
        self.logs.mkdir()
        self.workers: dict[str, Worker] = {}
        self.all: list[Worker] = []
        self.killed: set[str] = set()
        self._numbers = count()

    def open(self) -> Queue[Any]:
        return Queue(self.path, **self.options)

    def start(
        self, role: str, work: Callable[[Queue[Any], str, Callable[[str], None]], None]
    ) -> None:
        """Forks a child for this role; it works on a queue object of its own."""
        name = f"{role}.{next(self._numbers)}"
        log = self.logs / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid:
            self.workers[role] = worker = Worker(name, pid, log)
            self.all.append(worker)
            return
        try:
            fd = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)

            def tell(line: str) -> None:
                os.write(fd, line.encode() + b"\n")
                os.write(self.writing, b".")

            work(self.open(), name, tell)
        except BaseException:
            (self.logs / "errors").open("a").write(traceback.format_exc())
        finally:
            os._exit(0)

    def kill(self, role: str) -> None:
        """SIGKILL, and waits until it is dead."""
        worker = self.workers.pop(role)
        os.kill(worker.pid, signal.SIGKILL)
        os.waitpid(worker.pid, 0)
        self.killed.add(worker.name)

    def wait_steps(self, steps: int) -> None:
        """Waits until the children have made this many steps."""
        while steps > 0:
            steps -= len(os.read(self.reading, steps))

    def end(self) -> None:
        """Kills who is left."""
        for role in list(self.workers):
            self.kill(role)
        os.close(self.reading)
        os.close(self.writing)

    def lines(self, verb: str) -> dict[str, list[Item]]:
        """What the children have noted after this word, child by child."""
        found: dict[str, list[Item]] = {}
        for worker in self.all:
            text = worker.log.read_text() if worker.log.exists() else ""
            # The last line may have been cut short by the kill.
            words = [line.split() for line in text.split("\n")[:-1]]
            found[worker.name] = [(word[1], int(word[2])) for word in words if word[0] == verb]
        return found


def produce(queue: Queue[Any], name: str, tell: Callable[[str], None]) -> None:
    """Puts numbered items for ever, one by one and several at once."""
    random = Random(name)
    number = 0
    while True:
        if queue.qsize() > 300:
            # As slow as whoever reads the pipe.
            tell("full")
        if random.random() < 0.7:
            queue.put((name, number))
            tell(f"put {name} {number}")
            number += 1
        else:
            items = [(name, number + more) for more in range(random.randint(2, 5))]
            queue.put_many(items)
            for item in items:
                tell(f"put {item[0]} {item[1]}")
            number += len(items)


def consume(queue: Queue[Any], name: str, tell: Callable[[str], None]) -> None:
    """Gets and settles for ever, one by one and several at once."""
    random = Random(name)
    while True:
        items = (
            [queue.get(timeout=PATIENCE)]
            if random.random() < 0.7
            else queue.get_many(random.randint(2, BATCH), timeout=PATIENCE)
        )
        for item in items:
            tell(f"got {item[0]} {item[1]}")
        queue.task_done()
        for item in items:
            tell(f"done {item[0]} {item[1]}")
        assert queue.damage == [], "a kill is no damage"


ROLES: Final = {"p1": produce, "p2": produce, "c1": consume, "c2": consume}


def kill_at_random(family: Family, rounds: int, seed: int) -> list[Item]:
    """Lets the family work and kills one of it again and again; what was left at the end."""
    random = Random(seed)
    try:
        for _ in range(rounds):
            for role, work in ROLES.items():
                if role not in family.workers:
                    family.start(role, work)
            family.wait_steps(random.randint(1, 60))
            for role in random.sample(list(ROLES), random.choice([1, 1, 1, 2, 4])):
                family.kill(role)
    finally:
        family.end()
    errors = family.logs / "errors"
    assert not errors.exists(), errors.read_text()
    left = []
    with family.open() as queue:
        assert queue.verify() == []
        assert queue.damage == []
        with suppress(Empty):
            while True:
                left.append(queue.get_nowait())
                queue.task_done()
        assert queue.verify() == []
        assert queue.qsize() == 0
        assert queue.stats().leased == 0
    return left


def out_of_order(items: list[Item]) -> int:
    """How many items come behind a younger one of the same producer."""
    last: dict[str, int] = defaultdict(lambda: -1)
    late = 0
    for producer, number in items:
        late += number <= last[producer]
        last[producer] = max(last[producer], number)
    return late


def check_at_least_once(family: Family, left: list[Item]) -> None:
    """What the children have noted, and what was left, fits a queue without autosave."""
    put = {item for items in family.lines("put").values() for item in items}
    got, done = family.lines("got"), family.lines("done")
    got["the end"] = done["the end"] = left
    takers: dict[Item, list[str]] = defaultdict(list)
    for name, items in got.items():
        for item in items:
            takers[item].append(name)
    assert put <= set(takers), f"lost: {sorted(put - set(takers))[:5]}"
    settled = {item: name for name, items in done.items() for item in items}
    done_by = {name: set(items) for name, items in done.items()}
    for item, names in takers.items():
        assert len(names) == len(set(names)), f"{item} twice to one consumer"
        # All but one of its takers were killed with it open.
        open_still = [name for name in names if name not in family.killed]
        settled_by = [name for name in names if item in done_by.get(name, ())]
        assert len(settled_by) <= 1, f"{item} settled by {settled_by}"
        assert len({*open_still, *settled_by}) <= 1, f"{item} got by {names}"
    assert len(settled) > 10
    # What a killed consumer had comes again behind younger items, whether or not it has noted it.
    late = sum(
        out_of_order([item for item in items if len(takers[item]) == 1]) for items in got.values()
    )
    assert late <= BATCH * sum(name.startswith("c") for name in family.killed)


@pytest.mark.slow
@pytest.mark.parametrize("durability", ["normal", "full"])
def test_kill_at_any_moment(durability: str, tmp_path: Path) -> None:
    """Nothing acknowledged is lost, and nothing comes twice but what a killed consumer had open."""
    family = Family(tmp_path / "queue", durability=durability)
    check_at_least_once(family, kill_at_random(family, 100, 1))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kill_in_segments_of_any_size(seed: int, tmp_path: Path) -> None:
    """The same with segments of every size; `tests.kill` does it thousands of times."""
    family = Family(tmp_path / "queue", chunksize=[2, 7, 50, 10_000][seed])
    check_at_least_once(family, kill_at_random(family, 50, 100 + seed))


def check_at_most_once(family: Family, left: list[Item]) -> None:
    """What the children have noted, and what was left, fits a queue with autosave."""
    put = {item for items in family.lines("put").values() for item in items}
    got = family.lines("got")
    got["the end"] = left
    every = [item for items in got.values() for item in items]
    assert len(every) == len(set(every))
    killed = sum(name.startswith("c") for name in family.killed)
    # A kill can take what one get or get_many was about to hand out.
    assert len(put - set(every)) <= BATCH * killed
    for name, items in got.items():
        assert out_of_order(items) == 0, name


@pytest.mark.slow
def test_autosave_at_any_moment(tmp_path: Path) -> None:
    """With autosave nothing ever comes twice, and a kill takes at most what was being got."""
    family = Family(tmp_path / "queue", autosave=True)
    check_at_most_once(family, kill_at_random(family, 100, 2))


def _engines(path: Path, number: int, **options: Any) -> list[Queue[Any]]:
    """Objects that share nothing but the files, as those of different processes."""
    return [Queue(path, disk=Disk(), **options) for _ in range(number)]


def test_a_settled_item_is_not_read_ahead_again(tmp_path: Path) -> None:
    """What another process settled out of order is passed over by one that had it read ahead."""
    one, two, three = _engines(tmp_path / "queue", 3)
    with one, three:
        one.put_many(range(1, 21))
        assert one.get_nowait() == 1
        one.task_done()
        assert two.get_nowait() == 2
        assert three.get_many(8) == list(range(3, 11))
        three.task_done()
        two.close()
        assert [one.get_nowait() for _ in range(3)] == [2, 11, 12]
        one.task_done()
        assert list(three.browse()) == list(range(13, 21))


def test_what_comes_back_over_several_segments(tmp_path: Path) -> None:
    """What comes back is handed out bit by bit, whichever of its segments are gone by then."""
    path = tmp_path / "queue"
    one, two, three = _engines(path, 3, chunksize=2)
    with one, three:
        for number in range(1, 10):
            one.put(number)
        assert two.get_many(6) == [1, 2, 3, 4, 5, 6]
        assert three.get_nowait() == 7
        two.close()
        for number in range(1, 7):
            assert one.get_nowait() == number
            one.task_done()
            assert one.damage == []
            assert one.verify() == []
        three.task_done()
        assert [one.get_nowait(), one.get_nowait()] == [8, 9]
        one.task_done()
        assert len(list(path.glob("q*"))) == 1


@pytest.mark.parametrize("settle", ["task_done", "clear"])
def test_an_item_that_is_out_while_another_process_mends(settle: str, tmp_path: Path) -> None:
    """What is out when a crash is mended, and settled afterwards, does not come again."""
    path = tmp_path / "queue"
    [one] = _engines(path, 1, chunksize=2)
    with one:
        for number in range(1, 4):
            one.put(number)
        assert one.get_nowait() == 1
        # What a producer leaves that is killed while it begins a segment.
        (path / "q00002").touch()
        [two] = _engines(path, 1, chunksize=2)
        with two:
            if settle == "clear":
                assert two.clear() == 2
            one.task_done()
            two.put(4)
            rest = [4] if settle == "clear" else [2, 3, 4]
            assert [one.get_nowait() for _ in rest] == rest
            one.task_done()
            assert two.empty()
            assert two.verify() == []


def test_a_crowd_dies_at_once(tmp_path: Path) -> None:
    """What many consumers had out when all were killed comes again, in order, to who waits."""
    path = tmp_path / "queue"
    with Queue[Any](path, chunksize=CHUNK) as queue:
        queue.put_many(range(60))
        crowd = [InProcess(queue) for _ in range(4)]
        for number in range(40):
            assert crowd[number % 4].call("get_nowait") == number
        crowd[1].call("task_done")
        with InThread() as thread:
            assert [queue.get_nowait() for _ in range(20)] == list(range(40, 60))
            waiting = thread.submit(queue.get, timeout=PATIENCE)
            assert is_waiting(waiting)
            for each in crowd:
                each.kill()
            first = waiting.result(PATIENCE)
            rest = [queue.get(timeout=PATIENCE) for _ in range(29)]
            assert [first, *rest] == [number for number in range(40) if number % 4 != 1]
            thread.call(queue.task_done)
        queue.task_done()
        assert queue.verify() == []
    with Queue[Any](path, disk=Disk()) as queue:
        assert queue.empty()


def test_join_waits_for_other_processes(tmp_path: Path) -> None:
    """`join` ends when the last item is settled, whoever has it, and whoever dies with it."""
    with Queue[Any](tmp_path / "queue") as queue:
        queue.put_many([1, 2])
        with InProcess(queue) as other, InProcess(queue) as dying, InThread() as thread:
            assert other.call("get_nowait") == 1
            assert dying.call("get_nowait") == 2
            joining = thread.submit(queue.join)
            assert is_waiting(joining)
            other.call("task_done")
            assert is_waiting(joining)
            dying.kill()
            assert other.call("get", timeout=PATIENCE) == 2
            assert is_waiting(joining)
            other.call("task_done")
            joining.result(PATIENCE)


def test_a_child_by_exec_is_no_sign_of_life(tmp_path: Path) -> None:
    """A program that a killed consumer had started keeps nothing of the queue open."""
    code = (
        "import subprocess, sys; from pq_file import Queue;"
        "queue = Queue(sys.argv[1]); item = queue.get_nowait();"
        "child = subprocess.Popen(['cat'], close_fds=False, stdin=subprocess.PIPE, stdout=sys.stderr);"
        "print(item, child.pid, flush=True); sys.stdin.read()"
    )
    with Queue[Any](tmp_path / "queue") as queue:
        queue.put(7)
        import subprocess

        consumer = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path / "queue")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        )
        with consumer:
            assert consumer.stdout
            item, child = map(int, consumer.stdout.readline().split())
            assert item == 7
            with pytest.raises(Empty):
                queue.get_nowait()
            os.kill(consumer.pid, signal.SIGSTOP)
            try:
                consumer.kill()
                consumer.wait()
                assert queue.get(timeout=PATIENCE) == 7
            finally:
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)


def test_spawned_by_multiprocessing(tmp_path: Path) -> None:
    """A queue object handed to a spawned process is the same queue there."""
    with Queue[Any](tmp_path / "queue", serializer="json") as queue:
        queue.put(["here", 0])
        process = multiprocessing.get_context("spawn").Process(
            target=errands.produce, args=(queue, "there", 3)
        )
        process.start()
        process.join(PATIENCE)
        assert process.exitcode == 0
        assert list(queue.browse()) == [["here", 0], *(["there", number] for number in range(3))]


def test_a_pickled_queue_takes_its_options_along(tmp_path: Path) -> None:
    """Every option of a queue is there again after pickling, and what is out stays with the first."""
    queue = Queue[Any](tmp_path / "queue", 5, 3, None, "json", True, durability="full")
    with queue, pickle.loads(pickle.dumps(queue)) as copy:
        assert copy.maxsize == 5
        assert copy.durability == "full"
        copy.put_many([1, 2, 3, 4])
        assert copy.get_nowait() == 1
        copy.put_many([5, 6])
        assert copy.full()
        assert len(list((tmp_path / "queue").glob("q*"))) == 2
        assert list(queue.browse()) == [2, 3, 4, 5, 6]


def _in_child(work: Callable[[], None]) -> int:
    """The exit status of a forked child that works and ends without a word."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        status = 1
        try:
            work()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_fork_with_items_out(tmp_path: Path) -> None:
    """The child can neither settle nor give back what the parent has out, by no method."""
    path = tmp_path / "queue"
    queue, second = Queue[Any](path), Queue[Any](path)
    with queue, second:
        queue.put_many(range(10))
        assert queue.get_many(3) == [0, 1, 2]
        assert second.get_nowait() == 3

        def child() -> None:
            for each in (queue, second):
                # There is nothing that it could settle.
                with suppress(ValueError):
                    each.task_done()
            assert queue.get_nowait() == 4
            queue.task_done()
            assert queue.stats().leased == 4
            assert second.clear() == 5
            queue.put("child")
            queue.close()
            second.close()

        assert _in_child(child) == 0
        assert queue.stats().leased == 4
        assert list(queue.browse()) == ["child"]
        queue.task_done()
        second.close()
        assert queue.get_nowait() == 3
        assert queue.get_nowait() == "child"
        queue.task_done()
        assert queue.verify() == []
        assert queue.empty()


def test_a_grandchild(tmp_path: Path) -> None:
    """A queue object goes on through several forks, and after each in all of them."""
    with Queue[Any](tmp_path / "queue") as queue:
        queue.put("parent")

        def grandchild() -> None:
            queue.put("grandchild")

        def child() -> None:
            queue.put("child")
            assert _in_child(grandchild) == 0
            queue.put("child again")

        assert _in_child(child) == 0
        assert list(queue.browse()) == ["parent", "child", "grandchild", "child again"]


# -- a restart of the machine ---------------------------------------------------------------------


def _boot(name: bytes) -> Disk:
    return Disk(boot_id=lambda: name * 16)


def _after_restart(path: Path, boot: bytes = b"y") -> tuple[list[int], list[Any]]:
    """What the first handle after a restart finds, and which damage it reports."""
    with Queue[int](path, disk=_boot(boot)) as queue:
        got = list(queue.browse())
        assert queue.verify() == []
        queue.put(-1)
        assert list(queue.browse()) == [*got, -1]
        damage = list(queue.damage)
    with Queue[int](path, disk=_boot(boot)) as queue:
        assert list(queue.browse()) == [*got, -1]
        assert queue.verify() == []
    return got, damage


def _running(path: Path, where: Path, durability: str, chunk: int = 100) -> tuple[Path, int]:
    """A copy of a queue in use with 12 items, of which 2 are settled, and where its end is."""
    queue = Queue[int](
        path,
        chunksize=chunk,
        durability=durability,  # type: ignore[arg-type]
        disk=_boot(b"x"),
    )
    with queue:
        for number in range(8):
            queue.put(number)
        queue.put_many([8, 9, 10, 11])
        assert queue.get_many(2) == [0, 1]
        queue.task_done()
        newest = max(path.glob("q*"))
        copy = Path(shutil.copytree(path, where))
    return copy, newest.stat().st_size


def test_a_restart_with_all_on_the_medium(tmp_path: Path) -> None:
    """After a restart that lost nothing, everything is there; claims of before count no more."""
    path = tmp_path / "queue"
    copy, _ = _running(path, tmp_path / "copy", "normal")
    assert _after_restart(copy) == (list(range(2, 12)), [])


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cut", "zeroed", "zeroed pages"])
def test_a_lost_tail(loss: str, tmp_path: Path) -> None:
    """With `normal`, whatever is missing at the end, a prefix is left and nothing is damaged."""
    copy, size = _running(tmp_path / "queue", tmp_path / "copy", "normal")
    for at in range(1024, size, 5):
        case = Path(shutil.copytree(copy, tmp_path / "case"))
        segment = case / "q00000"
        data = bytearray(segment.read_bytes())
        if loss == "cut":
            del data[at:]
        else:
            stop = len(data) if loss == "zeroed" else min(len(data), (at // 64 + 1) * 64)
            data[at:stop] = bytes(stop - at)
        segment.write_bytes(data)
        got, damage = _after_restart(case)
        if loss == "zeroed pages":
            assert set(got) <= set(range(12))
        else:
            # Settled ones are not: the slot tells, or the item is lost anyway.
            assert got == list(range(2, 2 + len(got))) or not got
            assert damage == []
        if at < size // 2:
            assert len(got) < 10
        shutil.rmtree(case)


def test_full_keeps_all_before_the_sync(tmp_path: Path) -> None:
    """With `full`, what was written behind the last sync may be anything; the rest is all there."""
    path = tmp_path / "queue"
    copy, _ = _running(path, tmp_path / "copy", "full")
    data = (copy / "q00000").read_bytes()
    end = len(data.rstrip(b"\0"))
    random = Random(7)
    for garbage in (b"", bytes(50), random.randbytes(300), data[1024:1100], data[1024:end]):
        case = Path(shutil.copytree(copy, tmp_path / "case"))
        (case / "q00000").write_bytes(data[:end] + garbage)
        assert _after_restart(case)[0] == list(range(2, 12))
        shutil.rmtree(case)
