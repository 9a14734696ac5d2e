"""The same workloads on the async queues of persist-queue, in an interpreter that has that.

Its import name is ours, so it is never imported beside us: `speed.py` starts this file with
`--predecessor PYTHON`. The arguments are ``WORKLOAD KIND TASKS COUNT DIRECTORY``; what is printed
is the number of seconds.
"""

import asyncio
import sys
from time import perf_counter

ITEM = {
    "id": 123_456,
    "kind": "order.paid",
    "customer": "c-0000042",
    "amount": 19.99,
    "express": True,
}


async def measured(workload, kind, tasks, count, directory):
    """Seconds for `count` calls by so many tasks."""
    if kind == "file":
        from persistqueue.async_queue import AsyncQueue as Queue

        place = directory
    else:
        from persistqueue.async_sqlqueue import AsyncSQLiteQueue as Queue

        place = directory + "/queue.db"
    async with Queue(place) as queue:

        async def put():
            for _ in range(count // tasks):
                await queue.put(ITEM)

        async def get():
            for _ in range(count // tasks):
                await queue.get()
                if kind == "file":
                    await queue.task_done()

        if workload == "get":
            await asyncio.gather(*(put() for _ in range(tasks)))
        begin = perf_counter()
        work = get if workload == "get" else put
        await asyncio.gather(*(work() for _ in range(tasks)))
        return perf_counter() - begin


if __name__ == "__main__":
    name, kind, tasks, count, directory = sys.argv[1:]
    print(asyncio.run(measured(name, kind, int(tasks), int(count), directory)))
