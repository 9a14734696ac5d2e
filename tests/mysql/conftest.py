"""Queues for the tests of the MySQL family."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

NUMBERS = itertools.count()

Open = Callable[..., Any]


@pytest.fixture
def name() -> str:
    """The name of a queue that no test has used yet."""
    return f"test {os.getpid()} {next(NUMBERS)}"


@pytest.fixture
def opened(mysql_place: dict[str, Any], name: str) -> Iterator[Open]:
    """Opens queues of one name, and closes them when the test ends."""
    with ExitStack() as stack:

        def open(cls: Any, **options: Any) -> Any:
            given = {"durability": "normal", "heartbeat": 0.25, "name": name, **options}
            queue = cls(**{**mysql_place, **given})
            stack.callback(queue.close)
            return queue

        yield open
