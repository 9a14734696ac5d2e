"""The processes of a run: starting them, ending some by SIGKILL, starting those again."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final, Literal

from persistqueue.demo._workers import ALL_PUT, consume, note_of, output_of, produce

__all__ = ["Crew", "Role"]

Role = Literal["producer", "consumer"]

#: No process of one life knows another's memory, as it would after fork.
_SPAWN: Final = multiprocessing.get_context("spawn")


@dataclass
class Crew:
    """The workers of one run.

    Attributes:
        url: the queue.
        options: for `open_queue`.
        text: the lines.
        directory: where the workers write.
        size: how many producers there are, and how many consumers.
        lives: how many processes each worker has had.
        killed: how many of them a kill has ended, by role.
    """

    url: str
    options: dict[str, Any]
    text: Path
    directory: Path
    size: int
    lives: Counter[tuple[Role, int]] = field(default_factory=Counter)
    killed: Counter[Role] = field(default_factory=Counter)
    _at_work: dict[tuple[Role, int], SpawnProcess] = field(default_factory=dict)

    @contextmanager
    def working(self) -> Iterator[None]:
        """All of them are started on entry, and none is left behind on exit."""
        try:
            for who in range(self.size):
                self._start("consumer", who)
                self._start("producer", who)
            yield
        finally:
            for process in self._at_work.values():
                process.kill()
                process.join()

    def _start(self, role: Role, who: int) -> None:
        life = self.lives[role, who]
        arguments: tuple[Any, ...] = (self.url, self.options)
        work: Callable[..., None]
        if role == "producer":
            work, arguments = produce, (*arguments, self.text, self.directory, self.size, who, life)
        else:
            work, arguments = consume, (*arguments, self.directory, who, life)
        process = _SPAWN.Process(target=work, args=arguments, name=f"{role} {who}")
        process.start()
        self.lives[role, who] += 1
        self._at_work[role, who] = process

    def kill(self, role: Role, who: int) -> bool:
        """Ends a worker by SIGKILL, wherever it is, and starts its next life.

        Returns:
            Whether there was one: it may have finished before.
        """
        process = self._at_work.get((role, who))
        if process is None:
            return False
        process.kill()
        process.join()
        if process.exitcode == 0:
            return False  # it was faster
        self.killed[role] += 1
        self._start(role, who)
        return True

    def look(self, patience: float) -> bool:
        """Takes note of who has finished.

        Args:
            patience: seconds to wait for somebody to.

        Returns:
            Whether anybody is still at work.

        Raises:
            RuntimeError: a worker ended otherwise than by finishing or by `kill`.
        """
        wait([process.sentinel for process in self._at_work.values()], patience)
        for (role, who), process in list(self._at_work.items()):
            if process.exitcode is None:
                continue
            if process.exitcode != 0:
                raise RuntimeError(f"{role} {who} ended with {process.exitcode}")
            del self._at_work[role, who]
        if not any(role == "producer" for role, _ in self._at_work):
            (self.directory / ALL_PUT).touch()
        return bool(self._at_work)

    @property
    def outputs(self) -> list[Path]:
        """The files that the consumers have written, one for each life."""
        paths = (
            output_of(self.directory, who, life)
            for (role, who), lives in self.lives.items()
            if role == "consumer"
            for life in range(lives)
        )
        # Who is killed before its first line has none.
        return [path for path in paths if path.exists()]

    def acknowledged(self) -> int:
        """How many puts the producers have noted so far."""
        notes = (note_of(self.directory, who) for who in range(self.size))
        return sum(int(note.read_bytes() or b"0") for note in notes if note.exists())
