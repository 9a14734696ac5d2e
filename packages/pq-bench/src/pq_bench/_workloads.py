"""The workloads, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from pq_bench.stage.spec import Spec

__all__ = ["QUICK", "READINGS", "STANDARD", "WORKLOADS", "Workload", "chosen"]


@dataclass(frozen=True)
class Workload:
    """One workload by name.

    Attributes:
        name: as `--workload` takes it.
        spec: what is played.
        floor: what the floor plays; None where nothing bare does the same work.
        family: of those that differ in one number only; "" for a single one.
        step: that number.
    """

    name: str
    spec: Spec
    floor: Spec | None
    family: str = ""
    step: int = 0


def _one(name: str, spec: Spec) -> Workload:
    return Workload(name, spec, spec)


def _workloads() -> Iterator[Workload]:
    yield _one("put", Spec("put"))
    yield _one("get", Spec("take"))
    yield _one("put_many", Spec("put_many", batch=100))
    yield _one("get_many", Spec("take_many", batch=100))
    yield _one("alternate", Spec("alternate"))
    for kind in ("filo", "unique", "priority", "ack"):
        yield _one(f"{kind}-put", Spec("put", kind=kind))
        yield _one(f"{kind}-get", Spec("take", kind=kind))
    yield _one("dict-set", Spec("set", kind="dict"))
    yield _one("dict-get", Spec("look_up", kind="dict"))
    # Up to here the floor does the same. A floor has one thread and one process, and is as deep
    # as it is: from here on it does the bare work that the workload cannot do without.
    for size, told in ((10, "10B"), (100, "100B"), (1024, "1KiB"), (10240, "10KiB")):
        yield from _sized(size, told)
    yield from _sized(102_400, "100KiB")
    yield from _sized(1 << 20, "1MiB")
    for threads in (1, 2, 4, 8):
        spec = Spec("put", threads=threads)
        yield Workload(f"put-threads-{threads}", spec, Spec("put"), "put-threads", threads)
    both = Spec("alternate")
    for count in (1, 2, 4):
        crew = Spec("through", producers=count, consumers=count)
        yield Workload(f"threads-{count}+{count}", crew, both, "threads", count)
    for count in (1, 2, 4):
        crew = Spec("through", producers=count, consumers=count, processes=True)
        yield Workload(f"processes-{count}+{count}", crew, both, "processes", count)
    for family, kind in (("deep", "fifo"), ("priority-deep", "priority")):
        for power in (3, 4, 5, 6):
            spec = Spec("alternate", kind=kind, depth=10**power)
            yield Workload(f"{family}-1e{power}", spec, replace(spec, depth=1), family, 10**power)
    ack = Spec("take", kind="ack")
    for power in (3, 4, 5):
        spec = replace(ack, history=10**power)
        yield Workload(f"ack-history-1e{power}", spec, ack, "ack-history", 10**power)
    for tasks in (1, 10, 100):
        for name, shape in (("put", "put"), ("get", "take")):
            spec = Spec(shape, tasks=tasks)
            floor = Spec(shape, tasks=1)
            yield Workload(f"async-{name}-{tasks}", spec, floor, f"async-{name}", tasks)


def _sized(size: int, told: str) -> Iterator[Workload]:
    for name, shape in (("put", "put"), ("get", "take")):
        spec = Spec(shape, size=size)
        yield Workload(f"{name}-{told}", spec, spec, f"{name}-size", size)


WORKLOADS: Final = tuple(_workloads())
#: What is measured in other units, each by itself.
READINGS: Final = ("wake-up", "open", "import", "syscalls")
#: Where nothing is asked for: about ten seconds.
QUICK: Final = ("put", "get")
#: What `run` plays.
STANDARD: Final = (
    *("put", "get", "put_many", "get_many", "alternate"),
    *("ack-put", "ack-get", "put-threads-8", "threads-2+2", "processes-2+2"),
    *("async-put-1", "async-put-100", "async-get-1", "async-get-100"),
)


def chosen(names: list[str]) -> tuple[list[Workload], list[str]]:
    """The workloads and the readings that are asked for, in the order of the table.

    Args:
        names: of workloads, of families or of readings; patterns such as ``put-*``; "all".

    Raises:
        ValueError: a name fits nothing.
    """
    for name in names:
        if not any(_fits(name, each) for each in WORKLOADS) and not _among(name, READINGS):
            raise ValueError(f"there is no workload {name!r}; see them with: pq-bench list")
    return (
        [each for each in WORKLOADS if any(_fits(name, each) for name in names)],
        [each for each in READINGS if any(_among(name, (each,)) for name in names)],
    )


def _fits(name: str, workload: Workload) -> bool:
    return _among(name, (workload.name, workload.family))


def _among(name: str, known: tuple[str, ...]) -> bool:
    return name == "all" or any(fnmatchcase(each, name) for each in known if each)
