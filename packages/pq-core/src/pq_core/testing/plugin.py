"""The contract as a pytest plugin: a backend adds one function, and has all tests of its kind.

In ``conftest.py``, or with ``-p pq_core.testing.plugin``::

    pytest_plugins = ["pq_core.testing.plugin"]

and in a test module::

    from pq_core.testing.plugin import queue_contract

    @queue_contract(at_least_once=False)
    def my_queue(where, server, **options):
        return MyQueue(server.address, name=where.name, **options)

The function opens the queue at `where`, a path in a fresh directory. Any other parameter is a
fixture of yours, and `options` are the library's, as `pq_core.testing.contract` lists them. The
tests are collected below the name of the function: ``test_mine.py::my_queue::test_get_settles``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Final, TypeVar

import pytest

from pq_core.testing.contract import AckQueueContract, Contract, QueueContract

__all__ = ["queue_contract"]

F = TypeVar("F", bound=Callable[..., Any])

#: Where a function keeps the class that it was made into.
_SUITE: Final = "__queue_contract__"


def queue_contract(*, ack: bool = False, **traits: Any) -> Callable[[F], F]:
    """Have a function that opens a queue tested.

    Args:
        ack: whether the queue settles item by item (`receive`, `ack`) instead of by `task_done`.
        traits: what the backend can do: the class attributes of `Contract`, by name.

    Raises:
        TypeError: no such trait, or a function without `where` and ``**options``.
    """
    known = [name for name in Contract.__annotations__ if name not in ("_opened", "place")]
    for name in traits.keys() - set(known):
        raise TypeError(f"queue_contract() knows no {name!r}: it takes ack, {', '.join(known)}")

    def mark(opener: F) -> F:
        parameters = inspect.signature(opener).parameters.values()
        fixtures = [each.name for each in parameters if each.kind is not each.VAR_KEYWORD]
        if "where" not in fixtures or len(fixtures) == len(parameters):
            raise TypeError(f"{opener.__name__}() has to take where and **options to open a queue")
        fixtures.remove("where")

        # What the queues of a test need is there before them, and goes after them.
        @pytest.fixture
        def where(self: Any, tmp_path: Any, request: pytest.FixtureRequest) -> Any:
            self.asked_for = {name: request.getfixturevalue(name) for name in fixtures}
            return tmp_path / "queue"

        def open(self: Any, where: Any, **options: Any) -> Any:
            return opener(where=where, **self.asked_for, **options)

        base = AckQueueContract if ack else QueueContract
        names = {"__doc__": opener.__doc__, "__module__": opener.__module__}
        suite = type(opener.__name__, (base,), {**traits, **names, "where": where, "open": open})
        setattr(opener, _SUITE, suite)
        return opener

    return mark


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> pytest.Class | None:
    """Collects what `queue_contract` has made of a function, where it was written."""
    suite = getattr(obj, "__dict__", {}).get(_SUITE)
    if suite is None or suite.__module__ != collector.obj.__name__:
        return None
    collected: pytest.Class = pytest.Class.from_parent(collector, name=name)
    collected.obj = suite
    # Marks of the function are marks of its tests, above and below the decorator.
    collected.own_markers.extend(getattr(obj, "pytestmark", []))
    return collected
