"""Taking over what persist-queue 0.8 to 1.1 or pqueue left in a directory.

Their items are copied into segments of our own, numbered behind their chunks, and only then does
a cursor appear and are their files removed. A crash before leaves their queue as it was, and one
after is noticed by their `info` file, which is removed last (I2).
"""

from __future__ import annotations

import logging
import os
import pickle as standard_pickle
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from pq_core.errors import StorageCorrupt
from pq_core.log.legacy import (
    Chunk,
    Info,
    LegacyDamage,
    chunk_items,
    chunk_names,
    parse_info,
    plan,
    salvage,
)
from pq_core.log.opening import Predecessor
from pq_core.log.segment import MAGIC
from pq_core.serializers import Codec

__all__ = ["finder"]

logger = logging.getLogger("persistqueue")

INFO: Final = "info"
#: The modules whose layout is known, so that no item has to be loaded to find its end.
_OURS: Final = "pq_core.serializers."


def finder(codec: Codec) -> Callable[[Path], Predecessor | None]:
    """What looks for a predecessor's queue that this serializer can read."""

    def find(path: Path) -> Predecessor | None:
        return _Directory(path, codec).predecessor() if (path / INFO).exists() else None

    return find


class _Directory:
    """A directory with an `info` file in it."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self._path = path
        self._codec = codec
        self._layout = _layout(codec)
        self._chunks = [name for name in chunk_names(os.listdir(path)) if not self._is_ours(name)]
        self._damage: dict[str, LegacyDamage] = {}

    def predecessor(self) -> Predecessor:
        """What is to be taken over."""
        last = int(self._chunks[-1][1:]) if self._chunks else -1
        mark = sha256((self._path / INFO).read_bytes()).digest()
        return Predecessor(self._payloads(), last + 1, mark, self._remove)

    def _is_ours(self, name: str) -> bool:
        with (self._path / name).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC

    def _payloads(self) -> Iterator[bytes]:
        if self._layout == "custom" and self._codec.load is None:
            raise StorageCorrupt(
                self._path / INFO,
                None,
                f"written by an earlier version, and {self._codec.name!r} cannot read its files",
                "open the queue once with the serializer that wrote it",
            )
        info = self._info()
        if info is None:
            yield from self._salvage()
            return
        planned = plan(self._chunks, info, partial=True)
        for gap in planned.missing:
            logger.warning("%s: chunks %d to %d are gone", self._path, gap.start, gap.stop - 1)
        for chunk in planned.chunks:
            yield from self._items(chunk)

    def _salvage(self) -> Iterator[bytes]:
        """Everything that is there: some of it may have been consumed before."""
        contents = ((name, (self._path / name).read_bytes()) for name in self._chunks)
        count = 0
        for found in salvage(contents, self._layout, self._codec.load):
            yield from found.items
            count += len(found.items)
            if found.damage is not None:
                self._damage[found.name] = found.damage
        if not count and len(self._damage) > 1:
            raise StorageCorrupt(
                self._path / INFO,
                None,
                f"neither it nor any chunk can be read by {self._codec.name!r}",
                "open the queue with the serializer that wrote it",
            )

    def _items(self, chunk: Chunk) -> Iterator[bytes]:
        data = (self._path / chunk.name).read_bytes()
        try:
            yield from chunk_items(chunk, data, self._layout, self._codec.load)
        except LegacyDamage as error:
            self._damage[chunk.name] = error

    def _info(self) -> Info | None:
        """The info, or None where it is damaged: then everything that is there comes again."""
        try:
            return parse_info((self._path / INFO).read_bytes(), self._layout, self._codec.loads)
        except LegacyDamage as error:
            self._damage[INFO] = error
            return None

    def _remove(self) -> None:
        """Removes the predecessor's files; what is damaged stays as `.bad`. Info goes last."""
        for name in [*self._chunks, INFO]:
            file = self._path / name
            with suppress(FileNotFoundError):
                if (damage := self._damage.get(name)) is not None:
                    logger.warning("%s: %s; kept as %s.bad", file, damage, name)
                    file.replace(file.with_name(f"{name}.bad"))
                else:
                    file.unlink()


def _layout(codec: Codec) -> str:
    """The name of the layout in which the predecessor wrote with this serializer."""
    module = getattr(codec.serializer, "__name__", "")
    if codec.serializer is standard_pickle:
        return "pickle"
    return codec.name if module.startswith(_OURS) else "custom"
