"""Producers, consumers and the server are killed while they work."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pq_postgres import PostgresAckQueue
from tests.postgres.workers import OPTIONS

#: So many of each.
CREW = 4
#: So many items each producer puts.
COUNT = 250
#: How many of them are killed, at even distances, and the server once in the middle.
KILLS = 8
PATIENCE = 120.0


class Crew:
    """The programs, each started again when it was killed."""

    def __init__(self, conninfo: str, directory: Path) -> None:
        self.directory = directory
        self._conninfo = conninfo
        self._lives: Counter[tuple[str, int]] = Counter()
        self.at_work = {
            (role, who): self._start(role, who)
            for who in range(CREW)
            for role in ("produce", "consume")
        }
        self.killed: Counter[str] = Counter()

    def _start(self, role: str, who: int) -> subprocess.Popen[bytes]:
        self._lives[role, who] += 1
        file = self.directory / f"{role}-{who}-{self._lives[role, who]}"
        more = [str(self.directory / "stop")]
        if role == "produce":
            file, more = self.directory / f"{role}-{who}", [str(who), str(COUNT)]
        command = [sys.executable, "-m", "tests.postgres.workers", role, self._conninfo, "crash"]
        return subprocess.Popen([*command, str(file), *more], cwd=Path(__file__).parents[2])

    def kill(self, role: str, who: int) -> None:
        """Ends one as a crash does, if it has not finished, and starts it again."""
        process = self.at_work[role, who]
        if process.poll() is None:
            process.kill()
            process.wait()
            self.killed[role] += 1
            self.at_work[role, who] = self._start(role, who)

    def noted(self, role: str) -> list[list[str]]:
        """What those of a role have noted, line by line; not what a kill has cut off."""
        files = sorted(self.directory.glob(f"{role}-*"))
        texts = [file.read_text().splitlines(keepends=True) for file in files]
        return [line.split() for text in texts for line in text if line.endswith("\n")]

    def wait(self, role: str) -> None:
        """Waits until all of a role have finished."""
        for (each, _), process in self.at_work.items():
            if each == role:
                assert process.wait(PATIENCE) == 0

    def end(self) -> None:
        """Ends all that is still at work."""
        for process in self.at_work.values():
            process.kill()
            process.wait()


@pytest.mark.slow
def test_nothing_acknowledged_is_lost(postgres_to_kill: Any, tmp_path: Path) -> None:
    """4 + 4 processes killed at random, and the server too: each put that returned is delivered.

    What comes twice was put twice by a producer that had no answer, or handed out twice because
    its consumer had none, or was killed.
    """
    chance = random.Random(7)
    crew = Crew(postgres_to_kill.conninfo, tmp_path)
    try:
        total = CREW * COUNT
        until = time.monotonic() + PATIENCE
        for kill in range(KILLS):
            threshold = total * (kill + 1) / (KILLS + 2)
            while len(crew.noted("produce")) < threshold:
                assert time.monotonic() < until
                time.sleep(0.02)
            crew.kill(chance.choice(("produce", "consume")), chance.randrange(CREW))
            if kill == KILLS // 2:
                postgres_to_kill.kill()
                postgres_to_kill.start()
        crew.wait("produce")
        (tmp_path / "stop").touch()
        crew.wait("consume")
    finally:
        crew.end()
    noted = crew.noted("consume")
    errors = [line for line in noted if line[0] == "error"]
    delivered = [line for line in noted if line[0] != "error"]
    items = Counter((who, int(number)) for _, who, number in delivered)
    assert set(items) == {(str(who), number) for who in range(CREW) for number in range(COUNT)}
    ids = Counter(id for id, _, _ in delivered)
    again = sum(count - 1 for count in ids.values())
    assert again <= crew.killed["consume"] + len(errors)
    # Put twice: by a producer killed between put and note, or without an answer from the server.
    assert len(ids) - total <= crew.killed["produce"] + CREW
    with PostgresAckQueue[Any](postgres_to_kill.conninfo, "crash", **OPTIONS) as queue:
        assert queue.active_size() == 0
        assert queue.dead_letters() == []
