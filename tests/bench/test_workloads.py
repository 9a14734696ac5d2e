"""Every workload runs on every backend that is here, beside its floor, and items are counted."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pq_bench._bench import Bench, Choice
from pq_bench._contest import Plan, hold
from pq_bench._progress import ticking
from pq_bench._queues import Backend, OpenFloor, OpenQueue, installed
from pq_bench._workloads import STANDARD, WORKLOADS, Workload, chosen
from pq_bench.stage.crew import CrewFailed, elsewhere
from pq_bench.stage.player import Player
from pq_bench.stage.session import Session, WrongCount
from pq_bench.stage.spec import Spec, item_of

BACKENDS = [*installed(), Backend("memory")]
TINY = Plan(count=4, rounds=1)


def pairs(wanted: Callable[[Workload], bool]) -> list[Any]:
    """The workloads with each backend that can play them."""
    return [
        pytest.param(
            workload,
            backend,
            id=f"{backend.name}-{workload.name}",
            marks=() if workload.name in STANDARD else pytest.mark.slow,
        )
        for workload in WORKLOADS
        for backend in BACKENDS
        if wanted(workload) and backend.can_play(workload.spec)
    ]


def tiny(workload: Workload) -> Workload:
    """The same workload with little to prepare."""
    spec = workload.spec
    return replace(
        workload, spec=replace(spec, depth=min(spec.depth, 5), history=spec.history and 5)
    )


def play(workload: Workload, backend: Backend, durability: str, directory: Path) -> None:
    """One round of every side."""
    choice = Choice([backend], [durability], ["pickle"], [tiny(workload)])
    with Bench(directory, TINY, []) as bench, ticking(1) as ticker:
        contests = bench.contests(choice)
        results = list(bench.rows(contests, ticker))
    for result in results:
        assert result.sides[0].side.role == "ours"
        assert all(rate > 0 for each in result.sides for rate in each.rates)
        assert not result.notes
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(("workload", "backend"), pairs(lambda each: not each.spec.processes))
def test_smoke(workload: Workload, backend: Backend, tmp_path: Path) -> None:
    """A workload that a backend can play leaves figures and no file."""
    play(workload, backend, "normal", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("workload", "backend"), pairs(lambda each: each.spec.processes))
def test_crews(workload: Workload, backend: Backend, tmp_path: Path) -> None:
    """Producers and consumers in processes of their own share one queue out."""
    play(workload, backend, "normal", tmp_path)


@pytest.mark.parametrize("durability", ["full", "off"])
@pytest.mark.parametrize("backend", installed(), ids=lambda backend: backend.name)
def test_durability(backend: Backend, durability: str, tmp_path: Path) -> None:
    """Each level of durability has rows of its own."""
    (workload,), _ = chosen(["alternate"])
    play(workload, backend, durability, tmp_path)


@pytest.mark.usefixtures("local_backends")
@pytest.mark.parametrize("serializer", ["json", "msgpack", "cbor2"])
def test_serializers(serializer: str, tmp_path: Path) -> None:
    """The floor serializes with what the queue serializes with."""
    if serializer != "json":
        pytest.importorskip(serializer)
    for spec in (Spec("take"), Spec("take_many", batch=2)):
        for opened in (
            OpenQueue(Backend("file"), spec, "normal", serializer),
            OpenFloor(Backend("file"), spec, "normal", serializer),
        ):
            session = Session(opened, spec, tmp_path)
            assert session.play(4).items == 4


@pytest.mark.slow
def test_a_crew_member_that_dies_is_noticed(tmp_path: Path) -> None:
    """A process that ends before it is ready is an error at once, and not after a wait."""
    with pytest.raises(CrewFailed, match="ended before it was done"):
        elsewhere(_Dying(), tmp_path, Spec("through", producers=1, consumers=1), 2)


class _Dying:
    """Opens nothing."""

    def __call__(self, _directory: Path) -> object:
        os._exit(3)


def test_loss_is_no_figure(tmp_path: Path) -> None:
    """A queue that has lost an item is an error, not a rate."""

    class Forgetful:
        def put(self, item: object) -> None:
            """Stores nothing."""

        def qsize(self) -> int:
            return 0

    session = Session(lambda _directory: Player(Forgetful()), Spec("put"), tmp_path)
    with pytest.raises(WrongCount, match="holds 0, not 3"):
        session.play(3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [10, 64, 200, 1024, 1 << 20])
def test_item_sizes(size: int) -> None:
    """An item is as large as asked for when it is pickled, within a twentieth or 6 bytes."""
    import pickle

    assert len(pickle.dumps(item_of(size))) == pytest.approx(size, rel=0.05, abs=6)


def test_names_are_unique() -> None:
    """Every workload can be asked for by its name, and the usual ones exist."""
    names = [each.name for each in WORKLOADS]
    assert len(set(names)) == len(names)
    assert set(STANDARD) <= set(names)


@pytest.mark.usefixtures("local_backends")
def test_latencies_of_each_operation(tmp_path: Path) -> None:
    """A recorded round has one latency for each operation, of whatever thread."""
    spec = Spec("put", threads=2)
    session = Session(OpenQueue(Backend("file"), spec, "normal"), spec, tmp_path)
    sample = session.play(10, record=True)
    assert len(sample.latencies) == 10
    assert all(each > 0 for each in sample.latencies)


@pytest.mark.usefixtures("local_backends")
def test_sides_take_turns(tmp_path: Path) -> None:
    """Ours and the floor are played in turn, a round each."""
    (workload,), _ = chosen(["put"])
    heard: list[str] = []
    with Bench(tmp_path, Plan(count=2, rounds=2), []) as bench:
        (contest,) = bench.contests(Choice([Backend("file")], ["normal"], ["pickle"], [workload]))
        hold(contest, bench.root, bench.plan, heard.append)
    assert [each for each in heard if "round" in each] == [
        "ours, round 1 of 2",
        "floor, round 1 of 2",
        "ours, round 2 of 2",
        "floor, round 2 of 2",
    ]
