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
from pq_bench.floors._sqlite import SQLiteFloor
from pq_core.disk import DISK

__all__ = ["FLOORS", "MakeFloor", "FileFloor", "HopFloor", "MemoryFloor", "SQLiteFloor"]

#: Makes the floor of a backend: given a directory, the durability, whether items are acked, and
#: the two functions of the serializer.
MakeFloor = Callable[[Path, str, bool, Callable[[Any], bytes], Callable[[bytes], Any]], Any]


def _file(
    directory: Path,
    durability: str,
    _acked: bool,
    dumps: Callable[[Any], bytes],
    loads: Callable[[bytes], Any],
) -> FileFloor:
    return FileFloor(directory, DISK.datasync if durability == "full" else None, dumps, loads)


def _sqlite(
    directory: Path,
    durability: str,
    acked: bool,
    dumps: Callable[[Any], bytes],
    loads: Callable[[bytes], Any],
) -> SQLiteFloor:
    return SQLiteFloor(directory, durability.upper(), acked, dumps, loads)


FLOORS: Final[dict[str, MakeFloor]] = {"file": _file, "sqlite": _sqlite}
