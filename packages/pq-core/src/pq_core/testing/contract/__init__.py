"""The promises of the library as tests: one suite, and a short subclass for each backend.

::

    from pq_core.testing.contract import QueueContract

    class TestMyQueue(QueueContract):
        def open(self, where, **options):
            return MyQueue(where, **options)

    class TestMyQueueThatSettlesOnGet(TestMyQueue):
        at_least_once = False
        options = {"autosave": True}

`open` opens the queue at `where`, a path in a fresh directory; a backend that is no file
overrides the fixture `where`. The options are the library's: `maxsize`, `serializer`,
`durability`, and for ack queues `lease`, `max_attempts` and `clock`. What the backend cannot do
is told by the class attributes of `Contract`; the tests of it are not there then, rather than
skipped.

The docstring of each test is the promise it holds the backend to.
"""

from pq_core.testing.contract import _rewrite as _rewrite
from pq_core.testing.contract._ack import AckQueueContract
from pq_core.testing.contract._base import Contract, needs
from pq_core.testing.contract._queue import QueueContract

__all__ = ["AckQueueContract", "Contract", "QueueContract", "needs"]
