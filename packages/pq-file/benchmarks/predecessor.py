"""The same workloads on persist-queue, in an interpreter that has that installed.

Its import name is ours, so it is never imported beside us: `speed.py` starts this file with
`--predecessor PYTHON` and talks to it line by line. A line is ``WORKLOAD COUNT DIRECTORY``, the
answer is the number of seconds.
"""

import sys
from pathlib import Path
from threading import Thread
from time import perf_counter

ITEM = {
    "id": 123_456,
    "kind": "order.paid",
    "customer": "c-0000042",
    "amount": 19.99,
    "express": True,
}


def put(directory, count, threads=1):
    """Seconds for `count` puts. The predecessor has one durability: none is synced."""
    from persistqueue import Queue

    queue = Queue(directory)

    def some():
        for _ in range(count // threads):
            queue.put(ITEM)

    workers = [Thread(target=some) for _ in range(threads)]
    start = perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return perf_counter() - start


def get(directory, count):
    """Seconds for `count` times get and task_done."""
    from persistqueue import Queue

    queue = Queue(directory)
    for _ in range(count):
        queue.put(ITEM)
    start = perf_counter()
    for _ in range(count):
        queue.get()
        queue.task_done()
    return perf_counter() - start


WORKLOADS = {
    "put": put,
    "put8": lambda directory, count: put(directory, count, 8),
    "get": get,
}


def main():
    """Answers requests until there are no more."""
    if len(sys.argv) > 1:
        name, count, directory = sys.argv[1:]
        WORKLOADS[name](directory, int(count))
        return
    for line in sys.stdin:
        name, count, directory = line.rstrip("\n").split(" ", 2)
        Path(directory).mkdir(exist_ok=True)
        print(WORKLOADS[name](directory, int(count)), flush=True)


if __name__ == "__main__":
    main()
