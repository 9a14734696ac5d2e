"""Programs that work on a queue until they are killed or done; the test of crashes starts them.

    python -m tests.postgres.workers produce CONNINFO NAME FILE WHO COUNT
    python -m tests.postgres.workers consume CONNINFO NAME FILE STOP

A producer notes in FILE what put has returned for; one that is started again goes on behind it. A
consumer notes what it was given before it acks.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TextIO

from pq_core.errors import Empty, LeaseLost, StorageError
from pq_postgres import PostgresAckQueue

__all__ = ["OPTIONS"]

#: So that a dead consumer is noticed within two seconds, and a server may be away for long. What a
#: consumer has taken without being told (OutcomeUnknown) comes back when its lease ends.
OPTIONS: dict[str, Any] = {"heartbeat": 0.5, "lease": 5.0, "timeout": 30.0, "serializer": "json"}


def _opened(conninfo: str, name: str) -> PostgresAckQueue[Any]:
    while True:
        try:
            return PostgresAckQueue(conninfo, name, **OPTIONS)
        except StorageError:
            continue  # the server is away


def _produce(conninfo: str, name: str, file: str, who: str, count: str) -> None:
    with Path(file).open("a+") as notes, _opened(conninfo, name) as queue:
        notes.seek(0)
        done = sum(1 for line in notes if line.endswith("\n"))
        for number in range(done, int(count)):
            while True:
                try:
                    queue.put([who, number])
                    break
                except StorageError:
                    continue  # it may be there: then it is there twice
            _note(notes, str(number))


def _consume(conninfo: str, name: str, file: str, stop: str) -> None:
    with Path(file).open("a") as notes, _opened(conninfo, name) as queue:
        while True:
            try:
                message = queue.receive(timeout=0.5)
                _note(notes, f"{message.id} {message.item[0]} {message.item[1]}")
                message.ack()
            except Empty:
                if Path(stop).exists() and queue.active_size() == 0:
                    return
            except (StorageError, LeaseLost) as error:
                _note(notes, f"error {type(error).__name__}")


def _note(notes: TextIO, line: str) -> None:
    notes.write(f"{line}\n")
    notes.flush()


if __name__ == "__main__":
    work: Any = {"produce": _produce, "consume": _consume}[sys.argv[1]]
    work(*sys.argv[2:])
