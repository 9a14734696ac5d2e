"""What a worker that calls for others is told of a get, so that it can take it back."""

from __future__ import annotations

from pathlib import Path

import pytest

from pq_file import Queue


@pytest.mark.parametrize("autosave", [False, True], ids=["taken", "settled"])
def test_every_item_of_a_get_many_can_be_given_back(tmp_path: Path, autosave: bool) -> None:
    """The receipt of a get_many makes all of its items ready again, in their order."""
    with Queue[int](tmp_path / "q", autosave=autosave) as queue:
        queue.leaves_receipts = True
        queue.put_many([1, 2, 3])
        assert queue.get_many(3) == [1, 2, 3]
        queue.give_back(queue.callers.receipt)
        assert list(queue.browse()) == [1, 2, 3]
