"""The examples in the docstrings do what they say."""

import doctest
import pkgutil
from importlib import import_module
from pathlib import Path

import pytest

import persistqueue
import pq_async
import pq_core
import pq_file

MODULES = sorted(
    module.name
    for package in (persistqueue, pq_async, pq_core, pq_file)
    for module in [
        pkgutil.ModuleInfo(None, package.__name__, True),  # type: ignore[arg-type]
        *pkgutil.walk_packages(package.__path__, f"{package.__name__}."),
    ]
    # A `__main__` runs when it is imported.
    if not module.name.endswith("__main__")
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example of a module runs in an empty directory."""
    monkeypatch.chdir(tmp_path)
    try:
        module = import_module(name)
    except ImportError as error:
        pytest.skip(str(error))
    assert doctest.testmod(module, raise_on_error=False).failed == 0
