"""What is wrong with the surroundings of a queue, before it hurts."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final

__all__ = ["doctor"]

#: File systems whose locks or shared memory do not carry WAL
#: (https://sqlite.org/wal.html#noshm, https://sqlite.org/faq.html#q5).
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph"}
)


def doctor(path: str | Path, *, version: tuple[int, int, int] | None = None) -> list[str]:
    """Warnings about using queues in the directory `path`; empty: nothing is known against it.

    Args:
        path: as given to a queue; need not exist.
        version: of SQLite; None: the one that Python uses.
    """
    version = version or sqlite3.sqlite_version_info
    text = ".".join(map(str, version))
    found = []
    if has_wal_reset_bug(version):
        found.append(
            f"SQLite {text} has the WAL-reset bug: where a checkpoint and a write of two "
            "connections meet at one moment, the database may be damaged "
            "(https://sqlite.org/wal.html#walresetbug); use 3.51.3 or later, 3.50.7, or 3.44.6"
        )
    kind = file_system(Path(path))
    if kind in _NETWORK:
        found.append(
            f"{path} lies on a network file system ({kind}), where SQLite's WAL mode does not "
            "work between hosts; use a local disk"
        )
    return found


def has_wal_reset_bug(version: tuple[int, int, int]) -> bool:
    """Whether this version of SQLite can damage a database that two connections write to.

    3.7.0 to 3.51.2 can, but for the fixes in 3.50.7 and 3.44.6.
    """
    if version[:2] == (3, 50):
        return version < (3, 50, 7)
    if version[:2] == (3, 44):
        return version < (3, 44, 6)
    return (3, 7, 0) <= version < (3, 51, 3)


def file_system(path: Path) -> str:
    """The type of the file system of `path`, as Linux calls it; "" where that is not known."""
    try:
        lines = Path("/proc/self/mounts").read_text().splitlines()
    except OSError:
        return ""
    where = Path(os.path.realpath(path))
    best, kind = -1, ""
    for line in lines:
        parts = line.split()
        if len(parts) < 3:
            continue
        point = parts[1].replace("\\040", " ")
        if (where == Path(point) or Path(point) in where.parents) and len(point) >= best:
            best, kind = len(point), parts[2]
    return kind
