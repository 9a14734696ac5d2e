"""A short run of every target; `tests.fuzz.targets` tells how to run one for long."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.figures import record
from tests.fuzz.targets import TARGETS, mutated

#: Those that open a whole queue for every input.
SLOW = ("segment", "cursor")


@pytest.mark.parametrize("name", TARGETS)
def test_a_target(name: str) -> None:
    """Inputs that are nearly right are read or refused, and nothing else."""
    target, random = TARGETS[name], Random(name)
    count = 20 if name in SLOW else 300
    for data in target.corpus:
        target.read(data)
    for _ in range(count):
        data = mutated(target.corpus, random)
        try:
            target.read(data)
        except BaseException as error:
            error.args = (data.hex(), *error.args)
            raise
    record("fuzzed inputs", count)


@pytest.mark.parametrize("name", [name for name in TARGETS if name not in SLOW])
def test_any_bytes(name: str) -> None:
    """So is anything at all."""

    @settings(max_examples=50, derandomize=True, deadline=None, database=None)
    @given(data=st.binary(max_size=200))
    def reads(data: bytes) -> None:
        TARGETS[name].read(data)
        record("fuzzed inputs")

    reads()
