"""What the ack queues of persist-queue have beyond the protocol, for those that replace them."""

from __future__ import annotations

import pytest

from pq_core.errors import Empty, LeaseLost
from pq_core.testing.contract._base import Contract, drain, needs
from pq_core.testing.elsewhere import is_waiting

__all__ = ["DropInContract"]

ABC = ("a", "b", "c")


class DropInContract(Contract):
    """Counts, `join`, `auto_resume=` and ``get(id=, next_in_order=)``."""

    @needs(durable=True, gives_back=True, is_drop_in=True)
    def test_what_a_closed_object_had_is_out_until_it_is_resumed(self) -> None:
        """Without auto_resume it is neither handed out nor lost, until somebody asks for it."""
        queue = self.queue()
        queue.put("a")
        queue.get()
        queue.close()
        with self.open(self.place, **self.options, auto_resume=False) as two:
            with pytest.raises(Empty):
                two.get(block=False)
            assert (two.unack_count(), two.ready_count(), two.active_size()) == (1, 0, 1)
            assert two.resume_unack_tasks() == 1
            assert two.get(timeout=self.patience) == "a"

    @needs(is_drop_in=True)
    @pytest.mark.parametrize("way", ["ack", "ack_failed"])
    def test_a_ready_item_is_settled_by_its_id(self, way: str) -> None:
        """Who knows that an item is done need not get it; one that somebody has is left alone."""
        queue = self.queue()
        ids = queue.put_many(ABC)
        assert getattr(queue, way)(id=ids[1]) == ids[1]
        assert getattr(queue, way)(id=ids[1]) is None
        rest = [item for item in self.in_order(ABC) if item != "b"]
        with self.open(self.place, **self.options) as other:
            assert other.get(block=False) == rest[0]
            with pytest.raises(LeaseLost):
                getattr(queue, way)(id=ids[ABC.index(rest[0])])
            other.ack(rest[0])
        assert drain(queue) == rest[1:]

    @needs(is_drop_in=True)
    def test_join_waits_until_all_is_settled(self) -> None:
        """Join returns once nothing is ready, delayed or out; task_done settles nothing here."""
        queue = self.queue()
        queue.join()
        queue.put("now")
        queue.put("later", delay=0.05)
        joining = self.thread().submit(queue.join)
        for _ in range(2):
            assert is_waiting(joining)
            item = queue.get(timeout=self.patience)
            queue.task_done()
            assert is_waiting(joining)
            queue.ack(item)
        joining.result(self.patience)

    @needs(is_drop_in=True)
    def test_the_next_in_order(self) -> None:
        """get(next_in_order=True) goes on behind an id, and behind the last one with the first."""
        queue = self.queue()
        queue.put_many(ABC)
        first, second, last = self.in_order(ABC)
        raw = queue.get(raw=True)
        assert raw["data"] == first
        queue.nack(raw)
        for following in (second, last, first, second):
            raw = queue.get(block=False, id=raw["pqid"], next_in_order=True, raw=True)
            assert raw["data"] == following
            queue.nack(raw)
