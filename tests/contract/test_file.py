"""The contract on the file queue."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest

from pq_core.testing.contract import QueueContract
from pq_file import Queue

from .short import in_parts, in_short

SERIALIZERS = ("pickle", "json", "msgpack", "cbor2")


class TestFileQueue(QueueContract):
    """As it comes: an item that was not settled comes again."""

    serializers = SERIALIZERS

    def open(self, where: Any, **options: Any) -> Queue[Any]:
        return Queue(where, **options)


@in_parts
class TestAutosave(TestFileQueue):
    """The get itself settles."""

    at_least_once = False
    options = MappingProxyType({"autosave": True})


@pytest.mark.slow
class TestFull(TestFileQueue):
    """Synced before every return."""

    options = MappingProxyType({"durability": "full"})


@in_short
class TestAutosaveFull(TestAutosave):
    """Synced before every return, those of get included."""

    options = MappingProxyType({"durability": "full", "autosave": True})


@in_short
class TestOff(TestFileQueue):
    """Never synced."""

    options = MappingProxyType({"durability": "off"})


@pytest.mark.slow
class TestSmallSegments(TestFileQueue):
    """A segment ends behind every third item."""

    options = MappingProxyType({"chunksize": 3})


@pytest.mark.slow
class TestAutosaveSmallSegments(TestAutosave):
    """A segment ends behind every item."""

    options = MappingProxyType({"chunksize": 1, "autosave": True})
