"""The ground floor of the queues: what every backend shares.

An application imports `persistqueue`, or the wheel of its backend; this package is for those who
write a backend, or a function that works on every one.
"""

from __future__ import annotations

from pq_core import serializers
from pq_core._version import __version__
from pq_core.errors import (
    BackendNotInstalled,
    DecodeError,
    Empty,
    EncodeError,
    Full,
    LeaseLost,
    OutcomeUnknown,
    QueueClosed,
    QueueError,
    SchemaMismatch,
    StorageBusy,
    StorageCorrupt,
    StorageError,
    StorageUnusable,
)
from pq_core.message import Message, Settler
from pq_core.protocols import (
    DURABILITIES,
    AckQueue,
    AnySerializer,
    AsyncQueue,
    Damage,
    DeadLetter,
    Durability,
    FileSerializer,
    LocalQueue,
    Queue,
    Repairable,
    Serializer,
    SerializerName,
    Stats,
    check_durability,
)
from pq_core.registry import QueueURL, backends, convert_options, open_queue

__all__ = [
    "AckQueue",
    "AnySerializer",
    "AsyncQueue",
    "BackendNotInstalled",
    "DURABILITIES",
    "Damage",
    "DeadLetter",
    "DecodeError",
    "Durability",
    "Empty",
    "EncodeError",
    "FileSerializer",
    "Full",
    "LeaseLost",
    "LocalQueue",
    "Message",
    "OutcomeUnknown",
    "Queue",
    "QueueClosed",
    "QueueError",
    "QueueURL",
    "Repairable",
    "SchemaMismatch",
    "Serializer",
    "SerializerName",
    "Settler",
    "Stats",
    "StorageBusy",
    "StorageCorrupt",
    "StorageError",
    "StorageUnusable",
    "__version__",
    "backends",
    "check_durability",
    "convert_options",
    "open_queue",
    "serializers",
]
