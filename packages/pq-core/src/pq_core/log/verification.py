"""Reading a whole queue to look for damage."""

from __future__ import annotations

import os

from pq_core.errors import StorageCorrupt
from pq_core.log.cursor import H_SEGMENT, NOTE_AT, P_SEQ, SLOTS_AT, CursorFile, Position
from pq_core.log.frame import DONE, LIVE, VOID, next_valid, scan
from pq_core.log.letters import DEAD_NAME, Letters
from pq_core.log.segment import FRAMES_AT
from pq_core.log.store import Segment, Store
from pq_core.protocols import Damage

__all__ = ["verify"]


def _is_unfinished(cursor: CursorFile, at: int) -> bool:
    """Whether the slot is the one to be written next: a settle in which its process was killed.

    It never returned, and the next one writes that slot before anybody reads it.
    """
    tail = cursor.tail()
    if tail is None:
        return False
    settled = tail[1]
    return settled in cursor.valid_slots().values() and at != SLOTS_AT[settled.generation & 1]


def verify(store: Store, letters: Letters) -> list[Damage]:
    """What is damaged among everything that is not settled. The caller holds the tail lock."""
    cursor, path = store.cursor, store.path / "cursor"
    found = [
        Damage(path, at, "the slot is damaged; the other one is used")
        for at in SLOTS_AT
        if any(cursor.buffer[at : at + 64])
        and at not in cursor.valid_slots()
        and not _is_unfinished(cursor, at)
    ]
    if cursor.note() is None:
        found.append(Damage(path, NOTE_AT, "the note is damaged"))
    settled = cursor.slots()[0]
    position, stop = settled.position, cursor.words[P_SEQ]
    for number in range(settled.segment, cursor.words[H_SEGMENT] + 1):
        if position.segment != number:
            position = Position(number, FRAMES_AT, position.seq)
        try:
            segment = store.open_segment(number)
        except FileNotFoundError:
            # Told by the seq at which the next one begins, unless it was empty.
            continue
        except StorageCorrupt as error:
            found.append(Damage(error.path, error.offset, error.reason))
            continue
        seq = _verify_segment(segment, position, stop, found)
        position = Position(number, position.offset, seq)
    if position.seq < stop:
        found.append(
            Damage(
                store.segment_path(position.segment), None, f"{stop - position.seq} items are gone"
            )
        )
    at = letters.damage()
    if at is not None:
        found.append(Damage(store.path / DEAD_NAME, at, "a dead letter is damaged"))
    return found


def _verify_segment(segment: Segment, start: Position, stop: int, found: list[Damage]) -> int:
    """The seq behind the last valid frame of a segment; adds the damage before it to `found`."""
    seq, offset = start.seq, start.offset
    if offset == FRAMES_AT and segment.first > seq:
        found.append(Damage(segment.path, 0, f"{segment.first - seq} items before it are gone"))
        seq = segment.first
    while seq < stop:
        for frame in scan(segment.read, offset, segment.seed):
            if seq >= stop:
                break
            if frame.following <= seq:
                offset = frame.end
                continue
            if frame.seq > seq:
                found.append(Damage(segment.path, offset, f"{frame.seq - seq} items are damaged"))
            found += [
                Damage(segment.path, item.mark, "the state of an item is damaged")
                for item in frame.items(seq)
                if segment.read(item.mark, 4) not in (LIVE, DONE, VOID)
            ]
            seq, offset = frame.following, frame.end
        if seq >= stop:
            break
        later = next_valid(segment.read, offset, segment.size(), segment.seed, seq)
        if later is None:
            tail = segment.read(offset, os.fstat(segment.fd).st_size - offset)
            if any(tail):
                found.append(Damage(segment.path, offset, "what follows is damaged"))
            break
        found.append(Damage(segment.path, offset, f"{later.seq - seq} items are damaged"))
        seq, offset = later.seq, later.offset
    return seq
