"""Making good what a crash or a damaged file has left.

Everything here is decided from three things: frames (each carries a crc over its own number),
slots (each carries a crc), and the locks of the living. Words and notes only save work, and tell
a loss from an end.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, suppress
from typing import Final, Protocol

from pq_core.errors import StorageCorrupt
from pq_core.log.cursor import (
    H_REPLACED,
    H_SEGMENT,
    H_SYNCED,
    P_SEQ,
    T_CAREFUL,
    T_REWOUND,
    T_SKIP,
    Note,
    Position,
    Settled,
    decode_note,
)
from pq_core.log.frame import (
    DONE,
    HEADER_BYTES,
    LIVE,
    MANY,
    VOID,
    Frame,
    encode_void,
    next_valid,
    scan,
)
from pq_core.log.segment import FRAMES_AT, NOTE_AT, Header, numbers
from pq_core.log.store import Segment, Store

__all__ = [
    "find",
    "lies_at",
    "mend_marks",
    "mend_head",
    "mend_tail",
    "read_note",
    "rebuild",
    "write_note",
]

#: What a medium writes as a whole, in bytes.
_SECTOR: Final = 512


class Published(Protocol):
    """What `find` needs of the head: up to where frames may be read, safe from its writer."""

    def published(self) -> Position:
        """Up to where consumers may read."""

    def alone(self) -> AbstractContextManager[None]:
        """Holds the head lock; afterwards every process opens its segments anew."""

    def replace_end(self, segment: Segment, offset: int, seq: int) -> None:
        """Puts a VOID frame for all from `seq` on at `offset`, where the head's file ends short."""


# -- notes --------------------------------------------------------------------------------------


def read_note(segment: Segment) -> Note | None:
    """The note in a segment, or None where it is damaged or was never written."""
    return decode_note(segment.read(NOTE_AT, FRAMES_AT - NOTE_AT))


def write_note(store: Store, segment: Segment, head: Position, *, synced: Position | None) -> None:
    """Notes how far the queue reaches, in the cursor and in its newest segment (I8).

    Args:
        store: the queue.
        segment: the newest one.
        head: where the next frame goes.
        synced: everything before it is on the medium; None keeps what was noted before.
    """
    before = store.cursor.note()
    slots = store.cursor.slots()
    start = Position(segment.number, FRAMES_AT, segment.first)
    settled = slots[0] if slots else Settled(*start, 0, 0)
    if synced is None:
        synced = before.synced if before else start
    note = Note(settled, head, synced, store.disk.boot_id())
    store.disk.write_all(segment.fd, note.encode(), NOTE_AT)
    store.cursor.write_note(note)


def sync_all(store: Store, newest: Segment) -> None:
    """Puts every segment that was not noted as synced on the medium, and their names."""
    note = store.cursor.note()
    oldest = note.synced.segment if note else 0
    sync_before(store, newest.number, oldest)
    store.disk.datasync(newest.fd)


def sync_before(store: Store, number: int, oldest: int) -> None:
    """Puts the segments from `oldest` up to before `number` on the medium, and all names (I6)."""
    for each in range(oldest, number):
        with suppress(FileNotFoundError, StorageCorrupt):
            segment = store.open_segment(each)
            store.disk.datasync(segment.fd)
    store.disk.sync_directory(store.path)
    store.cursor.words[H_SYNCED] = number


# -- the head -----------------------------------------------------------------------------------


def mend_head(store: Store) -> None:
    """Takes back what a writer left half-written (I4). The caller holds the head lock."""
    cursor = store.cursor
    head = cursor.head()
    segment: Segment | None = None
    if head is not None:
        with suppress(FileNotFoundError, StorageCorrupt):
            segment = store.open_segment(head.segment)
    if head is None or segment is None:
        segment, head = scan_head(store)
    if segment.size() > head.offset:
        store.disk.truncate(segment.fd, head.offset)
    if cursor.words[P_SEQ] != head.seq:
        store.disk.datasync(segment.fd)
    cursor.write_head(head, head)


