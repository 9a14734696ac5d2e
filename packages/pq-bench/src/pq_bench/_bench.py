"""`Bench`: measures what was asked for, and leaves nothing behind."""

from __future__ import annotations

import multiprocessing
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from pq_bench._contest import Contest, Plan, Result, Side, hold, local
from pq_bench._goals import GOALS, Goal, Outcome, contest_of, peer_side
from pq_bench._machine import file_system
from pq_bench._opening import imports, openings
from pq_bench._peers import Peer, PeerUnavailable
from pq_bench._progress import Ticker
from pq_bench._queues import Backend, OpenFloor, OpenQueue
from pq_bench._readings import Reading
from pq_bench._syscalls import can_trace, peer_calls, queue_calls
from pq_bench._syscalls import told as calls_told
from pq_bench._waking import wake_ups
from pq_bench._workloads import Workload
from pq_bench.floors import DIALECTS, sweep
from pq_bench.stage.peers import PEERS
from pq_bench.stage.spec import Spec
from pq_bench.stage.tables import table_token
from pq_core.registry import QueueURL

__all__ = ["Bench", "Choice"]

#: System calls are counted over so many items.
_TRACED = 1000
#: File systems without a disk.
_IN_MEMORY = ("tmpfs", "ramfs")


@dataclass(frozen=True)
class Choice:
    """What is measured.

    Attributes:
        backends: whose queues.
        durabilities: each is a row of its own.
        serializers: too.
        workloads: too.
        readings: what is measured by itself.
        depth: items that wait where opening is measured.
    """

    backends: list[Backend]
    durabilities: list[str]
    serializers: list[str]
    workloads: list[Workload]
    readings: list[str] = field(default_factory=list)
    depth: int = 1_000_000


