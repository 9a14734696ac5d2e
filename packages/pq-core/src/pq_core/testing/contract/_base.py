"""What all parts of the contract stand on: opening, capabilities, and looking after the rest."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, closing
from typing import Any, ClassVar, Final, Literal, TypeVar

import pytest

from pq_core.errors import Empty
from pq_core.protocols import DURABILITIES
from pq_core.testing.elsewhere import InProcess, InThread, is_waiting

__all__ = ["Contract", "drain", "needs"]

F = TypeVar("F", bound=Callable[..., Any])

#: Within so many seconds a put wakes a get that waits; contract section 5.
WOKEN: Final = 0.05
#: The parameters that a test may ask for by name, and the class attribute with their values.
_PARAMETERS: Final = {"serializer": "serializers", "durability": "durabilities"}


def needs(**capabilities: object) -> Callable[[F], F]:
    """Keep a test to the backends whose class attributes have these values."""

    def mark(test: F) -> F:
        test.needs = capabilities  # type: ignore[attr-defined]
        return test

    return mark


def drain(queue: Any) -> list[Any]:
    """All that is ready, got one by one."""
    items = []
    while True:
        try:
            items.append(queue.get_nowait())
        except Empty:
            return items


class Contract(ABC):
    """The base of the contracts; see the package for how to subclass one.

    Attributes:
        order: in which order items come; for "priority", of items that have the same one.
        unique: whether an item that is there already is not put again.
        at_least_once: whether an item that was not settled comes again; False where get settles.
        gives_back: whether what a consumer had out is ready again at once when the object is
            closed or the process dies; False where that takes the end of a lease.
        needs_pulse: whether a consumer counts as dead that gives no sign of life for a while, as one
            that is stopped; where only the death of its process counts, it keeps what it has.
        multiprocess: whether several processes may use one queue.
        durable: whether what was put is there after re-opening.
        local: whether it lives in files under `where`.
        has_verify: whether it has `verify` and `repair`.
        has_clock: whether it takes ``clock=``, a function that tells seconds since the epoch.
        has_raw: whether ``get(raw=True)`` returns a dict that can be settled.
        is_drop_in: whether an ack queue has what persist-queue's has beyond the protocol:
            ``auto_resume=``, the counts, and ``get(id=, next_in_order=)``.
        resizes: whether `maxsize` can be set while the queue is open.
        serializers: the values of ``serializer=`` to test; those without their library left out.
        durabilities: the values of ``durability=`` to test.
        options: given to every `open`.
        patience: seconds after which a call that should long be over counts as hung.
    """

    order: ClassVar[Literal["fifo", "filo", "priority"]] = "fifo"
    unique: ClassVar[bool] = False
    at_least_once: ClassVar[bool] = True
    gives_back: ClassVar[bool] = True
    needs_pulse: ClassVar[bool] = False
    multiprocess: ClassVar[bool] = True
    durable: ClassVar[bool] = True
    local: ClassVar[bool] = True
    has_verify: ClassVar[bool] = True
    has_clock: ClassVar[bool] = True
    has_raw: ClassVar[bool] = True
    is_drop_in: ClassVar[bool] = True
    resizes: ClassVar[bool] = True
    serializers: ClassVar[Sequence[Any]] = ("pickle", "json")
    durabilities: ClassVar[Sequence[str]] = DURABILITIES
    options: ClassVar[Mapping[str, Any]] = {}
    patience: ClassVar[float] = 20.0

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = vars(cls)
        names = [name for each in cls.__mro__ for name in vars(each) if name[:5] == "test_"]
        for name in dict.fromkeys(names):  # in the same order in every process
            # The class that a test stands in keeps it, for others may inherit it from there.
            test = next(vars(each)[name] for each in cls.__mro__ if vars(each).get(name))
            needed = getattr(test, "needs", {})
            fits = all(getattr(cls, key) == value for key, value in needed.items())
            if own.get(name) is not test:
                setattr(cls, name, test if fits else None)

    @abstractmethod
    def open(self, where: Any, **options: Any) -> Any:
        """The queue at `where`, made if it is not there."""

    @pytest.fixture
    def where(self, tmp_path: Any) -> Any:
        """A place that no queue has used yet."""
        return tmp_path / "queue"

    #: The options of every queue of the running test.
    _opened: list[Mapping[str, Any]]
    #: The place of the running test: the fixture `where`.
    place: Any

    @pytest.fixture(autouse=True)
    def _look_after(self, where: Any) -> Iterator[None]:
        """Ends what the test has started, and lets the checker look at what it leaves."""
        self.place = where
        self._opened = []
        # The queues are closed first: that ends what waits on them in the threads.
        with ExitStack() as self._helpers, ExitStack() as self._queues:
            yield
        if self.has_verify and self._opened:
            with closing(self.open(self.place, **self._opened[-1])) as queue:
                assert queue.verify() == []

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs a test that asks for a serializer or a durability with each that there is."""
        for parameter in _PARAMETERS.keys() & metafunc.fixturenames:
            metafunc.parametrize(parameter, getattr(self, _PARAMETERS[parameter]))

    def queue(self, **options: Any) -> Any:
        """A queue object of the test's storage, closed when the test ends."""
        self._opened.append({**self.options, **options})
        queue = self.open(self.place, **self._opened[-1])
        self._queues.callback(queue.close)
        return queue

    def again(self, queue: Any) -> Any:
        """Another queue object of the same storage and options, after this one was closed."""
        queue.close()
        return self.queue(**self._opened[-1])

    def thread(self) -> InThread:
        """A thread to give calls to."""
        return self._helpers.enter_context(InThread(self.patience))

    def process(self, queue: Any) -> InProcess:
        """A process to give calls to, each made on a copy of this queue object."""
        return self._helpers.enter_context(InProcess(queue))

    def check_wake_ups(
        self, queue: Any, get: Callable[[], Future[Any]], pauses: Sequence[float]
    ) -> None:
        """Holds that gets which have waited for so long have an item within 50 ms of its put.

        `get` begins one elsewhere, which is to tell its item and when it came.
        """
        delays = []
        for number, pause in enumerate(pauses):
            getting = get()
            assert is_waiting(getting, pause)
            begin = time.monotonic()
            queue.put(number)
            item, when = getting.result(self.patience)
            assert item == number
            delays.append(when - begin)
        # What else the machine does can only add to it: the middle one of them counts.
        assert sorted(delays)[len(delays) // 2] <= WOKEN

    def in_order(self, items: Sequence[Any]) -> list[Any]:
        """These items, all of them put before the first get, in the order in which they come."""
        return list(items) if self.order != "filo" else list(reversed(items))
