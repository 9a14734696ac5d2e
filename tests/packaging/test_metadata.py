"""What every wheel says of itself and brings along."""

import re
from importlib.metadata import entry_points, version

import pytest

from persistqueue._wheels import WHEELS

from .conftest import PACKAGES, Package

OURS = {package.name for package in PACKAGES}


def ours_in(requirements: list[str]) -> set[str]:
    """The wheels of ours that are required."""
    names = {re.split(r"[^\w.-]", requirement)[0] for requirement in requirements}
    return names & OURS


def test_package_is_complete(package: Package) -> None:
    """Each wheel has a README, a CHANGELOG, a LICENSE, and types that checkers may use."""
    for name in ("README.md", "CHANGELOG.md", "LICENSE", f"src/{package.module}/py.typed"):
        path = package.folder / name
        assert path.is_file(), path
        assert not path.is_symlink(), f"{path}: a link dangles in the sdist"


def test_changelog_has_the_version(package: Package) -> None:
    """The version in the source has its section in the CHANGELOG."""
    assert f"## [{package.version}]" in (package.folder / "CHANGELOG.md").read_text("utf-8")


def test_installed_version_is_the_source(package: Package) -> None:
    """What pip tells is what `__version__` tells."""
    assert version(package.name) == package.version


def test_wheels_stand_on_the_ground_floor_alone(package: Package) -> None:
    """A wheel needs pq-core and no other of ours; the meta-package alone names them all."""
    needed = ours_in(package.project["dependencies"])
    if package.name == "persist-queue":
        assert needed == OURS - {"persist-queue"}
    else:
        assert needed == OURS & {"pq-core"} - {package.name}


def test_ground_floor_needs_nothing() -> None:
    """pq-core runs on the standard library alone."""
    (core,) = (package for package in PACKAGES if package.name == "pq-core")
    assert core.project["dependencies"] == []


def test_no_requirement_is_a_path(package: Package) -> None:
    """No requirement is a direct reference, which would leak a path into the wheel."""
    optional = package.project.get("optional-dependencies", {}).values()
    for requirements in (package.project["dependencies"], *optional):
        assert not [requirement for requirement in requirements if "@" in requirement]


def test_documented_extras() -> None:
    """`persist-queue[extra]`, `[async]` and both at once are there, as users have them."""
    (meta,) = (package for package in PACKAGES if package.name == "persist-queue")
    assert {"extra", "async"} <= set(meta.project["optional-dependencies"])


def test_predecessors_release_is_older() -> None:
    """A resolver that sees both never takes the predecessor's last release, 1.1.0, for ours."""
    assert int(version("persist-queue").partition(".")[0]) >= 2


def test_namespace_names_every_wheel() -> None:
    """Each wheel with names to offer stands in the table of the namespace; a tool has none."""
    assert {wheel.name for wheel in WHEELS} == OURS - {"persist-queue", "pq-bench"}


@pytest.mark.parametrize("scheme", ["file"])
def test_backends_are_found(scheme: str) -> None:
    """An installed backend is an entry point, so `open_queue` finds it by its scheme."""
    (entry,) = entry_points(group="persistqueue.backends", name=scheme)
    assert callable(entry.load())
