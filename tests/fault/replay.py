"""What a power cut may leave of a recorded file system, at any moment of the record."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final

from tests.fault.events import Event

__all__ = ["TASTES", "Replay"]

#: What is left. "forgotten": nothing but what was synced. "torn": of what was not synced any
#: pages or sectors, and any names. "named": the names as they were, the contents as synced, be
#: it with the length they had. "kept": all; the process was killed, and the power stayed.
TASTES: Final = ("forgotten", "torn", "named", "kept")

#: What is written back as one: a page of the cache, or a sector where a write is torn.
_BLOCKS: Final = (4096, 512)


@dataclass
class _Node:
    """A file or directory as it is for the system, and as it surely is on the medium."""

    now: bytearray = field(default_factory=bytearray)
    synced: bytes = b""
    #: What it was between the two.
    between: list[bytes] = field(default_factory=list)
    #: Blocks that a failed sync has marked as clean: written again, they count again.
    dropped: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    names: dict[str, tuple[int, bool]] = field(default_factory=dict)
    synced_names: dict[str, tuple[int, bool]] = field(default_factory=dict)


class Replay:
    """A file system that a record is played to, event by event."""

    def __init__(self) -> None:
        self._nodes: dict[int, _Node] = {}
        self._root = 1

    def _node(self, number: int) -> _Node:
        return self._nodes.setdefault(number, _Node())

    def apply(self, event: Event) -> None:
        """Plays one event."""
        kind, number, detail = event
        if kind == "note":
            return
        node = self._node(number)
        if kind == "write":
            self._write(node, *detail)
        elif kind == "truncate":
            del node.now[detail:]
            node.now.extend(bytes(detail - len(node.now)))
        elif kind == "name":
            name, child, is_directory = detail
            node.names[name] = child, is_directory
        elif kind == "unname":
            del node.names[detail]
        elif kind == "rename":
            old, target, new, child, is_directory = detail
            del node.names[old]
            self._node(target).names[new] = child, is_directory
        elif kind == "sync":
            self._sync(node)
        else:
            node.dropped |= node.changed
            node.changed.clear()

    def _write(self, node: _Node, offset: int, data: bytes) -> None:
        if len(node.between) < 4 and node.now != node.synced:
            node.between.append(bytes(node.now))
        if offset > len(node.now):
            node.now.extend(bytes(offset - len(node.now)))
        node.now[offset : offset + len(data)] = data
        blocks = range(offset // _BLOCKS[0], (offset + len(data) - 1) // _BLOCKS[0] + 1)
        node.changed.update(blocks)
        node.dropped.difference_update(blocks)

    @staticmethod
    def _sync(node: _Node) -> None:
        synced = bytearray(node.now)
        for block in node.dropped:
            at = block * _BLOCKS[0]
            length = len(synced[at : at + _BLOCKS[0]])
            synced[at : at + _BLOCKS[0]] = node.synced[at : at + length].ljust(length, b"\0")
        node.synced = bytes(synced)
        node.synced_names = dict(node.names)
        node.between.clear()
        node.changed.clear()

    def cut(self, target: Path, taste: str, random: Random) -> None:
        """Makes the directory `target` what a power cut at this moment may leave."""
        self._leave(self._root, target, taste, random)

    def _leave(self, number: int, target: Path, taste: str, random: Random) -> None:
        target.mkdir()
        node = self._node(number)
        names = {"forgotten": node.synced_names}.get(taste, node.names)
        for name in sorted({*node.names, *node.synced_names}):
            if taste == "torn":
                names = random.choice([node.names, node.synced_names])
            if name not in names:
                continue
            child, is_directory = names[name]
            if is_directory:
                self._leave(child, target / name, taste, random)
            else:
                (target / name).write_bytes(_content(self._node(child), taste, random))


def _content(node: _Node, taste: str, random: Random) -> bytes:
    if taste == "kept":
        return bytes(node.now)
    if taste == "forgotten":
        return node.synced
    if taste == "named":
        length = random.choice([len(node.synced), len(node.now)])
        return node.synced[:length].ljust(length, b"\0")
    if node.now == node.synced:
        return node.synced
    size = random.choice(_BLOCKS)
    versions = [bytes(node.now), *node.between]
    chance = random.choice([0.1, 0.5, 0.9])
    length = len(random.choice([node.synced, node.now]))
    left = bytearray(node.synced[:length].ljust(length, b"\0"))
    for at in range(0, length, size):
        if random.random() < chance and at // _BLOCKS[0] not in node.dropped:
            source: Any = versions[0] if random.random() < 0.7 else random.choice(versions)
            stop = min(at + size, length)
            left[at:stop] = source[at:stop].ljust(stop - at, b"\0")
    return bytes(left)
