"""Every local queue of every kind against a plain Python model of it.

The scripts are always the same; by hand others, and more: ``PQ_TEST_SCRIPTS=100``.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.property.kinds import BACKENDS, Backend
from tests.property.machine import QueueMachine

#: How many scripts are drawn at random; None: they are those of last time.
SCRIPTS = os.environ.get("PQ_TEST_SCRIPTS")


def run(tried: Backend, examples: int = 2, steps: int = 25) -> None:
    """Tries so many scripts of so many steps."""

    class Machine(QueueMachine):
        backend = tried

    run_machine(Machine, examples, steps)


def run_machine(machine: type[QueueMachine], examples: int, steps: int) -> None:
    """The same for a machine of one's own."""
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=int(SCRIPTS or examples),
            stateful_step_count=steps,
            derandomize=SCRIPTS is None,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", BACKENDS)
def test_a_queue_is_its_model(name: str) -> None:
    """Whatever is called in whatever order, the queue does what the model does."""
    run(BACKENDS[name], examples=2, steps=20)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_a_queue_is_its_model_for_long(name: str) -> None:
    """The same for longer scripts, and many more of them."""
    run(BACKENDS[name], examples=20, steps=40)
