"""Updates in queues where each item is once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import pq_sqlite
from pq_core.errors import StorageError

# Items of any type, in one place.
UniqueAckQ: Any = pq_sqlite.UniqueAckQ
UniqueQ: Any = pq_sqlite.UniqueQ


@pytest.mark.parametrize("cls", [UniqueQ, UniqueAckQ])
def test_to_an_equal_item(tmp_path: Path, cls: Any) -> None:
    """An update that would make two items equal is refused, naming both, and changes nothing."""
    with cls(tmp_path) as queue:
        first, second = queue.put_many(["a", "b"])
        with pytest.raises(
            StorageError,
            match=rf"unique_queue_default: item {second} cannot become equal to item {first}",
        ):
            queue.update("a", second)
        assert queue.update("a", first) == first
        assert queue.update("a", 99) is None
    with cls(tmp_path) as queue:
        assert list(queue) == ["a", "b"]


def test_to_an_item_that_was_acked(tmp_path: Path) -> None:
    """An acked item is in nobody's way, as for a put."""
    with UniqueAckQ(tmp_path) as queue:
        queue.put("a")
        queue.ack(queue.get())
        second = queue.put("b")
        assert queue.update("a", second) == second
        assert (list(queue), queue.acked_count()) == (["a"], 0)
