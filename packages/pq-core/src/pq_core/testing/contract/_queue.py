"""The contract of queues that settle by task_done or by the get itself."""

from __future__ import annotations

from pq_core.protocols import LocalQueue, Queue
from pq_core.testing.contract._blocking import BlockingContract
from pq_core.testing.contract._errors import ErrorContract
from pq_core.testing.contract._items import ItemsContract
from pq_core.testing.contract._processes import ProcessContract
from pq_core.testing.contract._settling import SettlingContract
from pq_core.testing.contract._sharing import SharingContract
from pq_core.testing.contract._storage import StorageContract

__all__ = ["QueueContract"]


class QueueContract(
    ItemsContract,
    BlockingContract,
    SettlingContract,
    SharingContract,
    ProcessContract,
    ErrorContract,
    StorageContract,
):
    """What every queue with `task_done` and `join` promises; the tools are in `Contract`."""

    def test_it_is_a_queue(self) -> None:
        """It has every name of the protocol Queue, and of LocalQueue where it can verify."""
        queue = self.queue()
        assert isinstance(queue, Queue)
        assert isinstance(queue, LocalQueue) or not self.has_verify
