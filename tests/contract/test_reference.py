"""The contract can be met, and notices when it is not."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from pq_core.testing.awaited import Awaited
from pq_core.testing.contract import QueueContract
from pq_core.testing.plugin import queue_contract
from tests.contract import ack_reference, reference

pytest_plugins = ["pytester"]


class TestReference(QueueContract):
    multiprocess = local = has_verify = resizes = False

    def open(self, where: Any, **options: Any) -> Any:
        return reference.Reference(where, **options)


@pytest.mark.slow
class TestThatSettles(TestReference):
    at_least_once = False
    options = MappingProxyType({"autosave": True})


@pytest.mark.slow
class TestLastInFirstOut(TestReference):
    order = "filo"

    def open(self, where: Any, **options: Any) -> Any:
        return reference.LastInFirstOut(where, **options)


@pytest.mark.slow
class TestAwaited(TestReference):
    """The same contract on an async queue."""

    def open(self, where: Any, **options: Any) -> Any:
        return Awaited(reference.AsyncReference, where, **options)


@queue_contract(
    ack=True, multiprocess=False, local=False, has_verify=False, is_drop_in=False, resizes=False
)
def ack_queue(where: Any, **options: Any) -> Any:
    """The shorter way: the function alone."""
    return ack_reference.AckReference(where, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("contract", "mutants"),
    [("QueueContract", reference.MUTANTS), ("AckQueueContract", ack_reference.MUTANTS)],
)
def test_the_contract_notices_every_mutant(
    contract: str, mutants: dict[Any, str], pytester: pytest.Pytester
) -> None:
    """Each queue that breaks one promise fails the test of that promise."""
    home = next(iter(mutants)).__module__
    module = pytester.makepyfile(
        f"""
        from pq_core.testing.contract import {contract}
        from {home} import MUTANTS

        class Base({contract}):
            multiprocess = local = has_verify = resizes = False
            patience = 0.3

            def open(self, where, **options):
                return self.mutant(where, **options)

        for mutant in MUTANTS:
            name = f"Test{{mutant.__name__}}"
            globals()[name] = type(name, (Base,), {{"mutant": mutant}})
        """
    )
    wanted = {f"Test{mutant.__name__}::{test}" for mutant, test in mutants.items()}
    selected = [f"{module}::{test}" for test in wanted]
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider", "--tb=no", *selected)
    noticed = {
        report.nodeid.partition("::")[2].partition("[")[0]
        for report in result.reprec.getfailures()  # type: ignore[attr-defined]
        if report.when == "call"
    }
    assert noticed == wanted
