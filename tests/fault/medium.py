"""A disk that remembers what of it would survive a power cut."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from pq_core.testing.faults import FaultyDisk

__all__ = ["Medium"]

#: What is written back as one: a page of the cache, or a sector where a write is torn.
BLOCKS: Final = (4096, 512)


@dataclass
class _File:
    """One file: what is surely on the medium, and what a failed sync has dropped."""

    path: str
    synced: bytes = b""
    dropped: bytes | None = None

    def sync(self, now: bytes) -> None:
        """`now` was synced, except pages that a failed sync before has marked as clean."""
        if self.dropped is None:
            self.synced = now
            return
        size = BLOCKS[0]
        pages = []
        for at in range(0, len(now), size):
            page = now[at : at + size]
            if page == self.dropped[at : at + size]:
                page = self.synced[at : at + size].ljust(len(page), b"\0")
            pages.append(page)
        self.synced = b"".join(pages)


class Medium(FaultyDisk):
    """The real disk, which can tell what a power cut would leave of it.

    A file has what it had at its last sync, and of what came later any pages or sectors; a
    directory has the names of its last sync, and of later changes any. After a sync that failed,
    what it should have written counts as written for the system, and is not.
    """

    def __init__(self) -> None:
        super().__init__()
        self._files: dict[str, _File] = {}
        self._open: dict[int, _File] = {}
        self._names: dict[str, dict[str, _File]] = {}
        datasync, sync_directory = self.datasync, self.sync_directory
        rename, unlink = self.rename, self.unlink

        def syncing(fd: int) -> None:
            file = self._open[fd]
            try:
                datasync(fd)
            except OSError:
                file.dropped = _content(fd)
                raise
            file.sync(_content(fd))

        def syncing_directory(path: str | Path) -> None:
            sync_directory(path)
            self._names[os.fspath(path)] = self._current(os.fspath(path))

        def renaming(old: str | Path, new: str | Path) -> None:
            rename(old, new)
            file = self._files.pop(os.fspath(old))
            file.path = os.fspath(new)
            self._files[file.path] = file

        def unlinking(path: str | Path) -> None:
            unlink(path)
            self._files.pop(os.fspath(path), None)

        self.datasync, self.sync_directory = syncing, syncing_directory
        self.rename, self.unlink = renaming, unlinking

    def open(self, path: str | Path, *, create: bool = False, exclusive: bool = False) -> int:
        """See `Disk.open`."""
        fd = super().open(path, create=create, exclusive=exclusive)
        name = os.fspath(path)
        self._open[fd] = self._files.setdefault(name, _File(name))
        return fd

    def cut(self, directory: Path, target: Path, random: Random) -> str:
        """Makes `target` what a power cut at this moment may leave of `directory`.

        Returns:
            How it was chosen, for messages.
        """
        target.mkdir()
        now = self._current(os.fspath(directory))
        then = self._names.get(os.fspath(directory), {})
        taste = random.choice(["synced", "current", "pages", "sectors"])
        for name in sorted({*now, *then}):
            both = [names.get(name) for names in (then, now)]
            file = (
                random.choice(both) if taste in ("pages", "sectors") else both[taste == "current"]
            )
            if file is not None:
                (target / name).write_bytes(_survives(file, taste, random))
        return taste

    def _current(self, directory: str) -> dict[str, _File]:
        return {
            os.path.basename(path): file
            for path, file in self._files.items()
            if os.path.dirname(path) == directory
        }


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)


def _survives(file: _File, taste: str, random: Random) -> bytes:
    """The content of a file after the cut."""
    path: Any = Path(file.path)
    if taste == "synced" or not path.exists():
        return file.synced
    now: bytes = path.read_bytes()
    if taste == "current" and file.dropped is None:
        return now
    size = BLOCKS[taste == "sectors"]
    long = max(len(now), len(file.synced))
    chance = random.choice([0.1, 0.5, 0.9])
    blocks = []
    for at in range(0, long, size):
        kept = random.random() < chance
        source = file.synced if kept else now
        if file.dropped is not None and now[at : at + size] == file.dropped[at : at + size]:
            source = file.synced
        blocks.append(source[at : at + size].ljust(min(size, long - at), b"\0"))
    whole = b"".join(blocks)
    return whole[: random.choice([len(now), len(file.synced)])]
