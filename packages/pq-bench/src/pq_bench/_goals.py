"""The project's goals in figures, and the contests that show whether they are met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pq_bench._contest import Contest, Result, Side, local
from pq_bench._peers import Peer
from pq_bench._queues import Backend, OpenFloor, OpenQueue
from pq_bench.stage.spec import Spec

__all__ = ["GOALS", "PREDECESSOR", "Goal", "Outcome", "contest_of", "judge"]

#: Whom the goals are about.
PREDECESSOR: Final = "persist-queue==1.1.0"


@dataclass(frozen=True)
class Goal:
    """One row of the table of goals.

    Attributes:
        what: is measured.
        backend: the scheme; a server's stands for its other name too.
        durability: ours.
        spec: the workload.
        share: the least ratio to the floor, or to `twin`; 0: there is none.
        times: the least ratio to the predecessor; 0: there is none.
        floor: what the floor plays; None: the same.
        twin: what another queue of ours plays, instead of a floor.
        label: what stands under "beside" in the table.
        peer: what the predecessor plays; None: the same.
        is_told: whether it takes part although there is no goal for it.
        asked: an option of the server's URL, for both sides; ``name=value``.
    """

    what: str
    backend: str
    durability: str
    spec: Spec
    share: float = 0.0
    times: float = 0.0
    floor: Spec | None = None
    twin: Spec | None = None
    label: str = ""
    peer: Spec | None = None
    is_told: bool = False
    asked: str = ""


def _goals() -> Iterator[Goal]:
    put, take = Spec("put"), Spec("take")
    put_many, take_many = Spec("put_many", batch=100), Spec("take_many", batch=100)
    put_8 = Spec("put", threads=8)
    yield Goal("file put", "file", "normal", put, 0.5, 50, label="L1")
    yield Goal("file get + task_done", "file", "normal", take, 0.4, 30, label="read + cursor")
    yield Goal("file put_many(100)", "file", "normal", put_many, 0.8, 100, label="1 write")
    # The predecessor has no get_many. Its goal is about a get and a task_done for each item; what
    # it does with one task_done for a hundred is told as well.
    yield Goal(
        "file get_many(100) + task_done",
        "file",
        "normal",
        take_many,
        0.8,
        100,
        label="1 read",
        peer=take,
    )
    yield Goal(
        "… predecessor: 100 gets, 1 task_done",
        "file",
        "normal",
        take_many,
        label="1 read",
        is_told=True,
    )
    yield Goal("file put, 1 thread", "file", "full", put, 0.9, 2, label="L2")
    yield Goal("file put, 8 threads", "file", "full", put_8, 4.0, 8, put, label="L2, 1 thread")
    through = Spec("through", producers=2, consumers=2, processes=True)
    yield Goal("file, 2 + 2 processes", "file", "normal", through, 0.25, 0, put, label="L1")
    for durability, share, times in (("normal", 0.6, 5.0), ("full", 0.9, 1.1)):
        yield Goal("SQLite put", "sqlite", durability, put, share, times, label="INSERT")
        yield Goal("SQLite get", "sqlite", durability, take, share, times, label="DELETE")
    yield Goal(
        "SQLite put, 8 threads", "sqlite", "full", put_8, 3.0, 3, put, label="INSERT, 1 thread"
    )
    for durability in ("normal", "full"):
        yield Goal(
            "SQLite put_many(100)", "sqlite", durability, put_many, 0.7, 50, label="executemany"
        )
        yield Goal(
            "SQLite get_many(100)", "sqlite", durability, take_many, 0.7, 50, label="executemany"
        )
    ack = Spec("take", kind="ack")
    for durability, share, times in (("full", 0.9, 1.2), ("normal", 0.6, 6.0)):
        yield Goal("ack get + ack", "sqlite", durability, ack, share, times, label="2 commits")
        old = replace(ack, history=100_000)
        yield Goal(
            "ack get + ack, 1e5 acked", "sqlite", durability, old, 0.9, twin=ack, label="none acked"
        )
    deep = Spec("alternate", kind="priority", depth=1_000_000)
    flat = replace(deep, depth=1_000)
    yield Goal(
        "priority put + get, 1e6 deep", "sqlite", "normal", deep, 0.85, twin=flat, label="1e3 deep"
    )
    for durability, times in (("normal", 0.0), ("full", 1.1)):
        yield Goal(
            "PDict set", "sqlite", durability, Spec("set", "dict"), 0.6, times, label="REPLACE"
        )
        yield Goal(
            "PDict get", "sqlite", durability, Spec("look_up", "dict"), 0.6, times, label="SELECT"
        )
    for name, backend in (("MySQL", "mysql"), ("PostgreSQL", "postgresql")):
        yield Goal(f"{name} put", backend, "full", put, 0.7, 2, label="round trips")
        yield Goal(f"{name} get", backend, "full", take, 0.7, 2, label="round trips")
        # The predecessor has no ack queue in a server; its get settles, in one commit.
        yield Goal(
            f"{name} get + ack", backend, "full", ack, 0.7, 2, label="round trips", peer=take
        )
        yield Goal(f"{name} put_many(100)", backend, "full", put_many, 0.6, 30, label="1 statement")
    for does, spec in (("put", put), ("get", take), ("get + ack", ack)):
        yield Goal(
            f"PostgreSQL {does}, prepared",
            "postgresql",
            "full",
            spec,
            0.7,
            label="prepared",
            asked="prepare_threshold=5",
        )
    for backend in ("file", "sqlite"):
        for spec, does in ((put, "put"), (take, "get")):
            name = f"async {backend} {does}"
            one, many = replace(spec, tasks=1), replace(spec, tasks=100)
            yield Goal(f"{name}, 1 task", backend, "normal", one, 0.6, 3, label="worker hop")
            for durability in ("normal", "full"):
                yield Goal(
                    f"{name}, 100 tasks",
                    backend,
                    durability,
                    many,
                    0.5,
                    20,
                    twin=spec,
                    label="sync twin",
                )


#: The rows whose figures are rates; the others are readings.
GOALS: Final = tuple(_goals())


@dataclass(frozen=True)
class Outcome:
    """A goal and what was measured.

    Attributes:
        goal: it.
        result: None where it was not measured.
        reason: why it was not, or what else there is to say.
    """

    goal: Goal
    result: Result | None
    reason: str = ""

    @property
    def share(self) -> float | None:
        """The ratio to the floor or the twin."""
        if self.result is None:
            return None
        side = self.result.against("twin") or self.result.against("floor")
        return None if side is None or side.ratio is None else side.ratio.median

    @property
    def times(self) -> float | None:
        """The ratio to the predecessor."""
        side = None if self.result is None else self.result.against("peer")
        return None if side is None or side.ratio is None else side.ratio.median

    @property
    def shortfall(self) -> float:
        """What was reached of the goal that is missed most: 1 or more where none is."""
        reached = [1.0]
        if self.share is not None and self.goal.share:
            reached.append(self.share / self.goal.share)
        if self.times is not None and self.goal.times:
            reached.append(self.times / self.goal.times)
        return min(reached)


def contest_of(goal: Goal, backend: Backend, peer: Peer | None) -> Contest:
    """The sides of a goal: ours, its floor or twin, and the predecessor."""
    if goal.asked:
        backend = backend.asking(goal.asked)

    def queue(role: str, label: str, spec: Spec) -> Side:
        opened = OpenQueue(backend, spec, goal.durability)
        return Side(role, label, spec, local(opened, spec), goal.durability)

    sides = [queue("ours", "ours", goal.spec)]
    if goal.twin is not None:
        sides.append(queue("twin", goal.label, goal.twin))
    elif backend.has_floor:
        spec = goal.floor or goal.spec
        opened = OpenFloor(backend, spec, goal.durability)
        sides.append(Side("floor", goal.label, spec, local(opened, spec), goal.durability))
    if peer is not None and (goal.times or goal.is_told):
        sides.append(peer_side(peer, backend, goal.peer or goal.spec))
    return Contest(goal.what, backend.name, goal.durability, "pickle", sides)


def peer_side(peer: Peer, backend: Backend, spec: Spec) -> Side:
    """A peer's side of a contest, at the durability that it has."""
    return Side(
        "peer",
        peer.label,
        spec,
        lambda root: peer.enter(backend.name, spec, root, backend.url),
        peer.level(backend.name) or "",
        peer.version,
    )


def judge(outcomes: list[Outcome]) -> list[Outcome]:
    """Those that fall short, the worst first."""
    return sorted(
        (each for each in outcomes if each.shortfall < 1), key=lambda each: each.shortfall
    )
