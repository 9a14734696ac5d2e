"""`hold`: the rounds of one row, all of its sides in turn."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Protocol

from pq_bench._peers import PeerFailed
from pq_bench._statistics import Latency, Spread, latency_of, spread_of
from pq_bench.stage.peers import Unplayable
from pq_bench.stage.session import Sample, Session
from pq_bench.stage.spec import Spec

__all__ = ["Contest", "Plan", "Result", "Rounds", "Side", "SideResult", "hold", "local"]

#: No round has fewer items than this, unless a count is asked for.
FEWEST = 100
#: Nor more than this.
MOST = 2_000_000
#: Operations that are stamped for the latencies of a side.
STAMPED = 10_000
#: The first trial where processes have to be started for it.
STARTED = 4000
#: What has to be put before it can be taken may take so many times as long as what is measured.
FILLING = 1


class Rounds(Protocol):
    """Something that plays rounds of one workload."""

    def play(self, count: int, record: bool = False) -> Sample:
        """One round over so many items."""
        ...

    def close(self) -> None:
        """Ends it and removes what it stored."""
        ...


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        seconds: that a round should take.
        count: of items in a round; 0: as many as fit into `seconds`.
        rounds: of each side.
        latencies: whether to stamp single operations, in a round of its own.
    """

    seconds: float = 0.25
    count: int = 0
    rounds: int = 5
    latencies: bool = True


@dataclass(frozen=True)
class Side:
    """One of those that are compared.

    Attributes:
        role: "ours", "floor", "twin" (another of ours) or "peer".
        label: what it is called in tables.
        spec: what it plays.
        enter: makes its rounds; given where to store.
        durability: at which it writes.
        version: of a peer.
    """

    role: str
    label: str
    spec: Spec
    enter: Callable[[Path], Rounds]
    durability: str
    version: str = ""


@dataclass(frozen=True)
class Contest:
    """One row of a table. The first side is ours; the others are what it is compared with."""

    workload: str
    backend: str
    durability: str
    serializer: str
    sides: list[Side]
    family: str = ""
    step: int = 0


@dataclass(frozen=True)
class SideResult:
    """What one side did.

    Attributes:
        side: which.
        rates: items a second, one a round.
        spread: of the rates.
        latency: of single operations, where they were stamped.
        ratio: our rate divided by this side's, round by round; None for ours.
    """

    side: Side
    rates: list[float]
    spread: Spread
    latency: Latency | None
    ratio: Spread | None


@dataclass(frozen=True)
class Result:
    """A row that was measured."""

    contest: Contest
    sides: list[SideResult]
    notes: list[str] = field(default_factory=list)

    @property
    def ours(self) -> SideResult:
        """Our side."""
        return self.sides[0]

    def against(self, role: str) -> SideResult | None:
        """The first side in this role."""
        return next((each for each in self.sides[1:] if each.side.role == role), None)

    @property
    def is_noisy(self) -> bool:
        """Whether what is said first of the row is too uncertain to believe."""
        floor = self.against("floor") or self.against("twin") or self.against("peer")
        spread = floor.ratio if floor is not None and floor.ratio is not None else self.ours.spread
        return spread.is_noisy


def local(opened: Callable[[Path], Any], spec: Spec) -> Callable[[Path], Rounds]:
    """What makes the rounds of a player in this process."""
    return lambda root: Session(opened, spec, root)


def hold(
    contest: Contest,
    root: Path,
    plan: Plan,
    advance: Callable[[str], None] = lambda _what: None,
) -> Result:
    """Plays all rounds of a row: first side, second side, first side, second side.

    So a noisy moment meets all of them, and a ratio is one of neighbours. Each side plays as
    many items as fill its round; finding out how many warms it up.

    Args:
        contest: the row.
        root: where the sides store.
        plan: how much.
        advance: called before every round with what is about to be played.

    Raises:
        WrongCount: a queue lost an item or gave one twice.
        StorageError, OSError, sqlite3.Error: the storage failed.
    """
    playing: list[tuple[Side, Rounds, int]] = []
    notes: list[str] = []
    rates: dict[Side, list[float]] = {}
    latencies: dict[Side, list[int]] = {}

    def leave(side: Side, rounds: Rounds, error: Exception) -> None:
        """A peer that cannot go on does not stop the others."""
        notes.append(f"{side.label}: {error}")
        rates.pop(side, None)
        playing[:] = [each for each in playing if each[1] is not rounds]
        with suppress(PeerFailed):
            rounds.close()

    try:
        for side in contest.sides:
            advance(f"{side.label}, warm-up")
            rounds = side.enter(root)
            playing.append((side, rounds, 0))
            try:
                playing[-1] = (side, rounds, _calibrated(rounds, side.spec, plan))
                rates[side] = []
            except (Unplayable, PeerFailed) as error:
                leave(side, rounds, error)
        for turn in range(plan.rounds):
            for side, rounds, count in playing:
                advance(f"{side.label}, round {turn + 1} of {plan.rounds}")
                try:
                    sample = rounds.play(count)
                except PeerFailed as error:
                    leave(side, rounds, error)
                else:
                    rates[side].append(sample.items / sample.seconds)
        for side, rounds, count in list(playing) if plan.latencies else ():
            if side.spec.processes or side.spec.tasks:
                continue
            advance(f"{side.label}, latencies")
            stamped = side.spec.whole(min(count, STAMPED * side.spec.batch))
            try:
                latencies[side] = rounds.play(stamped, record=True).latencies
            except PeerFailed as error:
                leave(side, rounds, error)
    finally:
        for _, rounds, _ in playing:
            rounds.close()
    return Result(contest, _results(rates, latencies), notes)


def _results(rates: dict[Side, list[float]], latencies: dict[Side, list[int]]) -> list[SideResult]:
    ours = next(iter(rates.values()))
    found = []
    for side, theirs in rates.items():
        ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
        stamped = latencies.get(side)
        found.append(
            SideResult(
                side,
                theirs,
                spread_of(theirs),
                latency_of(stamped) if stamped else None,
                spread_of(ratios) if side.role != "ours" else None,
            )
        )
    return found


def _calibrated(rounds: Rounds, spec: Spec, plan: Plan) -> int:
    if plan.count:
        count = spec.whole(plan.count)
        rounds.play(min(count, spec.whole(FEWEST)))
        return count
    count = spec.whole(STARTED if spec.processes else FEWEST)
    while True:
        began = perf_counter()
        took = rounds.play(count).seconds
        whole = perf_counter() - began
        if not (spec.shape.startswith("take") and not spec.is_standing):
            whole = took  # what it is more does not grow with the count
        share = max(took, whole / (1 + FILLING))
        if share >= plan.seconds / 4 or count >= MOST:
            return max(spec.whole(FEWEST), spec.whole(round(count * plan.seconds / share)))
        count = spec.whole(count * 4)
