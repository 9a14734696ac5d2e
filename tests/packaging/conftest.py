"""The wheels of the workspace, as their metadata tells them."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Package:
    """One folder of packages/."""

    folder: Path
    project: dict[str, Any]

    @property
    def name(self) -> str:
        """What pip calls it."""
        return self.folder.name

    @property
    def module(self) -> str:
        """What an import calls it: the one folder in src/."""
        (module,) = (path.parent.name for path in self.folder.glob("src/*/_version.py"))
        return module

    @property
    def version(self) -> str:
        """The version in its source."""
        text = (self.folder / "src" / self.module / "_version.py").read_text("utf-8")
        match = re.search(r'__version__ = "(.+)"', text)
        assert match is not None
        return match[1]

    @property
    def tests(self) -> Path:
        """The folder of its own tests."""
        return ROOT / "tests" / self.module.removeprefix("pq_")


PACKAGES = [
    Package(path.parent, tomllib.loads(path.read_text("utf-8"))["project"])
    for path in sorted(ROOT.glob("packages/*/pyproject.toml"))
]


@pytest.fixture(params=PACKAGES, ids=lambda package: package.name)
def package(request: pytest.FixtureRequest) -> Package:
    """Each of the packages."""
    assert isinstance(request.param, Package)
    return request.param
