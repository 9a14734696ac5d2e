"""Calls on another thread or in another process, one step at a time.

`InThread` and `InProcess` look alike: `submit` starts a call and returns a Future, `call` waits
for its result. A test that needs an interleaving writes it down as such::

    with InProcess(queue) as other:
        got = other.submit("get", timeout=10)    # blocks over there
        queue.put("a")                           # happens here
        assert got.result(10) == "a"
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, BinaryIO, Final, ParamSpec, TypeVar

__all__ = ["PATIENCE", "InProcess", "InThread", "is_waiting", "perform", "serve"]

P = ParamSpec("P")
R = TypeVar("R")
Self = TypeVar("Self", bound="InThread | InProcess")

#: Seconds after which a call that should long be over counts as hung.
PATIENCE: Final = 20.0


def is_waiting(call: Future[Any], seconds: float = 0.05) -> bool:
    """Whether a call has not come back `seconds` from now."""
    return not wait([call], timeout=seconds).done


class InThread:
    """A thread that does one call after another.

    It is a daemon: a call that hangs does not keep the tests from ending.

    Args:
        patience: seconds after which a call that should be over counts as hung.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=_obey, args=(self._calls,), daemon=True)
        self._thread.start()

    def submit(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Start a call once those before it are over."""
        future: Future[R] = Future()

        def step() -> None:
            try:
                future.set_result(call(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)

        self._calls.put(step)
        return future

    def call(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """The result of a call."""
        return self.submit(call, *args, **kwargs).result(self._patience)

    def end(self) -> None:
        """End the thread after what it was told to do; waits for it unless it hangs."""
        self._calls.put(None)
        self._thread.join(self._patience)

    def __enter__(self) -> InThread:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()


def _obey(calls: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    while (step := calls.get()) is not None:
        step()
        # The last call must not keep its result, which may be a queue, alive.
        del step


class InProcess:
    """A fresh Python process that does one call after another on an object it was given.

    The object is pickled to it, as `multiprocessing` with the spawn method would.

    Args:
        subject: what the calls are made on; must be picklable.
    """

    def __init__(self, subject: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", "from pq_core.testing.elsewhere import serve; serve()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))},
        )
        assert self._process.stdin
        assert self._process.stdout
        self._orders = self._process.stdin
        self._waiting: deque[Future[Any]] = deque()
        # Protects the order of `_waiting`, which must be that of what is sent.
        self._lock = threading.Lock()
        self._reader = threading.Thread(
            target=self._read, args=(self._process.stdout,), daemon=True
        )
        self._reader.start()
        self._send(subject).result(PATIENCE)

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    def submit(self, what: str | Callable[..., R], *args: Any, **kwargs: Any) -> Future[R]:
        """Start a call once those before it are over.

        Args:
            what: the name of a method of the object, or a function of a module, which gets the
                object as its first argument.
            args: further arguments.
            kwargs: further arguments.
        """
        return self._send((what, args, kwargs))

    def call(self, what: str | Callable[..., R], *args: Any, **kwargs: Any) -> R:
        """The result of a call."""
        return self.submit(what, *args, **kwargs).result(PATIENCE)

    def kill(self) -> None:
        """End the process as a crash does (SIGKILL); calls that were under way raise EOFError."""
        self._process.kill()
        self._process.wait()
        with suppress(OSError):
            self._orders.close()
        self._give_up()

    def end(self) -> None:
        """Let it finish, close its object and exit; kill it if it hangs."""
        with suppress(OSError):
            self._orders.close()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._give_up()

    def _send(self, order: object) -> Future[Any]:
        future: Future[Any] = Future()
        data = pickle.dumps(order)
        with self._lock:
            self._waiting.append(future)
            self._orders.write(data)
            self._orders.flush()
        return future

    def _read(self, answers: BinaryIO) -> None:
        with answers:
            while True:
                try:
                    error, result = pickle.load(answers)
                except (EOFError, OSError):
                    return self._give_up()
                future = self._waiting.popleft()
                if error is None:
                    future.set_result(result)
                else:
                    future.set_exception(error)

    def _give_up(self) -> None:
        with suppress(IndexError):
            while True:
                self._waiting.popleft().set_exception(EOFError("the process has ended"))

    def __enter__(self) -> InProcess:
        return self

    def __exit__(self, *error: object) -> None:
        self.end()


def perform(subject: Any, what: str | Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Do a call on an object as `InProcess.submit` describes it."""
    if isinstance(what, str):
        return getattr(subject, what)(*args, **kwargs)
    return what(subject, *args, **kwargs)


def serve() -> None:
    """The other side of `InProcess`: orders come on standard input, answers go to standard output.

    Whatever is printed in between goes to standard error instead.
    """
    orders = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    subject: Any = None
    first = True
    answer: tuple[Exception | None, Any]
    with answers:
        while True:
            try:
                order = pickle.load(orders)
                if first:
                    subject, first, answer = order, False, (None, None)
                else:
                    what, args, kwargs = order
                    answer = (None, perform(subject, what, *args, **kwargs))
            except EOFError:
                break
            except Exception as error:
                answer = (error, None)
            pickle.dump(answer, answers)
            answers.flush()
        close = getattr(subject, "close", None)
        if close is not None:
            close()
