"""Tests for whoever writes a backend, and the tools that these tests are made of.

`contract` holds the promises of the library as tests, and `plugin` has pytest run them on a queue
that a backend opens::

    pytest_plugins = ["pq_core.testing.plugin"]  # in conftest.py

    @queue_contract(at_least_once=False)
    def my_queue(where, **options):
        return MyQueue(where, **options)

The tools stand alone: `faults.FaultyDisk` makes the k-th call to the file system fail,
`clock.FakeClock` is advanced by hand, `elsewhere` does calls on another thread or in another
process, and `awaited.Awaited` makes an async queue look like a synchronous one.

Only `contract` and `plugin` need pytest.
"""