def scan_head(store: Store, *, since: Position | None = None) -> tuple[Segment, Position]:
    """Where the frames really end. Creates a segment where there is none to go on in.

    Args:
        store: the queue.
        since: after a power cut, what was surely on the medium before it. Frames behind the
            first gap after it were never acknowledged as durable, and are cut off, so that a
            prefix is left (I7). None where the machine has not restarted.
    """
    found = numbers(os.listdir(store.path))
    slots = store.cursor.slots()
    low = slots[0].position if slots else Position(0, FRAMES_AT, 1)
    segment: Segment | None = None
    end = low
    for number in [n for n in found if n >= low.segment] if since else found[::-1]:
        try:
            current = store.open_segment(number)
        except StorageCorrupt as error:
            if number == found[-1] and os.path.getsize(error.path) < FRAMES_AT:
                # Its writer died before there was a frame in it (I5).
                store.disk.unlink(error.path)
            else:
                unsynced = since is not None and number > since.segment
                _set_aside_file(store, number, error.reason, report=not unsynced)
            continue
        if since is None:
            end = _end_of(store, current, Position(number, FRAMES_AT, current.first), cut=False)
            segment = current
            break
        if number < since.segment:
            end = Position(number + 1, FRAMES_AT, since.seq)
            segment = current
            continue
        if current.first > max(end.seq, since.seq):
            for later in [n for n in found if n >= number]:
                reason = "it lies behind items that a power cut has lost"
                _set_aside_file(store, later, reason, report=False)
            break
        start = Position(number, FRAMES_AT, current.first)
        if low.segment == number and current.first <= low.seq:
            start = low
        if since.segment == number and start.seq < since.seq and since.offset <= current.size():
            # What lies before it is checked when it is read, like the segments before this one.
            start = since
        end = _end_of(store, current, start, cut=True, since=since)
        segment = current
    if segment is None or end.seq < low.seq:
        return _restart(store, low, found)
    if end.segment != segment.number:
        end = _end_of(store, segment, Position(segment.number, FRAMES_AT, segment.first), cut=False)
    return segment, end


def continues(segment: Segment, head: Position) -> bool:
    """Whether valid frames go on where the head is said to be: then it is an older copy."""
    frame = next(scan(segment.read, head.offset, segment.seed), None)
    return frame is not None and frame.seq >= head.seq


def _end_of(
    store: Store, segment: Segment, start: Position, *, cut: bool, since: Position | None = None
) -> Position:
    """Behind the last valid frame of a segment, looking from `start` on."""
    position = start
    size = segment.size()
    while True:
        for frame in scan(segment.read, position.offset, segment.seed):
            if frame.following <= position.seq:
                break
            if cut:
                mend_marks(store, segment, frame)
            position = Position(segment.number, frame.end, frame.following)
        later = next_valid(segment.read, position.offset, size, segment.seed, position.seq)
        if later is None:
            return position
        unsynced = since is not None and position.seq >= since.seq
        if cut and unsynced and _never_written(segment, position.offset, later.offset):
            store.set_aside(segment, position.offset, size)
            store.disk.truncate(segment.fd, position.offset)
            return position
        position = Position(segment.number, later.offset, later.seq)


def _never_written(segment: Segment, start: int, stop: int) -> bool:
    """Whether a sector is as it was before anything stood behind `start`: zeros from there on."""
    data = segment.read(start, stop - start)
    ends = range(-start % _SECTOR or _SECTOR, len(data) + 1, _SECTOR)
    return any(not any(data[max(0, end - _SECTOR) : end]) for end in ends) or not any(data)


def _restart(store: Store, low: Position, found: list[int]) -> tuple[Segment, Position]:
    """A new segment for a queue that has lost those it had, or never got them to the medium."""
    number = max([low.segment, *found]) + 1
    header = Header(store.queue, number, low.seq, 0)
    segment = store.create_segment(header)
    store.disk.datasync(segment.fd)
    store.disk.sync_directory(store.path)
    return segment, Position(number, FRAMES_AT, low.seq)


def _set_aside_file(store: Store, number: int, reason: str, *, report: bool = True) -> None:
    path = store.segment_path(number)
    if report:
        store.report(path, None, reason)
    store.forget(number)
    bad = path.with_name(path.name + ".bad")
    count = 1
    while bad.exists():
        bad = path.with_name(f"{path.name}.{count}.bad")
        count += 1
    store.disk.rename(path, bad)
    store.cursor.words[H_REPLACED] += 1


# -- the tail -----------------------------------------------------------------------------------


