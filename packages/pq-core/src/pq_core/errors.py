"""Every error a queue raises, on every backend.

::

    QueueError
    ├── Empty            (also queue.Empty)      nothing to get in time
    ├── Full             (also queue.Full)       no room in time
    ├── QueueClosed                              the object was closed
    ├── LeaseLost                                the message is no longer this consumer's
    ├── EncodeError      (also ValueError)       the item cannot be serialized
    ├── DecodeError      (also ValueError)       the stored bytes cannot be read back
    ├── StorageError                             the storage refused or failed
    │   ├── StorageBusy                          somebody else held it for too long
    │   ├── OutcomeUnknown                       the server was lost while it committed
    │   ├── StorageCorrupt                       what is stored is damaged
    │   ├── StorageUnusable                      a sync failed: open the queue anew
    │   └── SchemaMismatch                       written by a version this one does not know
    └── BackendNotInstalled (also ImportError)   the wheel that has it is missing

A message names the object, the fact and the remedy, in this order and in lower case. What it
names is also there as an attribute. No message ever holds an item.
"""

from __future__ import annotations

import queue
from pathlib import Path

__all__ = [
    "BackendNotInstalled",
    "DecodeError",
    "Empty",
    "EncodeError",
    "Full",
    "LeaseLost",
    "OutcomeUnknown",
    "QueueClosed",
    "QueueError",
    "SchemaMismatch",
    "StorageBusy",
    "StorageCorrupt",
    "StorageError",
    "StorageUnusable",
]


class QueueError(Exception):
    """The root of every error that a queue raises on purpose."""


class Empty(QueueError, queue.Empty):
    """No item was ready within the time given."""


class Full(QueueError, queue.Full):
    """The queue held `maxsize` items for the whole time given."""


class QueueClosed(QueueError):
    """The queue object was closed; a new one on the same storage works."""


class LeaseLost(QueueError):
    """The lease of a message ended before it was settled; somebody else may have it now."""


class EncodeError(QueueError, ValueError):
    """The serializer could not turn the item into bytes; the queue is as it was."""


class DecodeError(QueueError, ValueError):
    """The serializer could not read a stored item; it was set aside as a dead letter.

    Attributes:
        id: the id that `put` returned for the item, or None where it is not known.
    """

    def __init__(self, message: str, *, id: int | None = None) -> None:
        super().__init__(message)
        self.id = id


class StorageError(QueueError):
    """The storage refused or failed; what was acknowledged before is untouched."""


class StorageBusy(StorageError):
    """Another process or transaction held the storage for longer than `timeout` seconds."""


class OutcomeUnknown(StorageError):
    """The server was lost while it committed: the call has happened as a whole, or not at all.

    It is never repeated by the queue. A put may have stored its item; a get may have taken one
    (which a queue that settles at get has then lost, and an ack queue delivers again); an ack may
    have settled. Whoever repeats a put has to bear a duplicate, or gives a `dedupe_key`.
    """


class StorageCorrupt(StorageError):
    """What is stored is damaged.

    Attributes:
        path: the damaged file (or table).
        offset: where the damage starts, in bytes, or None where it is the whole.
        reason: what is wrong there.
    """

    def __init__(self, path: str | Path, offset: int | None, reason: str, remedy: str = "") -> None:
        self.path = Path(path)
        self.offset = offset
        self.reason = reason
        self.remedy = remedy or "keep a copy, then call repair()"
        where = f"{path}" if offset is None else f"{path} at byte {offset}"
        super().__init__(f"{where}: {reason}; {self.remedy}")

    def __reduce__(self) -> tuple[type[StorageCorrupt], tuple[Path, int | None, str, str]]:
        return type(self), (self.path, self.offset, self.reason, self.remedy)


class StorageUnusable(StorageError):
    """A sync failed, so what reached the disk is unknown; close the queue and open it again."""


class SchemaMismatch(StorageError):
    """The storage was written by a version that this one does not know."""


class BackendNotInstalled(QueueError, ImportError):
    """The wheel that provides a name or a URL scheme is not installed."""
