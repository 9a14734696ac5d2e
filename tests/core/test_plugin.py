"""The contract as a pytest plugin: what it collects, whom it asks, and what it says."""

from __future__ import annotations

from typing import Any

import pytest

from pq_core.testing.plugin import queue_contract

pytest_plugins = ["pytester"]

#: A backend whose queues need a fixture that ends after them.
BACKEND = """
import pytest
from pq_core.testing.plugin import queue_contract
from tests.contract.reference import Reference

@pytest.fixture
def server():
    server = {"is_up": True}
    yield server
    server["is_up"] = False

@pytest.mark.mine
@queue_contract(multiprocess=False, local=False, has_verify=False, resizes=False)
def my_queue(where, server, **options):
    assert server["is_up"]
    queue = Reference(where, **options)
    queue.LOSES and setattr(queue, "put", lambda item: None)
    return queue
"""


def run(pytester: pytest.Pytester, source: str, *arguments: str) -> pytest.RunResult:
    """The plugin on a test module of its own."""
    pytester.makeconftest('pytest_plugins = ["pq_core.testing.plugin"]')
    pytester.makepyfile(test_mine=source)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider", "-o", "markers=mine", *arguments)


def test_a_function_is_a_suite(pytester: pytest.Pytester) -> None:
    """Its queue has the tests of its kind, with its fixtures and its marks."""
    source = BACKEND.replace("queue.LOSES and", "False and")
    some = "get_settles or task_done or wakes or put_many or order"
    result = run(pytester, source, "-v", "-m", "mine", "-k", some)
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] > 10
    assert not {"failed", "errors", "error"} & outcomes.keys()
    result.stdout.fnmatch_lines(["*test_mine.py::my_queue::test_task_done_too_often PASSED*"])
    result.stdout.no_fnmatch_line("*test_a_killed_consumer*")


def test_a_broken_backend_fails(pytester: pytest.Pytester) -> None:
    """And says which promise it breaks."""
    source = BACKEND.replace("queue.LOSES and", "True and")
    result = run(pytester, source, "-k", "test_items_come_in_order")
    assert result.parseoutcomes().get("failed", 0) >= 1


def test_it_is_collected_where_it_stands(pytester: pytest.Pytester) -> None:
    """A module that imports the function does not run its tests again."""
    pytester.makepyfile(test_other="from test_mine import my_queue")
    result = run(pytester, BACKEND, "--collect-only", "-q", "--import-mode=prepend")
    assert not [line for line in result.outlines if line.startswith("test_other.py::")]
    assert [line for line in result.outlines if line.startswith("test_mine.py::my_queue::")]


def test_a_trait_that_there_is_not() -> None:
    """It is told with those that there are."""
    with pytest.raises(TypeError, match=r"no 'ordre': it takes ack, order, unique, .*patience"):
        queue_contract(ordre="filo")


def test_a_function_that_opens_nothing() -> None:
    """It takes where and the options, or it is no opener."""
    with pytest.raises(TypeError, match=r"opened\(\) has to take where and \*\*options"):

        @queue_contract()
        def opened(where: Any) -> Any:
            return where
