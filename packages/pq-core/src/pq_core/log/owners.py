"""Who has what out: this process's claims file, and those of the others, dead or alive."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from pq_core.log.claims import BLOCK, FIRST, RETURNED, SEGMENT, STOP, Claims, Run
from pq_core.log.cursor import Position
from pq_core.log.store import ClaimsFile, Store

__all__ = ["Owners"]


class Owners:
    """The claims files of one queue, as this process sees them. Used under the tail lock only.

    Attributes:
        words: the words of this process's own file, for the hot path that grows a run; empty
            before the first claim.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files: list[tuple[ClaimsFile, Claims]] = []
        self._own: int | None = None
        self._mine: Claims | None = None
        self.words: memoryview | list[int] = []

    def close(self) -> None:
        """Drops the sign of life: what is still claimed may be handed out again."""
        self.words = []
        for file, claims in self._files:
            claims.release()
            file.close()
        self._files.clear()
        self._own = self._mine = None

    def claim(self, segment: int, offset: int, first: int, stop: int) -> int:
        """Writes a run into this process's file, and returns its index.

        Raises:
            OSError: the file has to grow, and cannot.
        """
        claims = self._mine
        if claims is None:
            self._own = self._acquire()
            claims = self._mine = self._files[self._own][1]
            self.words = claims.words
        index = claims.write(segment, offset, first, stop)
        if index is None:
            index = self._grow().write(segment, offset, first, stop)
            assert index is not None
        return index

    def free(self, index: int) -> None:
        """Empties a run of this process."""
        assert self._mine is not None
        self._mine.free(index)

    def give_back(self, index: int) -> None:
        """Declares a run of this process to be nobody's."""
        assert self._mine is not None
        self._mine.give_back(index)

    def mend(self, in_use: set[int]) -> None:
        """Puts right what an interrupt has left; the runs of this process but for these go back."""
        for number, (file, claims) in enumerate(self._files):
            claims.release()  # it may have been let go of, and not made anew
            self._files[number] = file, Claims(file.map)
        if self._own is None:
            return
        self._mine = mine = self._files[self._own][1]
        self.words = mine.words
        for run in list(mine.runs()):
            if run.returned or run.at in in_use:
                continue
            if self.has_back(run.start.seq):
                mine.free(run.at)  # it was just being taken from there
            else:
                mine.give_back(run.at)

    def has_back(self, seq: int) -> bool:
        """Whether this item is nobody's."""
        return any(run.start.seq <= seq < run.stop for _, run in self.returned())

    def sweep(self, first: int, stop: int) -> tuple[int, bool]:
        """Declares what dead consumers had to be nobody's.

        Args:
            first: items before this seq are settled.
            stop: items from this seq on were not handed out yet.

        Returns:
            How many items are nobody's, and whether any item is out.
        """
        self._discover()
        returned, out = 0, False
        for number, (file, claims) in enumerate(self._files):
            dead = number != self._own and self._store.disk.try_lock(file.fd)
            try:
                for run in claims.runs():
                    if not (run.returned or dead):
                        out = True
                    elif run.start.seq >= stop or run.stop <= first:
                        claims.free(run.at)
                    else:
                        # I9: a claim reaches past the tail if its process was killed there.
                        claims.words[run.at + STOP] = min(run.stop, stop)
                        claims.give_back(run.at)
                        returned += min(run.stop, stop) - run.start.seq
            finally:
                if dead:
                    self._store.disk.unlock(file.fd)
        return returned, out

    def returned(self) -> Iterator[tuple[int, Run]]:
        """The runs that are nobody's, with the number of the file each lies in."""
        self._discover()
        for number, (_, claims) in enumerate(self._files):
            for run in claims.runs():
                if run.returned:
                    yield number, run

    def shrink(self, number: int, run: Run, start: Position) -> None:
        """Makes a run that is nobody's begin at `start`.

        A kill half-way leaves a run whose first item is not where it says: whoever takes from it
        looks first.
        """
        claims = self._files[number][1]
        if start.seq >= run.stop:
            claims.free(run.at)
            return
        claims.words[run.at + SEGMENT] = start.segment | RETURNED
        claims.words[run.at + SEGMENT + 1] = start.offset
        claims.words[run.at + FIRST] = start.seq

    def forget_returned(self) -> None:
        """Empties the runs that are nobody's."""
        for number, run in list(self.returned()):
            self._files[number][1].free(run.at)

    def holding(self, seq: int) -> Run | None:
        """The run of a living consumer that has this item out, or None."""
        self._discover()
        for _, claims in self._files:
            for run in claims.runs():
                if not run.returned and run.start.seq <= seq < run.stop:
                    return run
        return None

    def count(self) -> int:
        """How many items are out."""
        self._discover()
        return sum(
            run.stop - run.start.seq
            for _, claims in self._files
            for run in claims.runs()
            if not run.returned
        )

    def _discover(self) -> None:
        """Opens the files that others have made, and maps again those that have grown."""
        for number, (file, claims) in enumerate(self._files):
            if number != self._own and file.has_grown():
                claims.release()
                file.remap()
                self._files[number] = file, Claims(file.map)
        while (new := self._store.open_claims(len(self._files))) is not None:
            self._files.append((new, Claims(new.map)))

    def _acquire(self) -> int:
        """Takes over the first file whose owner is dead, or makes a new one."""
        self._discover()
        for number, (file, claims) in enumerate(self._files):
            if self._store.disk.try_lock(file.fd):
                for run in claims.runs():
                    claims.give_back(run.at)
                return number
        file = self._store.create_claims(len(self._files))
        self._store.disk.lock(file.fd)
        self._files.append((file, Claims(file.map)))
        with suppress(OSError):
            # A spare one for the next consumer, who may come when the disk is full.
            self._store.create_claims(len(self._files)).close()
        return len(self._files) - 1

    def _grow(self) -> Claims:
        """Makes room in this process's file."""
        assert self._own is not None
        file, claims = self._files[self._own]
        # Written before it is mapped: a store into a hole of a mapping kills on a full disk.
        file.grow(max(BLOCK, claims.words.nbytes))
        claims.release()
        file.remap()
        claims = self._mine = Claims(file.map)
        self._files[self._own] = file, claims
        self.words = claims.words
        return claims
