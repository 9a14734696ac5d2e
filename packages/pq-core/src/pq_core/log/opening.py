"""Opening a directory: making a queue, taking over a predecessor's, or mending what is there."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path

from pq_core.disk import Disk
from pq_core.errors import SchemaMismatch, StorageCorrupt
from pq_core.log import recovery
from pq_core.log.create import CURSOR_NAME, LOCK_NAME, MARK_AT, create
from pq_core.log.cursor import CURSOR_BYTES, H_ALLOCATED, P_SEQ, VERSION, CursorFile
from pq_core.log.segment import FRAMES_AT, MAGIC, Header, numbers, segment_name
from pq_core.log.sharing import USERS_NAME, join
from pq_core.log.store import Store

__all__ = ["Find", "Predecessor", "open_store"]


class Predecessor:
    """What another library left in a directory, to be taken over on the first open.

    Attributes:
        payloads: the items as they are to be stored, in order. Reading may raise OSError or
            StorageCorrupt; then nothing was changed.
        number: of the first segment that does not overwrite anything of it.
        mark: 32 bytes that tell this state of it from any other.
        remove: removes what was left, once the items are safe. May be called again.
    """

    def __init__(
        self,
        payloads: Iterable[bytes],
        number: int,
        mark: bytes,
        remove: Callable[[], None],
    ) -> None:
        self.payloads = payloads
        self.number = number
        self.mark = mark
        self.remove = remove


#: Looks for a predecessor's files in a directory.
Find = Callable[[Path], "Predecessor | None"]


def open_store(path: Path, disk: Disk, find: Find) -> Store:
    """The store of a directory, made, taken over or mended where that is needed."""
    _make_directory(path, disk)
    with ExitStack() as undo:

        def opened(name: str, *, create: bool = False) -> int:
            fd = disk.open(path / name, create=create)
            undo.callback(os.close, fd)
            return fd

        lock_fd = opened(LOCK_NAME, create=True)
        disk.lock(lock_fd)
        try:
            _make_cursor(path, disk, find)
        finally:
            disk.unlock(lock_fd)
        users_fd = opened(USERS_NAME, create=True)
        cursor_fd = opened(CURSOR_NAME)
        store = Store(path, disk, lock_fd, cursor_fd, users_fd)
        undo.pop_all()
    try:
        # The tail lock first, as everywhere.
        join(store.cursor.words, disk, users_fd, (cursor_fd, lock_fd))
        try:
            _check(store)
            _drop_settled(store)
        finally:
            disk.unlock(lock_fd)
            disk.unlock(cursor_fd)
    except BaseException:
        store.close()
        raise
    return store


def _make_directory(path: Path, disk: Disk) -> None:
    missing = []
    while not os.path.lexists(path):
        missing.append(path)
        path = path.parent
    for directory in reversed(missing):
        with suppress(FileExistsError):
            disk.mkdir(directory, disk.directory_mode)
        disk.sync_directory(directory.parent)


def _make_cursor(path: Path, disk: Disk, find: Find) -> None:
    """Sees to it that there is a cursor of the right length (I1, I2). Under the head lock."""
    cursor = path / CURSOR_NAME
    with suppress(FileNotFoundError):
        if cursor.stat().st_size == CURSOR_BYTES and _readable(cursor):
            if (left := find(path)) is not None:
                _finish(left, path)
            return
    headers: list[Header] = []
    begun, foreign = [], None
    left = find(path)
    for number in numbers(os.listdir(path)):
        file = path / segment_name(number)
        data = _first_bytes(file)
        try:
            header = Header.decode(data)
        except ValueError as error:
            if MAGIC.startswith(data[: len(MAGIC)]) and len(data) < FRAMES_AT:
                begun.append(file)
            elif left is None:
                foreign = foreign or StorageCorrupt(
                    file, 0, str(error), "move the file away, or use another directory"
                )
        else:
            if (header.number, header.first) == (0, 1) and file.stat().st_size <= FRAMES_AT:
                begun.append(file)
            else:
                headers.append(header)
    if left is None and cursor.exists():
        bad = path / f"{CURSOR_NAME}.bad"
        if not headers:
            raise StorageCorrupt(
                cursor, 0, "not a cursor of this format", "move it away, or use another directory"
            )
        disk.rename(cursor, bad)
    if left is not None:
        for header in headers:
            if header.number >= left.number:
                disk.unlink(path / segment_name(header.number))
        create(path, disk, left.payloads, left.number, left.mark)
        left.remove()
    elif headers:
        # The cursor is lost: what the segments say is all there is. Opening rebuilds the rest.
        fd = disk.open(cursor, create=True)
        try:
            disk.write_all(fd, CursorFile.blank(headers[-1].queue, time.time_ns()), 0)
            disk.datasync(fd)
        finally:
            os.close(fd)
        disk.sync_directory(path)
    elif foreign is not None:
        raise foreign
    else:
        # What was left of a creation is written over.
        for file in begun:
            disk.unlink(file)
        create(path, disk)


def _finish(left: Predecessor, path: Path) -> None:
    """Removes what was taken over, unless it was written again since."""
    with (path / CURSOR_NAME).open("rb") as file:
        file.seek(MARK_AT)
        if file.read(32) == left.mark:
            left.remove()
            return
    raise StorageCorrupt(
        path,
        None,
        "an earlier version has put items here again after they were taken over",
        "move its files (info and the chunks it wrote) to a directory of their own",
    )


def _readable(cursor: Path) -> bool:
    """Whether the header of a cursor file is whole."""
    raw = bytearray(cursor.read_bytes())
    file = CursorFile(raw)
    try:
        file.header()
    except ValueError:
        return False
    finally:
        file.release()
    return True


def _first_bytes(file: Path) -> bytes:
    with file.open("rb") as stream:
        return stream.read(FRAMES_AT)


def _check(store: Store) -> None:
    """Compares the cursor with the segments, and makes the words anew where they are of no use."""
    version, store.queue = store.cursor.header()
    if version > VERSION:
        raise SchemaMismatch(
            f"{store.path}: written in format {version}, and this version knows up to {VERSION}; "
            "install a newer persist-queue"
        )
    boot = store.disk.boot_id()
    cursor = store.cursor
    head = cursor.head()
    if not boot or cursor.boot() != boot.ljust(16, b"\0") or head is None or not cursor.slots():
        recovery.rebuild(store)
        return
    try:
        segment = store.open_segment(head.segment)
    except (FileNotFoundError, StorageCorrupt):
        recovery.rebuild(store)
        return
    note, slot, tail = recovery.read_note(segment), cursor.slots()[0], cursor.tail()
    if tail is not None and tail[1].generation < slot.generation:
        # Somebody was killed between the slot and the words.
        cursor.tear_tail()
    behind = note is not None and (
        note.settled.generation > slot.generation or note.head.seq > head.seq
    )
    if behind or store.segment_path(head.segment + 1).exists():
        recovery.rebuild(store)
    elif segment.size() > max(head.offset, cursor.words[H_ALLOCATED]):
        if recovery.continues(segment, head):
            recovery.rebuild(store)
        else:
            recovery.mend_head(store)
    elif cursor.words[P_SEQ] != head.seq:
        # Its writer was about to sync it, and may be dead.
        recovery.mend_head(store)


def _drop_settled(store: Store) -> None:
    """Removes segments that a crash has kept from being removed (I11)."""
    oldest = store.cursor.slots()[0].segment
    left = [number for number in numbers(os.listdir(store.path)) if number < oldest]
    if left:
        store.disk.sync_directory(store.path)
        store.disk.datasync(store.cursor_fd)
    for number in left:
        with suppress(FileNotFoundError):
            store.disk.unlink(store.segment_path(number))