def mend_tail(store: Store) -> None:
    """Puts the tail back to the first item not settled (I13). The caller holds the tail lock.

    Items behind it that are settled carry their mark; those that living consumers have out are
    in claims files. `T_CAREFUL` makes consumers look for both.
    """
    words = store.cursor.words
    slots = store.cursor.slots()
    settled = slots[0] if slots else _oldest(store)
    words[T_SKIP] = settled.marked
    words[T_CAREFUL] = words[P_SEQ]
    words[T_REWOUND] += 1
    store.cursor.write_tail(settled.position, settled)


def _oldest(store: Store) -> Settled:
    """Both slots are lost: what the newest segment noted, else the start of the oldest one."""
    found = numbers(os.listdir(store.path))
    store.report(store.path / "cursor", 512, "both slots are damaged; settled items may come again")
    notes = [store.cursor.note()]
    for number in found[::-1]:
        with suppress(StorageCorrupt, FileNotFoundError):
            notes.append(read_note(store.open_segment(number)))
            break
    known = [note.settled for note in notes if note is not None and note.settled.generation]
    settled = max(known, key=lambda settled: settled.generation, default=None)
    for number in found:
        with suppress(StorageCorrupt, FileNotFoundError):
            first = store.open_segment(number).first
            if settled is None or settled.seq < first:
                settled = Settled(number, FRAMES_AT, first, 0, 1)
            break
    settled = settled or Settled(0, FRAMES_AT, 1, 0, 1)
    settled = settled._replace(generation=settled.generation + 1)
    store.cursor.write_slot(settled)
    return settled


# -- opening ------------------------------------------------------------------------------------


def rebuild(store: Store) -> None:
    """Makes the words anew. The caller holds both locks (I13).

    Needed in the first open after a boot, and where the words are damaged.
    """
    cursor = store.cursor
    note, boot = cursor.note(), store.disk.boot_id()
    slots, said = cursor.slots(), cursor.head()
    settled = slots[0] if slots else _oldest(store)
    newest = _newest_note(store)
    if newest is not None and (note is None or newest.head.seq > note.head.seq):
        note = newest
    restarted = not (boot and note is not None and note.boot == boot)
    if newest is not None and newest.settled.generation > settled.generation:
        # After a power cut, the one may have reached the medium without the other.
        if not restarted:
            store.report(
                store.path / "cursor", 512, "it is an older copy; the newest segment knows more"
            )
        settled = newest.settled
        cursor.write_slot(settled)
    since = note.synced if restarted and note is not None else None
    segment, head = scan_head(store, since=since)
    bound = (note.synced if restarted else note.head) if note is not None else head
    if not restarted and said is not None:
        bound = max(bound, said, key=lambda at: at.seq)
    if segment.size() > head.offset:
        store.disk.truncate(segment.fd, head.offset)
    if head.seq < bound.seq:
        lost = bound.seq - head.seq
        store.report(segment.path, head.offset, f"{lost} items that were here are gone")
        void = encode_void(HEADER_BYTES, head.seq, lost, segment.seed)
        store.disk.write_all(segment.fd, void, head.offset)
        head = Position(head.segment, head.offset + HEADER_BYTES, bound.seq)
    if head.seq == settled.seq and head != settled.position:
        # Nothing is left to be settled, and the place where that was may have been lost.
        settled = Settled(*head, 0, settled.generation + 1)
        cursor.write_slot(settled)
    if restarted:
        # Nobody who had something out is alive, and the lists of it were never synced.
        store.reset_claims()
    sync_all(store, segment)
    cursor.write_head(head, head)
    # Whoever looks at the tail next finds it torn and mends it: that takes the claims too.
    cursor.tear_tail()
    write_note(store, segment, head, synced=head)
    cursor.write_boot(boot)


def _newest_note(store: Store) -> Note | None:
    for number in numbers(os.listdir(store.path))[::-1]:
        with suppress(StorageCorrupt, FileNotFoundError):
            return read_note(store.open_segment(number))
    return None


# -- finding the way past damage ------------------------------------------------------------------


