"""The head: where items are appended, and made durable together.

What a call may rely on, and what is written when, is numbered in DESIGN.md (I3 to I8).
"""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final
from zlib import crc32

from pq_core.errors import StorageError
from pq_core.log import recovery
from pq_core.log.cursor import (
    CHECK,
    EPOCH,
    H_ALLOCATED,
    H_GENERATION,
    H_REPLACED,
    H_SEGMENT,
    H_SEQ,
    H_SYNCED,
    HEAD_AT,
    HEAD_WORDS,
    P_OFFSET,
    P_SEGMENT,
    P_SEQ,
    T_RETURNED,
    T_SEQ,
    T_SKIP,
    Position,
)
from pq_core.log.frame import (
    BODY,
    HEAD,
    HEADER_BYTES,
    LIVE,
    PAYLOAD_LIMIT,
    encode_each,
    encode_many,
    encode_void,
)
from pq_core.log.group import GroupSync
from pq_core.log.segment import FRAMES_AT, Header
from pq_core.log.sharing import CLOSED, Turn
from pq_core.log.store import Segment, Store, failure

__all__ = ["SEGMENT_BYTES", "Head"]

HEAD_SPAN: Final = slice(HEAD_AT, HEAD_AT + HEAD_WORDS.size)
# Bound once: looking them up costs append() 0.2 of its 3 µs.
_now, pack_body, pack_head, pack_words = time.time_ns, BODY.pack, HEAD.pack, HEAD_WORDS.pack

#: A segment that has reached this many bytes is followed by a new one.
SEGMENT_BYTES: Final = 8 << 20
#: With `full`, the file is filled with zeros this many bytes ahead, at first and at most. An
#: fdatasync of bytes that change no size needs no journal commit: 90 instead of 147 µs (ext4).
_AHEAD: Final = (1 << 16, 1 << 20)


