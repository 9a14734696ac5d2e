"""A bell that trusts its probe costs a waiting thread no looks but those that are needed."""

from __future__ import annotations

from pq_core.testing.elsewhere import InThread
from pq_core.waiting import Bell, Deadline


def test_it_looks_only_where_the_probe_differs() -> None:
    """While nothing changes there is one look before the wait, one in it, and the last one."""
    looks = []
    bell = Bell(lambda: "the same", longest=0.005, trusting=True)
    assert bell.wait_for(lambda: looks.append(1), Deadline(timeout=0.1)) is None
    assert len(looks) == 3


def test_a_change_of_the_probe_is_looked_at() -> None:
    """As soon as the probe differs the waiting thread looks, and finds."""
    probes = iter(range(1000))
    found = []

    def probe() -> bool:
        return next(probes) > 10

    def look() -> str | None:
        found.append(1)
        return "found" if next(probes) > 11 else None

    bell = Bell(probe, longest=0.001, trusting=True)
    assert bell.wait_for(look, Deadline(timeout=30)) == "found"
    assert len(found) <= 4


def test_a_ring_is_looked_at() -> None:
    """A ring between the look and the wait makes the thread look again at once."""
    bell = Bell(lambda: "the same", longest=10.0, shortest=10.0, trusting=True)
    looks = []

    def look() -> bool | None:
        looks.append(1)
        if len(looks) == 2:
            bell.ring()
        return True if len(looks) == 3 else None

    assert bell.wait_for(look, Deadline(timeout=5)) is True


def test_a_ring_from_within_a_ring() -> None:
    """Garbage that is collected in the middle of a ring may be a queue whose end rings as well."""
    bell = Bell()

    def ring() -> None:
        with bell._condition:  # here it is collected
            bell.ring()

    with InThread() as other:
        other.call(ring)
    assert bell.ticket == 1
