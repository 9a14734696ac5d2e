"""The floors: plain loops over the calls that a durable queue cannot do without.

A floor plays the same workloads as a queue (see `pq_bench.stage.player`), but each loop is
written out, so that nothing but the calls themselves is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pq_bench.floors._file import FileFloor
from pq_bench.floors._hop import HopFloor
from pq_bench.floors._memory import MemoryFloor
from pq_bench.floors._server import MYSQL, POSTGRESQL, Dialect, ServerFloor, sweep
from pq_bench.floors._sqlite import SQLiteFloor
from pq_core.disk import DISK
from pq_core.registry import QueueURL

__all__ = [
    "DIALECTS",
    "FLOORS",
    "FileFloor",
    "HopFloor",
    "MakeFloor",
    "MemoryFloor",
    "SQLiteFloor",
    "ServerFloor",
    "sweep",
]

#: Makes the floor of a backend: given where it is (a directory; for a server its URL, and the name
#: of a table), the durability, whether items are acked, and the two functions of the serializer.
MakeFloor = Callable[
    [Path, QueueURL | None, str, str, bool, Callable[[Any], bytes], Callable[[bytes], Any]], Any
]


def _file(
    directory: Path, _url: Any, _table: str, durability: str, _acked: bool, dumps: Any, loads: Any
) -> FileFloor:
    return FileFloor(directory, DISK.datasync if durability == "full" else None, dumps, loads)


def _sqlite(
    directory: Path, _url: Any, _table: str, durability: str, acked: bool, dumps: Any, loads: Any
) -> SQLiteFloor:
    return SQLiteFloor(directory, durability.upper(), acked, dumps, loads)


def _in(dialect: Dialect) -> MakeFloor:
    def make(
        _directory: Path, url: Any, table: str, durability: str, acked: bool, dumps: Any, loads: Any
    ) -> ServerFloor:
        return ServerFloor(dialect, url, f"{table}_floor", durability, acked, dumps, loads)

    return make


#: How the servers are spoken to.
DIALECTS: Final = {
    "mysql": MYSQL,
    "mariadb": MYSQL,
    "postgresql": POSTGRESQL,
    "postgres": POSTGRESQL,
}
FLOORS: Final[dict[str, MakeFloor]] = {
    "file": _file,
    "sqlite": _sqlite,
    **{scheme: _in(dialect) for scheme, dialect in DIALECTS.items()},
}