class Bench:
    """A directory on the disk under test, and the peers, for as long as something is measured.

    Args:
        parent: where the directory is made; None: where temporary files are.
        plan: how much is measured.
        requirements: of the peers.
        backends: that are measured.
    """

    def __init__(
        self,
        parent: Path | None,
        plan: Plan,
        requirements: list[str],
        backends: Sequence[Backend] = (),
    ) -> None:
        self.servers = [each for each in backends if each.is_server]
        self.plan = plan
        self.notes: list[str] = []
        self.peers: list[Peer] = []
        for requirement in requirements:
            try:
                self.peers.append(Peer.install(requirement))
            except PeerUnavailable as error:
                self.notes.append(f"{error}; its rows are missing")
        self.root = Path(tempfile.mkdtemp(prefix="pq-bench-", dir=parent))
        if file_system(self.root) in _IN_MEMORY:
            self.notes.append(
                f"{self.root.parent} is in memory, so that a sync costs nothing: choose a disk "
                "with --dir"
            )

    def __enter__(self) -> Bench:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends every process and removes every file."""
        for peer in self.peers:
            peer.close()
        for process in multiprocessing.active_children():
            process.kill()
            process.join()
        shutil.rmtree(self.root, ignore_errors=True)
        for backend in self.servers:
            with suppress(Exception):  # where the server is gone, that was told already
                sweep(DIALECTS[backend.name], QueueURL.parse(backend.url), table_token(self.root))

    # -- rows ---------------------------------------------------------------------------------

    def contests(self, choice: Choice) -> list[Contest]:
        """The rows of a choice; what a backend does not have is left out."""
        return [
            self._contest(workload, backend, durability, serializer)
            for workload in choice.workloads
            for backend in choice.backends
            if backend.can_play(workload.spec)
            for durability in (choice.durabilities if backend.name != "memory" else ["off"])
            for serializer in (choice.serializers if backend.name != "memory" else ["pickle"])
        ]

    def rows(self, contests: list[Contest], ticker: Ticker) -> Iterator[Result]:
        """The rows, each as soon as it is measured."""
        for contest in contests:
            ticker.begin(f"{contest.backend} {contest.workload}, {contest.durability}")
            yield hold(contest, self.root, self.plan, ticker.advance)

    def _contest(
        self, workload: Workload, backend: Backend, durability: str, serializer: str
    ) -> Contest:
        spec = workload.spec
        opened = OpenQueue(backend, spec, durability, serializer)
        sides = [Side("ours", "ours", spec, local(opened, spec), durability)]
        if workload.floor is not None and backend.has_floor:
            floor = OpenFloor(backend, workload.floor, durability, serializer)
            enter = local(floor, workload.floor)
            sides.append(Side("floor", "floor", workload.floor, enter, durability))
        # The levels of durability never mix in a row.
        sides += [
            peer_side(peer, backend, spec)
            for peer in self.peers
            if backend.name in PEERS[peer.name] and peer.level(backend.name) == durability
            if serializer == "pickle" and not spec.processes
        ]
        return Contest(
            workload.name,
            backend.name,
            durability,
            serializer,
            sides,
            workload.family,
            workload.step,
        )

    # -- goals --------------------------------------------------------------------------------

    def outcomes(
        self, backends: list[Backend], ticker: Ticker, words: list[str]
    ) -> Iterator[Outcome]:
        """The goals, each as soon as it is measured; `words`: those that have one in their name."""
        peer = next((each for each in self.peers if each.name == "persist-queue"), None)
        by_name = {each.name: each for each in backends}
        for goal in selected(words):
            ticker.begin(f"{goal.what}, {goal.durability}")
            backend = by_name.get(goal.backend)
            if backend is None:
                yield Outcome(goal, None, f"no {goal.backend} here")
            elif not backend.can_play(goal.spec):
                yield Outcome(goal, None, "not installed")
            else:
                contest = contest_of(goal, backend, peer)
                result = hold(contest, self.root, self.plan, ticker.advance)
                yield Outcome(goal, result, "; ".join(result.notes))

    # -- readings -----------------------------------------------------------------------------

    def readings(self, choice: Choice, ticker: Ticker) -> Iterator[Reading]:
        """What is measured by itself, each as soon as it is known."""
        local_ones = [each for each in choice.backends if each.name != "memory"]
        for backend in local_ones:
            opened = OpenQueue(backend, Spec("put"), "normal")
            if "wake-up" in choice.readings:
                ticker.begin(f"{backend.name} wake-up")
                yield from wake_ups(opened, self.root, max(10, 20 * self.plan.rounds))
            if "open" in choice.readings and not backend.is_server:
                ticker.begin(f"{backend.name} open")
                yield from openings(opened, self.root, choice.depth, self.plan.rounds)
        if "import" in choice.readings:
            ticker.begin("import")
            peer = next((each for each in self.peers if each.name == "persist-queue"), None)
            yield from imports(self.plan.rounds, peer)
        if "syscalls" in choice.readings and can_trace():
            for backend in local_ones:
                ticker.begin(f"{backend.name} system calls")
                yield from self._calls(backend)

    def _calls(self, backend: Backend) -> Iterator[Reading]:
        for name, shape in (("put", "put"), ("get", "take")):
            spec = Spec(shape)
            found = queue_calls(OpenQueue(backend, spec, "normal"), self.root, _TRACED)
            floor = None
            if backend.has_floor:
                bare = queue_calls(OpenFloor(backend, spec, "normal"), self.root, _TRACED)
                floor = sum(bare.values())
            what = f"{backend.name}: system calls of a {name}, normal"
            goal = _most_calls(backend.name, shape, floor)
            yield Reading(what, sum(found.values()), "calls", goal, calls_told(found), floor)
            for peer in self.peers:
                if backend.name in PEERS[peer.name]:
                    theirs = peer_calls(peer, backend, spec, self.root, _TRACED)
                    what = f"{peer.label}, {backend.name}: system calls of a {name}"
                    if theirs:
                        yield Reading(what, sum(theirs.values()), "calls", None, calls_told(theirs))


def _most_calls(backend: str, shape: str, floor: float | None) -> float | None:
    """The goal of a put: a write and both ends of a lock, or what one commit takes."""
    if shape == "put" and backend == "file":
        return 3.0
    if shape == "put" and backend == "sqlite" and floor is not None:
        return floor + 0.5
    return None


def selected(words: list[str]) -> list[Goal]:
    """The goals that have one of these words in their name; all where there is no word."""
    return [goal for goal in GOALS if not words or any(word in goal.what.lower() for word in words)]
