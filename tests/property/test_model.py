"""Every local queue of every kind against a plain Python model of it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.figures import record
from tests.property.kinds import BACKENDS, Backend
from tests.property.machine import QueueMachine


def run(tried: Backend, examples: int = 2, steps: int = 25, *, random: bool = True) -> None:
    """Tries so many scripts of so many steps."""

    class Machine(QueueMachine):
        backend = tried

        def __init__(self) -> None:
            super().__init__()
            record("scripts")

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=not random,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("name", BACKENDS)
def test_a_queue_is_its_model(name: str) -> None:
    """Whatever is called in whatever order, the queue does what the model does."""
    run(BACKENDS[name], examples=2, steps=20, random=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", BACKENDS)
def test_a_queue_is_its_model_for_long(name: str) -> None:
    """The same for longer scripts, and many more of them."""
    run(BACKENDS[name], examples=8, steps=40, random=True)
