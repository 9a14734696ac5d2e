"""The wheels as a user gets them: built, installed into a clean environment, tested there."""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest

from .conftest import PACKAGES, ROOT, Package

pytestmark = pytest.mark.slow

#: What tests import besides the wheel itself. A clean environment gets copies of those that are
#: installed here, with all that they need: no index is asked.
TOOLS = ("pytest", "hypothesis", "msgpack", "cbor2", "eventlet", "gevent", "pip")
#: A clean environment knows nothing of this one.
CLEAN = {name: value for name, value in os.environ.items() if name[:6] not in ("PYTHON", "PYTEST")}


def run(*command: object, cwd: Path = ROOT) -> str:
    """What a program prints; its failure is the test's, with all that it has said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=CLEAN,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        pytest.fail(done.stdout, pytrace=False)
    return done.stdout


@pytest.fixture(scope="session")
def wheelhouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every wheel of ours, built from the sources as they are."""
    pytest.importorskip("hatchling", reason="builds the wheels")
    folder = tmp_path_factory.mktemp("wheelhouse")
    for package in PACKAGES:
        run(
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "-t",
            "wheel",
            "-d",
            folder,
            cwd=package.folder,
        )
    return folder


def closure(names: tuple[str, ...]) -> dict[str, Distribution]:
    """The distributions installed here under these names, with all that they require."""
    found: dict[str, Distribution] = {}
    wanted = list(names)
    while wanted:
        name = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # of another platform or Python, or an extra
        wanted += [re.split(r"[^\w.-]", each)[0] for each in found[name].requires or ()]
    return found


def clean_environment(folder: Path, others: tuple[str, ...]) -> Path:
    """Makes a virtual environment with the test tools and these other distributions.

    Returns:
        its Python.
    """
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    for each in closure((*TOOLS, *others)).values():
        for file in each.files or ():
            source = Path(str(each.locate_file(file)))
            # What lies outside of site-packages are scripts, which name the other Python.
            if ".." not in file.parts and source.is_file():
                target = site / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)
    return python


def foreign(package: Package) -> set[str]:
    """What a package requires that is not ours, directly or by one of ours that it requires."""
    ours = {each.name: each for each in PACKAGES}
    found: set[str] = set()
    wanted = list(package.project["dependencies"])
    while wanted:
        name, _, extras = re.split(r"[><=; ]", wanted.pop())[0].partition("[")
        if (own := ours.get(name)) is None:
            found.add(name)
            continue
        wanted += own.project["dependencies"]
        for extra in filter(None, extras.rstrip("]").split(",")):
            wanted += own.project["optional-dependencies"][extra]
    return found


@pytest.fixture
def python(package: Package, wheelhouse: Path, tmp_path: Path) -> Path:
    """The Python of a clean environment with the package, and whatever of ours it requires."""
    if "pip" not in closure(("pip",)):
        pytest.skip("pip is not installed beside pytest, and no index is asked for it")
    python = clean_environment(tmp_path / "environment", tuple(foreign(package)))
    run(
        *(python, "-m", "pip", "--disable-pip-version-check", "install"),
        *("--no-index", "--find-links", wheelhouse, package.name),
    )
    return python


def test_wheel_holds_what_it_should(package: Package, wheelhouse: Path) -> None:
    """A wheel holds its one module with its types and licence, and no path of where it was built."""
    (path,) = wheelhouse.glob(f"{package.name.replace('-', '_')}-{package.version}-*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = set(wheel.namelist())
        text = b"".join(wheel.read(name) for name in names)
    assert f"{package.module}/py.typed" in names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    info = f"{package.name.replace('-', '_')}-{package.version}.dist-info"
    assert {name.partition("/")[0] for name in names} == {package.module, info}
    assert str(ROOT).encode() not in text


def test_wheel_passes_its_tests_alone(package: Package, python: Path) -> None:
    """A wheel passes its own tests with nothing of ours but pq-core beside it."""
    code = "import importlib.util as u, json, sys; print(json.dumps([*map(bool, map(u.find_spec, sys.argv[1:]))]))"
    required = {"pq-core", package.name} | {
        re.split(r"[^\w.-]", each)[0] for each in package.project["dependencies"]
    }
    modules = [each.module for each in PACKAGES]
    found = json.loads(run(python, "-I", "-c", code, *modules))
    assert found == [each.name in required for each in PACKAGES], modules
    if not any(package.tests.glob("test_*.py")):
        pytest.skip(f"{package.name} has no tests of its own yet")
    told = run(
        *(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", ROOT / "pyproject.toml"),
        *("--rootdir", ROOT, package.tests),
    )
    assert re.search(r"\d+ passed", told), told
