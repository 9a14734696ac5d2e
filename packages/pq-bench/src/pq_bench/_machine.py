"""What the figures were measured on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
import sys
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from pq_bench._version import __version__

__all__ = ["machine", "told"]

#: Whose versions matter: our wheels, and what they drive.
_PACKAGES: Final = (
    *("pq-core", "pq-file", "pq-sqlite", "pq-mysql", "pq-postgres", "pq-async", "persist-queue"),
    *("PyMySQL", "DBUtils", "psycopg", "aiofiles", "aiosqlite", "msgpack", "cbor2"),
)


def machine(directory: Path) -> dict[str, Any]:
    """The machine, the disk under `directory`, and the versions, as plain data."""
    return {
        "system": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_bytes": _memory(),
        "load": _load(),
        "file_system": file_system(directory),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "pq_bench": __version__,
        "packages": {name: found for name in _PACKAGES if (found := _version(name))},
        "commit": _commit(),
    }


def told(found: dict[str, Any]) -> str:
    """The same in a line or two of text."""
    memory = f", {found['memory_bytes'] / 2**30:.0f} GiB" if found["memory_bytes"] else ""
    load = f", load {found['load']:.1f}" if found["load"] is not None else ""
    commit = f", commit {found['commit']}" if found["commit"] else ""
    return (
        f"{found['system']} {found['architecture']}, {found['processor'] or 'processor unknown'}, "
        f"{found['cores']} cores{memory}{load}; {found['file_system'] or 'file system unknown'}; "
        f"{found['python']}, SQLite {found['sqlite']}{commit}"
    )


def file_system(directory: Path) -> str:
    """The type of the file system that a directory is on, or "" where that is not told."""
    path = str(directory.resolve())
    best, kind = "", ""
    with suppress(OSError):
        for line in Path("/proc/mounts").read_text(errors="replace").splitlines():
            _, mount, found, *_ = line.split(" ")
            inside = path == mount or path.startswith(mount.rstrip("/") + "/")
            if inside and len(mount) >= len(best):
                best, kind = mount, found
    return kind


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()


def _memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0


def _load() -> float | None:
    """How many processes wanted to run in the last minute: others spoil figures."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return None


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _commit() -> str:
    """The commit of the checkout that runs; "" outside of one. A "+" marks changes on top of it."""
    git = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty=+"]
    git += ["--exclude", "*"]
    try:
        done = subprocess.run(git, check=False, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    inside = Path(sys.prefix) not in Path(__file__).parents
    return done.stdout.strip() if done.returncode == 0 and inside else ""
