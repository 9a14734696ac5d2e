"""Who else has the queue open: a process that has it for itself takes no file locks.

The two flock calls of a put are a quarter of its time. While no other process has the queue open
there is nobody to keep out, so the *sole* process only says that it is at work, in a word of the
shared page that whoever comes looks at:

S1. Every process that has the queue open holds a shared lock on the file `users`. Whoever opens
    the queue tries for the exclusive one, under the tail and head locks. Who gets it is sole: it
    clears SHARED, and goes on with a shared lock.
S2. The sole process sets its BUSY word before it looks at SHARED, and clears it when it is done.
    Where SHARED is set it clears BUSY at once, and takes the file lock like anybody else.
S3. Who cannot have the exclusive lock sets SHARED to JOINING, gives the processors `BARRIER` to
    tell each other, and waits until both BUSY words are clear. It waits with no lock held, for the
    sole process may need the head lock to get done with the tail. Then it sets SHARED to JOINED:
    nobody works without a file lock until all have closed the queue, so who comes later need not
    look at BUSY, which a process killed in S2 may have left set.
S4. Nothing is held between two calls: a sole process that is stopped (SIGSTOP, Ctrl-Z) keeps
    nobody out unless it is stopped in the middle of a call, as with a file lock. One that dies in
    the middle of a call no longer has its lock on `users`, so the next one is sole and mends what
    it left, as with a file lock.

S5. A signal's handler may raise an exception between any two calls (Ctrl-C, a time limit). So a turn
    is entered inside of the `try` whose `finally` leaves it: to leave what was not entered does
    nothing, and `leave` is a C function, which no handler gets in before.

S2 and S3 are Dekker's algorithm. It is right where a store is seen by the others before a later
load is made. The side that comes often pays for no barrier: its stores leave the processor's store
buffer in far less than `BARRIER`, and the side that comes once waits for that long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn

from pq_core.disk import Disk
from pq_core.errors import QueueClosed
from pq_core.log.cursor import S_BUSY, S_SHARED

__all__ = ["CLOSED", "USERS_NAME", "Turn", "join"]

USERS_NAME: Final = "users"
#: How long a store of another processor may take to be seen, in seconds: a thousand times what
#: it takes.
BARRIER: Final = 0.001
#: The pause between two looks at a process that is in the middle of a call, in seconds.
PAUSE: Final = 0.000_5
#: What SHARED says, besides 0: somebody waits for the sole process; all take the file locks.
JOINING: Final = 1
JOINED: Final = 2

Call = Callable[[], object]


def join(words: Any, disk: Disk, users_fd: int, lock_fds: tuple[int, int]) -> None:
    """Declares this process a user of the queue; on return the locks are held (S1, S3).

    Args:
        words: the shared page.
        disk: the port.
        users_fd: the descriptor of `users`, for as long as the queue is open.
        lock_fds: whose locks are the tail lock and the head lock, in this order.
    """
    has_waited = False
    while True:
        for fd in lock_fds:
            disk.lock(fd)
        if disk.lock_shared is None:
            words[S_SHARED] = JOINED
            return
        if disk.try_lock(users_fd):
            words[S_BUSY] = words[S_BUSY + 1] = words[S_SHARED] = 0
            break
        if words[S_SHARED] == JOINED:
            break
        words[S_SHARED] = JOINING
        if has_waited and not (words[S_BUSY] or words[S_BUSY + 1]):
            words[S_SHARED] = JOINED
            break
        for fd in lock_fds[::-1]:
            disk.unlock(fd)
        time.sleep(PAUSE if has_waited else BARRIER)
        has_waited = True
    disk.lock_shared(users_fd)


class Turn:
    """Takes and drops a lock, for all threads of this process that hold a mutex (S2, S5).

    Args:
        words: the shared page.
        busy: the index of the BUSY word of this lock.
        lock: takes the file lock.
        unlock: drops it, if this process has it; a C function.

    Attributes:
        leave: drops the lock; does nothing where it was not taken.
    """

    __slots__ = ("_busy", "_is_alone", "_lock", "_unlock", "_words", "leave")

    def __init__(self, words: Any, busy: int, lock: Call, unlock: Call) -> None:
        self._words = words
        self._busy = busy
        self._lock = lock
        self._unlock = unlock
        self._is_alone = True
        self.leave: Call = partial(words.__setitem__, busy, 0)

    def enter(self) -> None:
        """Takes the lock."""
        if self._is_alone:
            words = self._words
            words[self._busy] = 1
            if not words[S_SHARED]:
                return
            words[self._busy] = 0
            self.leave = self._unlock
            self._is_alone = False
        self._lock()


class Closed(Turn):
    """Stands for the turn of a queue whose files are closed."""

    __slots__ = ()

    def __init__(self) -> None:
        self.leave = bool  # does nothing

    def enter(self) -> NoReturn:
        """Refuses."""
        raise QueueClosed("the queue is closed; open a new one on the same path")


CLOSED: Final = Closed()
