"""A file system in memory that records every change, and fails when it is told to.

Run as ``python -m tests.fault.forgetful MOUNTPOINT``: the kernel sends it what any program does
below the mount point, SQLite's own C code included. Orders come as pickles on standard input and
answers go to standard output; at the end of the orders it unmounts. `tests.fault.mounted` is the
other side, `tests.fault.replay` makes of the record what a power cut may leave.
"""

from __future__ import annotations

import errno
import os
import pickle
import stat
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from typing import Any, ClassVar

import mfusepy as fuse

from tests.fault.events import Event

__all__ = ["Forgetful"]

_CHUNK = 4096


class _Node:
    """A file or directory, whatever it is called."""

    def __init__(self, number: int, mode: int) -> None:
        self.number = number
        self.mode = mode
        self.data = bytearray()
        self.names: dict[str, _Node] = {}
        self.links = 1
        self.changed = time.time_ns()

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.mode)


class Forgetful(fuse.Operations):  # type: ignore[misc]
    """The file system. FUSE calls it from one thread, orders come from another."""

    use_ns: ClassVar[bool] = True

    def __init__(self) -> None:
        self._numbers = iter(range(1, sys.maxsize))
        self._root = _Node(next(self._numbers), stat.S_IFDIR | 0o755)
        self._open: dict[int, _Node] = {}
        self._handles = iter(range(1, sys.maxsize))
        # Protects what follows: an order must not come in the middle of an operation.
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._counted: dict[str, int] = {}
        self._faults: list[Any] = []
        self._answers = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    # -- orders -------------------------------------------------------------------------------

    def init_with_config(self, conn_info: Any, config_3: Any) -> None:
        """Mounted: from now on orders are taken."""
        del conn_info
        try:
            if config_3 is not None:
                # mfusepy before 3.1.1 hands over a pointer to it.
                config = getattr(config_3, "contents", config_3)
                # Nobody but the kernel changes a file, and a deleted one is gone at once.
                config.kernel_cache = 1
                config.hard_remove = 1
                config.attr_timeout = 0.0
        except BaseException:
            # The library would go on without a word to whoever waits for the first answer.
            traceback.print_exc()
            os._exit(1)
        threading.Thread(target=self._obey, daemon=True).start()
        self._answer(None)

    def _obey(self) -> None:
        while True:
            try:
                order, args = pickle.load(sys.stdin.buffer)
            except EOFError:
                break
            if order == "end":  # a forked child may hold the other end open
                break
            with self._lock:
                answer = getattr(self, f"order_{order}")(*args)
            self._answer(answer)
        subprocess.run(["fusermount3", "-u", "-z", sys.argv[1]], check=False)

    def _answer(self, answer: object) -> None:
        pickle.dump(answer, self._answers)
        self._answers.flush()

    def order_note(self, note: object) -> None:
        """Puts a note into the record."""
        self._events.append(("note", 0, note))

    def order_record(self) -> list[Event]:
        """The record, which starts anew with the next change."""
        events, self._events = self._events, []
        return events

    def order_counts(self) -> dict[str, int]:
        """How many calls of each kind there were since the last order of this kind."""
        counted, self._counted = self._counted, {}
        return counted

    def order_fail(self, kinds: Any, k: int, error: int, keep: int | None, stay: bool) -> None:
        """Spoils the k-th call of these kinds from now on, and with `stay` all that follow.

        With `keep` it is a write that takes so many bytes and says so; else it raises `error`.
        """
        self._faults.append([frozenset(kinds), k, error, keep, stay])

    def order_heal(self) -> int:
        """Forgets the faults; how many are still to come."""
        left = len([each for each in self._faults if each[1] > 0])
        self._faults.clear()
        return left

    def _count(self, kind: str) -> int | None:
        """Counts a call; raises if it is to fail, and returns how much of it is to be done."""
        self._counted[kind] = self._counted.get(kind, 0) + 1
        for fault in self._faults:
            kinds, k, error, keep, stay = fault
            if kind not in kinds or (k < 1 and not stay):
                continue
            fault[1] = k - 1
            if k <= 1:
                if keep is None:
                    raise fuse.FuseOSError(error)
                done: int = keep
                return done
        return None

    # -- looking up ---------------------------------------------------------------------------

    def _find(self, path: str) -> _Node:
        node = self._root
        for name in path.split("/"):
            if name:
                if name not in node.names:
                    raise fuse.FuseOSError(errno.ENOENT)
                node = node.names[name]
        return node

    def _parent(self, path: str) -> tuple[_Node, str]:
        directory, _, name = path.rpartition("/")
        return self._find(directory), name

    def _node(self, path: str, fh: int | None) -> _Node:
        return self._open[fh] if fh in self._open else self._find(path)

    # -- operations ---------------------------------------------------------------------------

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        node = self._node(path, fh)
        return {
            "st_ino": node.number,
            "st_mode": node.mode,
            "st_nlink": node.links,
            "st_size": len(node.data),
            "st_blocks": -(-len(node.data) // 512),
            "st_uid": os.getuid(),
            "st_gid": os.getgid(),
            "st_mtime": node.changed,
            "st_ctime": node.changed,
            "st_atime": node.changed,
        }

    def readdir(self, path: str, fh: int) -> Iterator[str]:
        del fh
        with self._lock:
            return iter([".", "..", *self._find(path).names])

    def statfs(self, path: str) -> dict[str, int]:
        del path
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1 << 22, "f_bavail": 1 << 21}

    def open(self, path: str, flags: int) -> int:
        with self._lock:
            node = self._find(path)
            if flags & os.O_TRUNC:
                self._cut(node, 0)
            return self._handle(node)

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        del fi
        with self._lock:
            self._count("create")
            return self._handle(self._add(path, stat.S_IFREG | mode))

    def mkdir(self, path: str, mode: int) -> int:
        with self._lock:
            self._count("mkdir")
            self._add(path, stat.S_IFDIR | mode)
        return 0

    def _add(self, path: str, mode: int) -> _Node:
        directory, name = self._parent(path)
        if name in directory.names:
            raise fuse.FuseOSError(errno.EEXIST)
        node = directory.names[name] = _Node(next(self._numbers), mode)
        self._events.append(("name", directory.number, (name, node.number, node.is_directory)))
        return node

    def _handle(self, node: _Node) -> int:
        fh = next(self._handles)
        self._open[fh] = node
        return fh

    def release(self, path: str, fh: int) -> int:
        del path
        self._open.pop(fh, None)
        return 0

    def opendir(self, path: str) -> int:
        return self._handle(self._find(path))

    def releasedir(self, path: str, fh: int) -> int:
        return self.release(path, fh)

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        with self._lock:
            return bytes(self._node(path, fh).data[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        with self._lock:
            keep = self._count("write")
            node = self._node(path, fh)
            data = data[:keep]
            if offset > len(node.data):
                node.data.extend(bytes(offset - len(node.data)))
            node.data[offset : offset + len(data)] = data
            node.changed = time.time_ns()
            self._events.append(("write", node.number, (offset, bytes(data))))
            return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        with self._lock:
            self._count("truncate")
            self._cut(self._node(path, fh), length)
        return 0

    def _cut(self, node: _Node, length: int) -> None:
        del node.data[length:]
        node.data.extend(bytes(length - len(node.data)))
        self._events.append(("truncate", node.number, length))

    def unlink(self, path: str) -> int:
        with self._lock:
            self._count("unlink")
            directory, name = self._parent(path)
            directory.names.pop(name).links -= 1
            self._events.append(("unname", directory.number, name))
        return 0

    rmdir = unlink

    def rename(self, old: str, new: str) -> int:
        with self._lock:
            self._count("rename")
            source, before = self._parent(old)
            target, after = self._parent(new)
            node = target.names[after] = source.names.pop(before)
            said = after, node.number, node.is_directory
            self._events.append(("rename", source.number, (before, target.number, *said)))
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        del datasync
        with self._lock:
            node = self._node(path, fh)
            try:
                self._count("sync")
            except OSError:
                # The system counts the pages as written all the same, and drops them when it likes.
                self._events.append(("failed sync", node.number, None))
                raise
            self._events.append(("sync", node.number, None))
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        del datasync
        with self._lock:
            self._count("sync")
            self._events.append(("sync", self._node(path, fh).number, None))
        return 0

    def chmod(self, path: str, mode: int) -> int:
        node = self._find(path)
        node.mode = stat.S_IFMT(node.mode) | mode
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        del path, uid, gid
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        del path, times
        return 0


if __name__ == "__main__":
    fuse.FUSE(
        Forgetful(),
        sys.argv[1],
        foreground=True,
        nothreads=True,
        kernel_cache=True,
        hard_remove=True,
    )
