"""Making the files of a new queue, empty or with what a predecessor left (I1, I2)."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from pq_core.disk import Disk
from pq_core.log.claims import blank, claims_name
from pq_core.log.cursor import H_SYNCED, CursorFile, Note, Position, Settled
from pq_core.log.frame import encode
from pq_core.log.segment import FRAMES_AT, Header, segment_name

__all__ = ["CURSOR_NAME", "LOCK_NAME", "MARK_AT", "create"]

CURSOR_NAME: Final = "cursor"
LOCK_NAME: Final = "lock"
#: Where the cursor file keeps the mark of the predecessor that was taken over.
MARK_AT: Final = 2048
#: A segment of a converted queue ends behind this many items or bytes.
_ITEMS: Final = 10_000
_BYTES: Final = 1 << 22


def create(
    path: Path,
    disk: Disk,
    payloads: Iterable[bytes] = (),
    number: int = 0,
    mark: bytes = b"",
) -> None:
    """Makes a queue in the directory `path`, with these items in it.

    The cursor appears last, whole and by a rename: a directory holds a queue if and only if it
    holds a cursor. Until then nothing of what was there is touched, except segments from
    `number` on. Everything is durable on return. The caller holds the head lock.

    Args:
        path: an existing directory.
        disk: the port.
        payloads: the serialized items, in order.
        number: of the first segment.
        mark: of the predecessor whose items these are.

    Raises:
        OSError: there is no queue, as before.
    """
    queue, now, boot = os.urandom(16), time.time_ns(), disk.boot_id()
    start = head = Position(number, FRAMES_AT, 1)
    settled = Settled(*start, 0, 1)
    header = Header(queue, number, 1, now)
    data = bytearray(header.encode().ljust(FRAMES_AT, b"\0"))
    for payload in payloads:
        if head.seq - header.first >= _ITEMS or len(data) >= _BYTES:
            _write(path / segment_name(header.number), data, disk)
            header = Header(queue, header.number + 1, head.seq, now)
            data = bytearray(header.encode().ljust(FRAMES_AT, b"\0"))
        data += encode(payload, head.seq, now, header.seed)
        head = Position(header.number, len(data), head.seq + 1)
    if head.segment != header.number:
        head = Position(header.number, len(data), head.seq)
    note = Note(settled, head, head, boot)
    note.put_into(data)
    _write(path / segment_name(header.number), data, disk)
    raw = bytearray(CursorFile.blank(queue, now))
    raw[MARK_AT : MARK_AT + len(mark)] = mark
    cursor = CursorFile(raw)
    cursor.write_slot(settled)
    cursor.write_note(note)
    cursor.write_head(head, head)
    cursor.write_tail(start, settled)
    cursor.write_boot(boot)
    cursor.words[H_SYNCED] = head.segment
    cursor.release()
    for index in range(2):
        # Two consumers can come even if the disk is full by then.
        _write(path / claims_name(index), bytearray(blank(queue)), disk)
    fresh = path / f"{CURSOR_NAME}.new"
    _write(fresh, raw, disk)
    disk.sync_path(path)
    disk.sync_directory(path)
    disk.rename(fresh, path / CURSOR_NAME)
    disk.sync_directory(path)


def _write(path: Path, data: bytearray, disk: Disk) -> None:
    """Writes a whole new file, durably, or leaves none."""
    fd = disk.open(path, create=True)
    try:
        disk.truncate(fd, 0)
        disk.write_all(fd, data, 0)
        disk.datasync(fd)
    except BaseException:
        with suppress(OSError):
            disk.unlink(path)
        raise
    finally:
        os.close(fd)
