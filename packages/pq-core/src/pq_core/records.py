"""What queues tell about themselves, and what they are told: plain records and words."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

__all__ = ["DURABILITIES", "Damage", "DeadLetter", "Durability", "Stats", "check_durability"]

#: What an acknowledged put survives: power loss, the death of the process, or neither.
Durability: TypeAlias = Literal["full", "normal", "off"]

#: The three durabilities, the safest first.
DURABILITIES: Final[tuple[Durability, ...]] = get_args(Durability)


def check_durability(value: str) -> Durability:
    """`value`, known to be one of the three words.

    Raises:
        ValueError: it is not.
    """
    for word in DURABILITIES:
        if word == value:
            return word
    raise ValueError(f"durability must be 'full', 'normal' or 'off', not {value!r}")


@dataclass(frozen=True, slots=True)
class Stats:
    """What a queue holds, all from one moment.

    Attributes:
        ready: items that the next get may take.
        delayed: items that are not visible yet.
        leased: items handed out and not settled.
        dead: dead letters.
        bytes: what the queue occupies in its storage.
        oldest_age: seconds since the oldest ready item was put; None where none is ready or its
            time of putting is not known.
        reclaimable: bytes that the storage could give back.
    """

    ready: int
    delayed: int
    leased: int
    dead: int
    bytes: int
    oldest_age: float | None
    reclaimable: int = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """One damaged place of a storage.

    Attributes:
        path: the file.
        offset: where the damage starts, in bytes; None where the file is damaged as a whole.
        reason: what is wrong there.
    """

    path: Path
    offset: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An item that was given up, kept until it is put back or removed.

    Attributes:
        id: the id that `put` returned for it.
        reason: why it was given up.
        data: its bytes as they are stored, so also where they cannot be read back. Never shown
            in the repr.
        attempts: how often it was handed out.
        failed_at: when it was given up, in seconds since the epoch; None where not known.
    """

    id: int
    reason: str
    data: bytes = field(repr=False)
    attempts: int = 0
    failed_at: float | None = None
