"""The namespace: lazy, complete, and helpful about a wheel that is missing."""

import ast
import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import persistqueue
import pq_core.serializers
from persistqueue._wheels import HOMES, WHEELS

INSTALLED = [wheel for wheel in WHEELS if wheel.is_installed]
SOURCE = Path(persistqueue.__file__)

#: What every class of queues of persist-queue 1.1.0 has.
QUEUE = "empty full get get_nowait put put_nowait qsize task_done"
SQL = f"{QUEUE} queue shrink_disk_usage size update"
COUNTS = "ack_failed_count acked_count active_size ready_count unack_count"
ACK = f"{SQL} {COUNTS} ack ack_failed clear_acked_data close nack resume_unack_tasks"
#: What its classes have, by the modules they are in.
SURFACE = {
    "queue": {"Queue": f"{QUEUE} join"},
    "sqlqueue": dict.fromkeys(
        ("FIFOSQLiteQueue", "FILOSQLiteQueue", "SQLiteQueue", "UniqueQ"), f"{SQL} close"
    ),
    "priorityqueue": {"PriorityQueue": f"{SQL} close"},
    "sqlackqueue": dict.fromkeys(
        ("FIFOSQLiteAckQueue", "FILOSQLiteAckQueue", "SQLiteAckQueue", "UniqueAckQ"), ACK
    ),
    "mysqlqueue": {"MySQLQueue": SQL},
    "async_queue": {"AsyncQueue": f"{QUEUE} close join"},
    "async_sqlqueue": dict.fromkeys(
        ("AsyncFIFOSQLiteQueue", "AsyncFILOSQLiteQueue", "AsyncSQLiteQueue", "AsyncUniqueQ"),
        f"{QUEUE} close update",
    ),
}


def run(code: str, *options: str, **environment: str) -> Any:
    """What a fresh interpreter prints as JSON."""
    done = subprocess.run(
        [sys.executable, *options, "-c", code],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def test_import_loads_no_backend() -> None:
    """`import persistqueue` loads no other wheel, nor anything heavy of the standard library."""
    loaded = run("import json, sys, persistqueue; print(json.dumps(sorted(sys.modules)))")
    assert not {name.partition(".")[0] for name in loaded} & {wheel.module for wheel in WHEELS}
    assert "importlib.metadata" not in loaded
    assert [name for name in loaded if name.startswith("persistqueue.")] == [
        "persistqueue._version"
    ]


def test_import_is_small() -> None:
    """`import persistqueue` loads a handful of modules of ours; how long it takes, pq-bench tells."""
    loaded = run("import json, sys, persistqueue; print(json.dumps(sorted(sys.modules)))")
    ours = [name for name in loaded if name.partition(".")[0] in ("pq_core", "persistqueue")]
    assert len(ours) < 10, ours


@pytest.mark.parametrize("wheel", INSTALLED, ids=lambda wheel: wheel.name)
def test_names_are_the_wheels_own(wheel: Any) -> None:
    """Each name of an installed wheel is that wheel's object, and listed."""
    for name in wheel.names:
        assert getattr(persistqueue, name) is getattr(import_module(wheel.module), name)
        assert name in dir(persistqueue)


def test_type_checkers_see_every_name() -> None:
    """What the table offers at run time is what type checkers see, and the other way round."""
    seen = {
        alias.asname
        for node in ast.walk(ast.parse(SOURCE.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in {wheel.module for wheel in WHEELS}
        for alias in node.names
    }
    assert seen == set(HOMES)


def test_star_import_is_what_is_installed() -> None:
    """`from persistqueue import *` brings the installed names, and succeeds when one is not."""
    code = "import json; from persistqueue import *; print(json.dumps(sorted(globals())))"
    names = {name for wheel in INSTALLED for name in wheel.names}
    assert names | {"serializers"} <= set(run(code))


@pytest.mark.parametrize(
    "statement",
    ["import persistqueue; persistqueue.Queue", "from persistqueue.queue import Queue"],
)
def test_missing_wheel_is_named(statement: str) -> None:
    """A name whose wheel is missing raises an ImportError that says what to install."""
    # Without site-packages, and with nothing of ours but the namespace and the ground floor.
    path = os.pathsep.join(
        str(Path(module.__file__ or "").parents[1]) for module in (persistqueue, pq_core)
    )
    if any((Path(folder) / "pq_file").is_dir() for folder in path.split(os.pathsep)):
        pytest.skip("the wheels are installed into one folder here")
    code = f"""
import json
try:
    {statement}
except ImportError as error:
    print(json.dumps([type(error).__name__, error.name, str(error)]))
"""
    kind, module, message = run(code, "-S", PYTHONPATH=path)
    assert (kind, module) == ("BackendNotInstalled", "pq_file")
    assert message.endswith("run: pip install pq-file")


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that no wheel has is an AttributeError, so that `hasattr` works."""
    assert not hasattr(persistqueue, "NoSuchQueue")


@pytest.mark.parametrize("name", ["pickle", "json", "msgpack", "cbor2", "async_pickle"])
def test_serializers_are_the_same_modules(name: str) -> None:
    """A serializer is one module object, by whichever documented name it is reached."""
    imported = import_module(f"persistqueue.serializers.{name}")
    assert imported is getattr(pq_core.serializers, name)
    assert imported is getattr(persistqueue.serializers, name)
    assert imported is sys.modules[f"persistqueue.serializers.{name}"]


@pytest.mark.parametrize(
    ("module", "cls"), [(module, cls) for module, classes in SURFACE.items() for cls in classes]
)
def test_what_the_predecessor_has_is_here(module: str, cls: str) -> None:
    """Each public name of each of its classes of queues, in the module where it was."""
    try:
        found = getattr(import_module(f"persistqueue.{module}"), cls)
    except ImportError as error:
        pytest.skip(str(error))
    assert [each for each in SURFACE[module][cls].split() if not hasattr(found, each)] == []


def test_submodules_need_no_import_of_their_own() -> None:
    """After `import persistqueue` alone, its documented submodules are there."""
    code = """
import json, persistqueue
print(json.dumps([
    persistqueue.serializers.msgpack.__name__,
    persistqueue.exceptions.Empty is persistqueue.Empty,
    persistqueue.queue.Queue is persistqueue.Queue,
]))
"""
    assert run(code) == ["pq_core.serializers.msgpack", True, True]


def test_exceptions_are_those_of_the_standard_library_too() -> None:
    """Code that catches `queue.Empty` and `queue.Full` catches ours."""
    import queue

    from persistqueue.exceptions import Empty, Full

    assert issubclass(Empty, queue.Empty)
    assert issubclass(Full, queue.Full)


def test_version_is_the_wheels() -> None:
    """`persistqueue.__version__` is the version of the wheel persist-queue."""
    from importlib.metadata import version

    assert persistqueue.__version__ == version("persist-queue")
