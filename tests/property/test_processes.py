"""The same model where one of the two objects is in another process, which may be killed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis.stateful import rule

from pq_core.testing.elsewhere import InProcess
from tests.property.elsewhere import Other
from tests.property.kinds import BACKENDS
from tests.property.machine import OBJECTS, QueueMachine
from tests.property.test_model import run_machine

#: All but ack queues, whose clock would have to be in two processes.
NAMES = [name for name, backend in BACKENDS.items() if not backend.kind.is_acked]


class Host:
    """The process that the second object is in; it lives for many scripts."""

    def __init__(self) -> None:
        self.process = InProcess({})

    def killed(self) -> None:
        """The process is killed, and another one takes its place."""
        self.process.kill()
        self.process = InProcess({})


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A process."""
    found = Host()
    yield found
    found.process.end()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_two_processes_are_one_queue(host: Host, name: str) -> None:
    """What two processes do to a queue is what the model does, also where one of them is killed."""

    class Machine(QueueMachine):
        backend = BACKENDS[name]
        caller_count = OBJECTS  # the other process has one thread

        def _open(self, number: int) -> Any:
            if number == 0:
                return super()._open(number)
            return Other(host.process, name, self.path, self.options)

        @rule()
        def kill(self) -> None:
            """The other process is killed; what it had out comes back at once."""
            host.killed()
            self._left([1])
            self._renew(1)

    run_machine(Machine, examples=3, steps=40)
