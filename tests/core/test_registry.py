"""Queues by URL."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pq_core
from pq_core import BackendNotInstalled, QueueURL, backends, convert_options, open_queue

SOURCE = Path(pq_core.__file__).parents[1]

BACKEND = '''
class Plain:
    """A class that takes a path, with options typed by the registry."""

    url_options = {"chunksize": int, "autosave": bool, "timeout": float, "serializer": str}

    def __init__(self, path, chunksize=100, autosave=False, timeout=10.0, serializer="pickle"):
        self.got = (path, chunksize, autosave, timeout, serializer)


class Bare:
    """A class that takes a path and nothing from the URL."""

    def __init__(self, path):
        self.got = path


class Server:
    """A class that reads its URL itself."""

    @classmethod
    def from_url(cls, url, **options):
        self = cls()
        self.got = (url, options)
        return self


def broken(path):
    raise AssertionError("never called")
'''

ENTRY_POINTS = """\
[persistqueue.backends]
zplain = queues_for_tests:Plain
bare = queues_for_tests:Bare
server = queues_for_tests:Server
broken = queues_for_tests_missing_driver:Queue

[console_scripts]
other = queues_for_tests:main
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path with a distribution of four backends, as pip would leave it."""
    info = tmp_path / "queues_for_tests-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: queues-for-tests\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (tmp_path / "queues_for_tests.py").write_text(BACKEND)
    (tmp_path / "queues_for_tests_missing_driver.py").write_text("import a_driver_not_there")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "queues_for_tests", raising=False)
    return tmp_path


def parts(url: str) -> tuple[object, ...]:
    """A parsed URL field by field."""
    parsed = QueueURL.parse(url)
    return (
        parsed.scheme,
        parsed.path,
        parsed.query,
        parsed.username,
        parsed.password,
        parsed.host,
        parsed.port,
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("file:///spool/q", ("file", "/spool/q", {}, None, None, None, None)),
        ("file:rel/path", ("file", "rel/path", {}, None, None, None, None)),
        ("FILE:rel/Path", ("file", "rel/Path", {}, None, None, None, None)),
        (
            "file:///q?durability=full&chunksize=1000",
            ("file", "/q", {"durability": "full", "chunksize": "1000"}, None, None, None, None),
        ),
        ("file:q?name=", ("file", "q", {"name": ""}, None, None, None, None)),
        (
            "file:///with%20space/100%25/a%23b%3Fc",
            ("file", "/with space/100%/a#b?c", {}, None, None, None, None),
        ),
        ("file:q?name=a%26b%3Dc", ("file", "q", {"name": "a&b=c"}, None, None, None, None)),
        ("file:///C:/queue", ("file", "/C:/queue", {}, None, None, None, None)),
        ("sqlite::memory:", ("sqlite", ":memory:", {}, None, None, None, None)),
        (
            "mysql://me:p%40ss%3Aw%2Frd@db.example:3307/shop?name=orders",
            ("mysql", "/shop", {"name": "orders"}, "me", "p@ss:w/rd", "db.example", 3307),
        ),
        (
            "postgresql://me@[::1]/shop",
            ("postgresql", "/shop", {}, "me", None, "::1", None),
        ),
    ],
)
def test_a_url_is_taken_apart(url: str, expected: tuple[object, ...]) -> None:
    """Scheme, path, options, user, password, host and port are found and percent-decoded."""
    assert parts(url) == expected


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("spool/q", "no scheme"),
        ("/spool/q", "no scheme"),
        ("", "no scheme"),
        (r"C:\queue", "no scheme"),
        ("c:/queue", "no scheme"),
        ("file:a#b", "%23"),
        ("file:q?name=a&name=b", "'name' twice"),
        ("mysql://me:s3cret@host:port/x", "cannot be understood"),
        ("mysql://me:s3cret@host:99999/x", "cannot be understood"),
        ("mysql://me:s3#cret@host/x", "cannot be understood"),
        ("mysql://me:s3[cret@host/x", "cannot be understood"),
    ],
)
def test_a_bad_url_is_a_value_error(url: str, complaint: str) -> None:
    """What cannot be understood is a ValueError with the remedy, and shows no password."""
    with pytest.raises(ValueError, match=complaint) as caught:
        QueueURL.parse(url)

    shown = f"{caught.value}{caught.value.__cause__}{caught.value.__context__}"
    assert "s3" not in shown
    assert "cret" not in shown


@pytest.mark.parametrize(
    ("url", "windows", "path"),
    [
        ("file:///spool/q", False, "/spool/q"),
        ("file:///spool/q", True, "/spool/q"),
        ("file:rel/q", False, "rel/q"),
        ("file://localhost/spool/q", False, "/spool/q"),
        ("file:///C:/q", True, "C:/q"),
        ("file:///c:", True, "c:"),
        ("file:///C%3A/q", True, "C:/q"),
        ("file:///C:/q", False, "/C:/q"),
        ("file:///CD:/q", True, "/CD:/q"),
        ("file:C:/q", True, "C:/q"),
    ],
)
def test_a_local_path_is_what_the_system_wants(url: str, windows: bool, path: str) -> None:
    """The path is absolute or relative as written; on Windows a drive loses its slash."""
    assert QueueURL.parse(url).local_path(windows=windows) == path


@pytest.mark.parametrize(("url", "remedy"), [("file://rel/q", "file:rel"), ("file:", "file:path")])
def test_a_local_path_names_no_host(url: str, remedy: str) -> None:
    """`file://rel/q`, which means a host called rel, is refused instead of opening /q."""
    with pytest.raises(ValueError, match=remedy.replace("rel", "relative/path")):
        QueueURL.parse(url).local_path()


def test_the_repr_masks_secrets() -> None:
    """A URL in a log shows neither its password nor an option that sounds like one."""
    url = QueueURL.parse("mysql://me:s3cret@host/shop?ssl_key=s3cret&passwd=s3cret&name=orders")
    assert url.password == "s3cret"
    assert "s3cret" not in f"{url!r}{url}"
    assert "'orders'" in repr(url)
    assert "password='***'" in repr(url)
    assert "password=None" in repr(QueueURL.parse("mysql://me@host/shop"))


def test_a_url_cannot_be_changed() -> None:
    """A parsed URL is frozen, and usable as a key."""
    url = QueueURL.parse("file:q?a=1")
    with pytest.raises(AttributeError):
        url.path = "other"  # type: ignore[misc]
    assert {url: 1}[QueueURL.parse("file:q?a=1")] == 1


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        *((bool, text, True) for text in ("1", "true", "True", "YES", "on")),
        *((bool, text, False) for text in ("0", "false", "FALSE", "no", "off")),
        (int, "1000", 1000),
        (float, "0.5", 0.5),
        (str, "", ""),
        (Path, "tmp", Path("tmp")),
        (lambda text: text.split(","), "a,b", ["a", "b"]),
    ],
)
def test_options_get_their_types(kind: Callable[[str], Any], text: str, value: object) -> None:
    """Each text becomes the type that the backend gives for it."""
    converted = convert_options({"option": text}, {"option": kind, "other": int})
    assert converted == {"option": value}
    assert type(converted["option"]) is type(value)


@pytest.mark.parametrize(
    ("kind", "text", "wanted"),
    [(bool, "maybe", "bool"), (bool, "", "bool"), (int, "1.5", "int"), (float, "soon", "float")],
)
def test_a_value_that_does_not_fit_is_told(
    kind: Callable[[str], Any], text: str, wanted: str
) -> None:
    """A text that is not of the type is a ValueError that names option, type and text."""
    with pytest.raises(ValueError, match=rf"'option' must be {wanted}, not '{text}'"):
        convert_options({"option": text}, {"option": kind})


def test_an_unknown_option_is_told_the_known() -> None:
    """A misspelt option is a ValueError that lists what there is."""
    with pytest.raises(ValueError, match=r"'chunk_size' is not known; known are: autosave, chunks"):
        convert_options({"chunk_size": "1"}, {"chunksize": int, "autosave": bool})
    with pytest.raises(ValueError, match="known are: none"):
        convert_options({"any": "1"}, {})


@pytest.mark.usefixtures("installed")
def test_backends_are_found_by_entry_point() -> None:
    """Every entry point of the group is a backend, in order, and none is imported for that."""
    found = backends()
    assert {"bare", "broken", "server", "zplain"} <= set(found)
    assert "other" not in found
    assert list(found) == sorted(found)
    assert "queues_for_tests" not in sys.modules


@pytest.mark.usefixtures("installed")
def test_a_plain_class_gets_path_and_typed_options() -> None:
    """A class without from_url is called with the path and the converted options."""
    url = "zplain:///spool/my%20queue?chunksize=5&autosave=yes&timeout=0.5&serializer=json"
    assert open_queue(url).got == ("/spool/my queue", 5, True, 0.5, "json")
    assert open_queue("zplain:rel").got == ("rel", 100, False, 10.0, "pickle")
    assert open_queue("bare:rel").got == "rel"
    assert open_queue(QueueURL.parse("bare:rel")).got == "rel"


@pytest.mark.usefixtures("installed")
def test_keywords_win_over_the_url() -> None:
    """An option given as an object overrides the one in the URL."""
    assert open_queue("zplain:rel?chunksize=5&timeout=1", chunksize=6).got[1:4] == (6, False, 1.0)


@pytest.mark.usefixtures("installed")
def test_a_misspelt_option_opens_nothing() -> None:
    """An option that the backend does not know is a ValueError, not a queue without it."""
    with pytest.raises(ValueError, match="known are: autosave, chunksize, serializer, timeout"):
        open_queue("zplain:rel?durabilty=full")
    with pytest.raises(ValueError, match="known are: none"):
        open_queue("bare:rel?chunksize=5")
    with pytest.raises(ValueError, match="names the host 'rel'"):
        open_queue("bare://rel/path")


@pytest.mark.usefixtures("installed")
def test_a_class_with_from_url_gets_the_url() -> None:
    """A backend that reads its URL itself gets it in parts, with the keywords as they are."""
    url, options = open_queue("server://me:s3cret@host:1/shop?name=x", pool=3).got
    assert url == QueueURL("server", "/shop", {"name": "x"}, "me", "s3cret", "host", 1)
    assert options == {"pool": 3}


@pytest.mark.usefixtures("installed")
def test_a_missing_driver_is_named_by_its_own_error() -> None:
    """Where the wheel is there and its driver is not, the error names the driver."""
    with pytest.raises(ModuleNotFoundError) as caught:
        open_queue("broken:rel")
    assert caught.value.name == "a_driver_not_there"


def run_python(code: str) -> str:
    """What an interpreter prints that sees no installed distribution."""
    run = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path = [{str(SOURCE)!r}, *sys.path]\n{code}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize(
    ("scheme", "wheel"),
    [
        ("file", "pq-file"),
        ("sqlite", "pq-sqlite"),
        ("mysql", "pq-mysql"),
        ("postgresql", "pq-postgres"),
    ],
)
def test_a_missing_wheel_is_named(scheme: str, wheel: str) -> None:
    """A known scheme whose wheel is missing is an ImportError that says what to install."""
    code = f"""
from pq_core import BackendNotInstalled, open_queue
try:
    open_queue("{scheme}:///me:s3cret")
except BackendNotInstalled as error:
    assert isinstance(error, ImportError)
    print(error)
"""
    assert run_python(code) == (
        f"the scheme {scheme!r} comes with the wheel {wheel}, which is not installed; "
        f"run: pip install {wheel}\n"
    )


@pytest.mark.usefixtures("installed")
def test_an_unknown_scheme_is_told_what_is_installed() -> None:
    """A scheme that nobody has is a BackendNotInstalled that lists those that are there."""
    with pytest.raises(BackendNotInstalled, match=r"'redis'; installed are: .*server.*zplain"):
        open_queue("redis://me:s3cret@host/1")
