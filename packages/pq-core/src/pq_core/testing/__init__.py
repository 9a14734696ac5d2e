"""Tests for whoever writes a backend, and the tools that these tests are made of.

`contract` holds the promises of the library as tests. A backend takes them over by a subclass::

    from pq_core.testing.contract import QueueContract

    class TestMyQueue(QueueContract):
        def open(self, where, **options):
            return MyQueue(where, **options)

The tools stand alone: `faults.FaultyDisk` makes the k-th call to the file system fail,
`clock.FakeClock` is advanced by hand, `elsewhere` does calls on another thread or in another
process, and `awaited.Awaited` makes an async queue look like a synchronous one.

Only `contract` needs pytest.
"""
