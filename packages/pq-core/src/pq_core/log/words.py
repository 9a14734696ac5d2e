"""The tail's part of the shared words, as one process last saw it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pq_core.log import recovery
from pq_core.log.cursor import (
    CHECK,
    P_SEQ,
    T_GENERATION,
    T_RETURNED,
    T_REWOUND,
    TAIL_AT,
    TAIL_WORDS,
    Position,
)
from pq_core.log.owners import Owners
from pq_core.log.sharing import CLOSED, Turn
from pq_core.log.store import Gone, Store, failure

__all__ = ["TAIL_SPAN", "TailWords", "pack_words"]


TAIL_SPAN: Final = slice(TAIL_AT, TAIL_AT + TAIL_WORDS.size)
pack_words, read_words = TAIL_WORDS.pack, TAIL_WORDS.unpack_from


class TailWords:
    """Where the tail is and what is settled: read anew when another process has moved it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._words: Any = store.cursor.words
        self._buffer = store.cursor.buffer
        self._disk = store.disk
        self._turn: Turn = store.tail_turn
        # Protects the fields below among threads, as the tail lock protects the words and the
        # claims among processes. Taken before the tail lock.
        self._mutex = threading.Lock()
        self._owners = Owners(store)
        # What the words said when this process last wrote or read them.
        self._generation = self._rewound = -1
        self._segment = self._offset = self._seq = 0
        self._settled: tuple[int, int, int, int, int] = (0, 0, 0, 0, 0)

    def close(self) -> None:
        """Drops this process's sign of life; what it has out may be handed out again."""
        with self._mutex:
            self._turn = CLOSED
            self._words = Gone()
            self._owners.close()

    def abandon(self) -> None:
        """In a forked child: closes what is the parent's, without a word to anybody."""
        self._owners.close()

    def is_free(self) -> bool:
        """Whether no thread of this process is in the middle of a call."""
        return not self._mutex.locked()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the tail lock, with everything read anew that another process has changed."""
        with self._mutex:
            try:
                self._turn.enter()
                if self._words[T_GENERATION] != self._generation:
                    self._refresh()
                yield
            except BaseException as error:
                self._generation = -1
                if isinstance(error, OSError):
                    raise failure(error, self._store.path) from error
                raise
            finally:
                self._turn.leave()

    def _position(self) -> Position:
        return Position(self._segment, self._offset, self._seq)

    def _refresh(self) -> None:
        """Takes over what another process has written. Refuses to after a failed sync."""
        self._store.latch.check()
        # CursorFile.tail in line: as a call it costs 2 us, and two consumers refresh at every other call.
        while True:
            segment, offset, seq, a, b, c, d, e, check, generation = read_words(
                self._buffer, TAIL_AT
            )
            if check == segment ^ offset ^ seq ^ a ^ b ^ c ^ d ^ e ^ CHECK:
                break
            recovery.mend_tail(self._store)
            # The tail has gone back to before what the dead had.
            self._owners.sweep(0, self._words[P_SEQ])
            self._owners.forget_returned()
            self._words[T_RETURNED] = 0
        self._settled = a, b, c, d, e
        rewound = self._words[T_REWOUND]
        if segment != self._segment or rewound != self._rewound:
            self._moved()
            self._rewound = rewound
        self._segment, self._offset, self._seq = segment, offset, seq
        self._generation = generation

    def _moved(self) -> None:
        """The tail is in another segment than before, or was put back in between."""

    def _write(self, seq: int) -> None:
        """Moves the tail to here. CursorFile.write_tail in line: as a call it costs 0.9 µs."""
        self._seq = seq
        segment, offset = self._segment, self._offset
        a, b, c, d, e = self._settled
        self._generation = generation = self._generation + 1
        check = segment ^ offset ^ seq ^ a ^ b ^ c ^ d ^ e ^ CHECK
        self._buffer[TAIL_SPAN] = pack_words(segment, offset, seq, a, b, c, d, e, check, generation)