class Head:
    """Appends frames for all threads of this process, and takes turns with other processes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._words = store.cursor.words
        self._buffer = store.cursor.buffer
        self._disk = store.disk
        self._pwrite = store.disk.pwrite
        self._turn: Turn = store.head_turn
        # Protects the fields below among threads, as the head lock protects the words among
        # processes. Taken before the head lock, after the tail's mutex and lock.
        self._mutex = threading.Lock()
        # What the words said when this process last wrote or read them.
        self._generation = -1
        self._segment: Segment | None = None
        self._number = self._offset = self._seq = self._first = self._seed = self._fd = 0
        self._latch = store.latch
        self._replaced = 0
        self._epoch = 0
        self._wanted = 0  # before this seq, frames have to be synced for callers with `full`
        self.syncing = GroupSync(store.latch, self._sync_written, self._sync_failed)

    def shut(self) -> None:
        """Refuses everything from now on."""
        with self._mutex:
            self._turn = CLOSED
            self._segment = None

    def is_free(self) -> bool:
        """Whether no thread of this process is in the middle of a call."""
        return not self._mutex.locked()

    def append(self, payload: bytes, chunk: int, maxsize: int, *, full: bool = False) -> int | None:
        """Appends one item.

        Args:
            payload: the serialized item.
            chunk: a segment with this many items is followed by a new one.
            maxsize: return None while this many items are ready; 0 for no limit.
            full: return only when the item is on the medium.

        Returns:
            The item's seq, or None where the queue is full.

        Raises:
            StorageError: the item is not in the queue; the cause is the OSError.
        """
        length = len(payload)
        words = self._words
        # The frame is encoded in line, and the words are packed in one go: as calls of
        # frame.encode and CursorFile.write_head they cost 0.9 of 2.6 µs a put.
        is_mine = False
        with self._mutex:
            try:
                self._turn.enter()
                is_mine = True
                generation = words[H_GENERATION]
                if generation != self._generation:
                    self._refresh()
                    generation = self._generation
                seq = self._seq
                if maxsize and self._ready() >= maxsize:
                    return None
                offset = self._offset
                end = offset + HEADER_BYTES + length
                if seq - self._first >= chunk or end > SEGMENT_BYTES or full or self._latch.error:
                    self._prepare(end - offset, chunk, full)
                    generation = self._generation
                    offset = self._offset
                    end = offset + HEADER_BYTES + length
                body = pack_body(length, seq, _now()) + payload
                frame = pack_head(LIVE, crc32(body, self._seed)) + body
                words[H_GENERATION] = generation + 1
                if self._pwrite(self._fd, frame, offset) != end - offset:
                    self._disk.write_all(self._fd, frame, offset)
                number = self._number
                self._seq = after = seq + 1
                self._offset = end
                self._generation = generation = generation + 2
                visible = after
                if full:
                    self._wanted = after
                    visible = words[P_SEQ]
                    if visible == seq:
                        words[P_SEGMENT], words[P_OFFSET] = number, offset
                check = number ^ end ^ after ^ CHECK
                self._buffer[HEAD_SPAN] = pack_words(number, end, after, check, visible, generation)
            except BaseException as error:
                if is_mine:
                    self._undo()
                if isinstance(error, OSError):
                    raise failure(error, self._store.segment_path(self._number)) from error
                raise
            finally:
                self._turn.leave()
        if full:
            self.syncing.reach(after)
        return seq

    def append_many(
        self,
        payloads: Sequence[bytes],
        chunk: int,
        maxsize: int,
        *,
        full: bool,
        apart: bool = False,
    ) -> int | None:
        """Appends all items with one write, or none of them. See `append`.

        Args:
            payloads: the serialized items.
            chunk: as in `append`.
            maxsize: as in `append`.
            full: as in `append`.
            apart: each has a frame of its own, as if it had been appended alone: for items that
                are settled one by one, out of order.

        Returns:
            The first item's seq, or None where there is no room for all.
        """
        is_mine = False
        with self._mutex:
            try:
                self._turn.enter()
                is_mine = True
                if self._words[H_GENERATION] != self._generation:
                    self._refresh()
                seq, count = self._seq, len(payloads)
                if maxsize and self._ready() + count > maxsize:
                    return None
                # The bytes depend on the segment: an estimate decides whether to begin a new one.
                lengths = list(map(len, payloads))
                size = sum(lengths) + 2 * HEADER_BYTES * count
                self._prepare(size, chunk, full)
                data = (
                    encode_each(payloads, seq, _now(), self._seed)
                    if apart
                    else encode_many(payloads, lengths, seq, _now(), self._seed)
                )
                offset = self._offset
                self._words[H_GENERATION] = self._generation + 1
                if self._pwrite(self._fd, data, offset) != len(data):
                    self._disk.write_all(self._fd, data, offset)
                after = seq + count
                self._advance(offset + len(data), after, full)
            except BaseException as error:
                if is_mine:
                    self._undo()
                if isinstance(error, OSError):
                    raise failure(error, self._store.segment_path(self._number)) from error
                raise
            finally:
                self._turn.leave()
        if full:
            self.syncing.reach(after)
        return seq

    def roll_drained(self, position: Position, least: int) -> Position | None:
        """Begins a new segment if the head is still at `position` and has `least` bytes.

        Returns:
            The new head, or None where nothing was done. The caller holds the tail lock.
        """
        with self._mutex:
            try:
                self._turn.enter()
                self._refresh()
                here = Position(self._number, self._offset, self._seq)
                if here != position or self._offset < least or self._words[P_SEQ] != self._seq:
                    return None
                self._roll(full=False)
                return Position(self._number, self._offset, self._seq)
            finally:
                self._turn.leave()

    def published(self) -> Position:
        """Up to where consumers may read."""
        with self._mutex:
            try:
                self._turn.enter()
                self._refresh()
                return self._store.cursor.published()
            finally:
                self._turn.leave()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Holds the head lock; afterwards every process opens its segments anew."""
        with self._mutex:
            try:
                self._turn.enter()
                self._refresh()
                yield
                self._words[H_GENERATION] += 2
            finally:
                self._turn.leave()

    def replace_end(self, segment: Segment, offset: int, seq: int) -> None:
        """Puts a VOID frame for everything from `seq` on at `offset`, and goes on behind it.

        For a newest segment whose end is lost. The caller holds the tail lock.
        """
        with self._mutex:
            try:
                self._turn.enter()
                self._refresh()
                after = self._seq
                void = encode_void(HEADER_BYTES, seq, after - seq, segment.seed)
                self._store.cursor.begin()
                self._disk.truncate(segment.fd, offset)
                self._disk.write_all(segment.fd, void, offset)
                self._disk.datasync(segment.fd)
                self._disk.sync_directory(self._store.path)
                head = Position(segment.number, offset + HEADER_BYTES, after)
                self._store.cursor.write_head(head, head)
                self._segment, self._generation = None, -1
            finally:
                self._turn.leave()

    def close(self, *, sync: bool) -> None:
        """Cuts the zeros off behind the last item and, with `sync`, syncs what is not yet.

        Raises:
            StorageError: a sync failed; what `full` acknowledged is safe all the same.
        """
        with self._mutex:
            try:
                self._turn.enter()
                self._refresh()
                assert self._segment is not None
                if self._words[H_ALLOCATED] > self._offset:
                    self._disk.truncate(self._fd, self._offset)
                    self._words[H_ALLOCATED] = 0
                head = Position(self._number, self._offset, self._seq)
                if sync:
                    recovery.sync_all(self._store, self._segment)
                recovery.write_note(self._store, self._segment, head, synced=head if sync else None)
                if sync:
                    self._latch.guard(self._disk.datasync, self._fd)
                    self._disk.datasync(self._store.cursor_fd)
            except OSError as error:
                raise failure(error, self._store.segment_path(self._number)) from error
            finally:
                self._turn.leave()

    # -- under the mutex and the head lock --------------------------------------------------

    def _refresh(self) -> None:
        """Takes over what another process has written, or mends what it left half-written."""
        words = self._words
        if words[H_GENERATION] & 1 or self._store.cursor.head() is None:
            recovery.mend_head(self._store)
            self._segment = None
        elif words[H_GENERATION] == self._generation:
            return
        if self._replaced != words[H_REPLACED]:
            self._segment, self._replaced = None, words[H_REPLACED]
        head = self._store.cursor.head()
        assert head is not None
        if self._segment is None or self._segment.number != head.segment:
            self._take(self._store.open_segment(head.segment))
        self._number, self._offset, self._seq = head
        self._generation = words[H_GENERATION]
        if self._epoch != words[EPOCH] and self._wanted > self.syncing.synced:
            # Frames of ours that wait for their sync were taken back with another process's.
            self._latch.error = OSError(errno.EIO, "the sync of another process failed")
        self._epoch = words[EPOCH]

    def _ready(self) -> int:
        """How many items are ready, those not yet visible included."""
        words = self._words
        return int(self._seq + words[T_RETURNED] - words[T_SEQ] - words[T_SKIP])

    def _take(self, segment: Segment) -> None:
        self._segment = segment
        self._fd = segment.fd
        self._first = segment.first
        self._seed = segment.seed

    def _prepare(self, size: int, chunk: int, full: bool) -> None:
        """Makes the current segment ready for `size` more bytes, or begins a new one."""
        self._latch.check()
        if size > PAYLOAD_LIMIT:
            raise StorageError(
                f"{self._store.path}: {size} bytes in one write are more than the "
                f"{PAYLOAD_LIMIT} a segment can take; put them in smaller parts"
            )
        if full and self._words[H_SYNCED] < self._number:
            # Somebody has rolled without syncing: what lies before this item goes first (I6).
            self._latch.guard(
                recovery.sync_before, self._store, self._number, self._words[H_SYNCED]
            )
        end = self._offset + size
        if self._seq > self._first and (self._seq - self._first >= chunk or end > SEGMENT_BYTES):
            self._roll(full=full)
            end = self._offset + size
        if full and end > self._words[H_ALLOCATED] and size < _AHEAD[1]:
            self._fill(end)

    def _fill(self, end: int) -> None:
        """Writes zeros ahead of the frames, durably. A full disk makes it do without."""
        start = max(self._offset, self._words[H_ALLOCATED])
        stop = end + min(_AHEAD[1], max(_AHEAD[0], self._offset))
        self._store.cursor.begin()
        try:
            self._disk.write_all(self._fd, bytes(stop - start), start)
        except OSError:
            self._disk.truncate(self._fd, self._offset)
            self._words[H_ALLOCATED] = 0
        else:
            self._latch.guard(self._disk.datasync, self._fd)
            self._words[H_ALLOCATED] = stop
        self._words[H_GENERATION] += 1
        self._generation = self._words[H_GENERATION]

    def _roll(self, *, full: bool) -> None:
        """Begins the next segment (I5)."""
        store, disk, words = self._store, self._disk, self._words
        assert self._segment is not None
        store.cursor.begin()
        if words[H_ALLOCATED] > self._offset:
            disk.truncate(self._fd, self._offset)
        if full or words[P_SEQ] != self._seq:
            self._latch.guard(self._disk.datasync, self._fd)
        header = Header(store.queue, self._number + 1, self._seq, time.time_ns())
        segment = store.create_segment(header)
        head = Position(header.number, FRAMES_AT, self._seq)
        if full:
            self._latch.guard(self._disk.datasync, segment.fd)
            self._latch.guard(disk.sync_directory, store.path)
            words[H_SYNCED] = header.number
        # I8: noted as synced once it is.
        recovery.write_note(store, segment, head, synced=head if full else None)
        if full:
            self.syncing.synced = max(self.syncing.synced, self._seq)
        self._take(segment)
        store.cursor.write_head(head, head)
        self._number, self._offset, self._seq = head
        self._generation = words[H_GENERATION]

    def _advance(self, end: int, after: int, full: bool) -> None:
        """Moves the head past what was written; with `full`, nobody may read that yet (I6)."""
        words, number, visible = self._words, self._number, after
        if full:
            self._wanted = after
            visible = words[P_SEQ]
            if visible == self._seq:
                words[P_SEGMENT], words[P_OFFSET] = number, self._offset
        self._offset, self._seq = end, after
        self._generation = generation = self._generation + 2
        check = number ^ end ^ after ^ CHECK
        self._buffer[HEAD_SPAN] = pack_words(number, end, after, check, visible, generation)

    def _undo(self) -> None:
        """After a failed write: takes back what may have reached the file."""
        self._generation = -1
        if not self._store.cursor.is_busy():
            return
        # Where this fails too, the generation stays odd and whoever comes next does it (I4).
        with suppress(OSError, StorageError):
            if self._latch.error is None:
                recovery.mend_head(self._store)
            else:
                self._drop_unpublished()
        self._segment = None

    def _drop_unpublished(self) -> None:
        """Takes back the frames that nobody has seen yet, because they may not be durable."""
        store, words = self._store, self._words
        published = store.cursor.published()
        store.cursor.begin()
        if words[H_SEGMENT] == published.segment:
            self._disk.truncate(self._fd, published.offset)
        words[EPOCH] += 1
        store.cursor.write_head(published, published)

    # -- syncing ------------------------------------------------------------------------------

    def _sync_written(self) -> int:
        """Syncs what was written so far, and lets consumers have it (I6); the seq behind it."""
        with self._mutex:
            try:
                self._turn.enter()
                self._refresh()
                segment, epoch = self._segment, self._epoch
                target = Position(self._number, self._offset, self._seq)
            finally:
                self._turn.leave()
        if self._latch.error is not None:
            raise self._latch.error
        assert segment is not None
        self._disk.datasync(segment.fd)
        words = self._words
        with self._mutex:
            try:
                self._turn.enter()
                if words[EPOCH] != epoch:
                    raise OSError(errno.EIO, "the sync of another process failed")
                if words[P_SEQ] < target.seq:
                    words[P_SEGMENT], words[P_OFFSET], words[P_SEQ] = target
            finally:
                self._turn.leave()
        return target.seq

    def _sync_failed(self, error: OSError, seq: int) -> StorageError:
        fate = (
            "is in the queue, but may not survive a power cut"
            if self._take_back(seq)
            else "is not in the queue"
        )
        return StorageError(
            f"{self._store.segment_path(self._number)}: the sync failed ({error.strerror}), and "
            f"the item {fate}; close the queue and open it again"
        )

    def _take_back(self, seq: int) -> bool:
        """After a failed sync: drops the frames nobody has seen yet.

        Returns:
            Whether the frame before `seq` had been seen already and is kept.
        """
        words = self._words
        with self._mutex:
            try:
                self._turn.enter()
                self._generation = -1
                if words[P_SEQ] >= seq:
                    return True
                if words[H_SEQ] > words[P_SEQ]:
                    with suppress(OSError):
                        self._drop_unpublished()
                return False
            finally:
                self._turn.leave()
