"""What the file queue tells of what went wrong, and does about it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable

from pq_core.log.log import Log
from pq_core.protocols import Damage, DeadLetter

__all__ = ["Repairs"]


class Repairs:
    """A part of `LogQueue`; this one is not used by itself."""

    _full: bool
    _chunk: int

    def dead_letters(self) -> list[DeadLetter]:
        """The items that could not be read back, oldest first, with their bytes."""
        return self._open().dead_letters()

    def redrive(self, ids: Iterable[int] | None = None) -> int:
        """Puts dead letters back as new items, all or those with these ids.

        Returns:
            How many. Each keeps its bytes, and gets a new id.
        """
        log = self._open()
        wanted = None if ids is None else set(ids)
        letters = [letter for letter in log.dead_letters() if wanted is None or letter.id in wanted]
        for letter in letters:
            log.head.append(letter.data, self._chunk, 0, full=self._full)
            log.forget_dead([letter.id])
        self._ring(log)
        return len(letters)

    @property
    def damage(self) -> list[Damage]:
        """What was found damaged and set aside since this process opened the queue."""
        return list(self._open().damage)

    def verify(self) -> list[Damage]:
        """Reads everything and reports what is damaged. Changes nothing."""
        return self._open().verify()

    def repair(self) -> list[Damage]:
        """Sets what is damaged aside in `*.bad` files, and keeps the rest.

        Returns:
            What was damaged. A `verify` afterwards finds nothing.
        """
        return self._open().repair()

    @abstractmethod
    def _open(self) -> Log: ...

    @abstractmethod
    def _ring(self, log: Log) -> None: ...