def find(store: Store, position: Position, head: Published) -> tuple[Segment, Frame]:
    """The first valid frame from `position` on, whose item was published.

    Damage before it is copied to a `.bad` file and overwritten by a VOID frame that counts the
    items lost (I14). The caller holds the tail lock.

    Raises:
        StorageError: the damage could not be set aside.
    """
    while True:
        try:
            segment = store.segment(position.segment)
        except (FileNotFoundError, StorageCorrupt) as error:
            following = _following(store, position.segment, head)
            if following is not None and following.first == position.seq:
                # It was settled and dropped; the position is where it ended.
                position = Position(following.number, FRAMES_AT, position.seq)
            else:
                _replace_segment(store, position, error, head)
            continue
        for frame in scan(segment.read, position.offset, segment.seed):
            if frame.seq > position.seq:
                break
            if position.seq < frame.following:
                return segment, frame
        if segment.number < store.cursor.words[H_SEGMENT]:
            following = _following(store, segment.number, head)
            if following is not None and following.first <= position.seq:
                position = Position(following.number, FRAMES_AT, position.seq)
                continue
        _replace_bytes(store, segment, position, head)


def lies_at(store: Store, position: Position) -> bool:
    """Whether a valid frame with the item `position.seq` is where it says, or at the next start."""
    with suppress(FileNotFoundError, StorageCorrupt):
        segment = store.segment(position.segment)
        for frame in scan(segment.read, position.offset, segment.seed):
            return frame.seq <= position.seq < frame.following
    with suppress(FileNotFoundError, StorageCorrupt):
        return store.segment(position.segment + 1).first == position.seq
    return False


def mend_marks(store: Store, segment: Segment, frame: Frame) -> None:
    """Writes states anew that are none, torn or flipped, as they are understood."""
    for item in frame.items(frame.seq):
        if segment.read(item.mark, 4) not in (LIVE, DONE, MANY, VOID):
            store.disk.write_all(segment.fd, item.state, item.mark)


def _following(store: Store, number: int, head: Published) -> Header | None:
    """The header of the next segment; ones that cannot be read are set aside."""
    with suppress(StorageCorrupt, FileNotFoundError):
        return store.segment(number + 1).header
    for later in numbers(os.listdir(store.path)):
        if later > number:
            try:
                return store.segment(later).header
            except StorageCorrupt as error:
                with head.alone():
                    # Unless it was only being made.
                    with suppress(StorageCorrupt, FileNotFoundError):
                        return store.segment(later).header
                    _set_aside_file(store, later, error.reason)
    return None


def _replace_segment(store: Store, position: Position, error: Exception, head: Published) -> None:
    """Puts a segment that holds only a VOID frame in the place of one that is lost."""
    number, first = position.segment, position.seq
    reason = error.reason if isinstance(error, StorageCorrupt) else "the segment is gone"
    with head.alone():
        if isinstance(error, StorageCorrupt):
            _set_aside_file(store, number, reason)
        else:
            store.report(store.segment_path(number), None, reason)
            store.cursor.words[H_REPLACED] += 1
    end = head.published()
    following = _following(store, number, head) if number < end.segment else None
    header = Header(store.queue, number, first, 0)
    segment = store.create_segment(header)
    if following is None:
        head.replace_end(segment, FRAMES_AT, first)
        return
    lost = following.first - first
    store.disk.write_all(
        segment.fd, encode_void(HEADER_BYTES, first, lost, segment.seed), FRAMES_AT
    )
    store.disk.datasync(segment.fd)
    store.disk.sync_directory(store.path)


def _replace_bytes(store: Store, segment: Segment, position: Position, head: Published) -> None:
    """Puts a VOID frame in the place of damaged ones."""
    end = head.published()
    last = segment.number >= end.segment
    stop = end.offset if last else segment.size()
    start = position.offset
    found = next_valid(segment.read, start, stop, segment.seed, position.seq)
    following = None if last else _following(store, segment.number, head)
    if found is not None:
        length, behind = found.offset - start, found.seq
    elif following is not None:
        length, behind = HEADER_BYTES, following.first
    else:
        length, behind = max(HEADER_BYTES, end.offset - start), end.seq
    lost = behind - position.seq
    store.report(segment.path, start, f"{lost} items are damaged")
    store.set_aside(segment, start, found.offset if found is not None else segment.size())
    if found is None and last and (end.segment != segment.number or end.offset < start + length):
        head.replace_end(segment, start, position.seq)
        return
    void = encode_void(length, position.seq, lost, segment.seed)
    store.disk.write_all(segment.fd, void, start)
    if found is None and not last:
        store.disk.truncate(segment.fd, start + length)
    store.disk.datasync(segment.fd)
