"""A job that was taken out of a queue of PQ."""

from __future__ import annotations

from datetime import datetime
from types import TracebackType
from typing import Any, Protocol, TypeVar

from pq_core.errors import LeaseLost
from pq_postgres._times import When, utc_text

__all__ = ["Job"]

Self = TypeVar("Self", bound="Job")


class Keeper(Protocol):
    """The queue that a job is from."""

    def update(self, job_id: int, data: Any) -> int: ...
    def ack(self, job_id: int, token: int) -> None: ...
    def nack(self, job_id: int, token: int, delay: When | None) -> None: ...
    def extend(self, job_id: int, token: int, seconds: float) -> None: ...


class Job:
    """What `get` of a queue of PQ returns.

    Assigning to `data` stores the new data under the job's id.

    Attributes:
        id: of its row.
        enqueued_at: when it was put; without a time zone, in UTC, as are the two below.
        schedule_at: before which it was not to be taken; None: at once.
        expected_at: by when it was expected; None: at no time.
        attempts: how often it was leased; 0 for a job without a lease.
    """

    __slots__ = (
        "_data",
        "_keeper",
        "_size",
        "_token",
        "attempts",
        "enqueued_at",
        "expected_at",
        "id",
        "schedule_at",
    )

    def __init__(
        self,
        job_id: int,
        data: Any,
        size: int,
        enqueued_at: datetime,
        schedule_at: datetime | None,
        expected_at: datetime | None,
        keeper: Keeper,
        token: int | None = None,
        attempts: int | None = None,
    ) -> None:
        self.id = job_id
        self._data = data
        self._size = size
        self.enqueued_at = enqueued_at
        self.schedule_at = schedule_at
        self.expected_at = expected_at
        self._keeper = keeper
        self._token = token
        self.attempts = attempts or 0

    @property
    def data(self) -> Any:
        """What was put; assign to replace it in the table.

        Raises:
            EncodeError: what is assigned cannot be encoded; the old data stays.
            QueueError: the row is not there any more.
        """
        return self._data

    @data.setter
    def data(self, data: Any) -> None:
        self._size = self._keeper.update(self.id, data)
        self._data = data

    @property
    def size(self) -> int:
        """The length of the data as it is stored, in characters."""
        return self._size

    @property
    def is_leased(self) -> bool:
        """Whether it comes back unless it is acked."""
        return self._token is not None

    def ack(self) -> None:
        """Done: it does not come back.

        Raises:
            LeaseLost: its lease has ended, or it had none.
        """
        self._keeper.ack(self.id, self._leased("acked"))
        self._token = None

    def nack(self, delay: When | None = None) -> None:
        """Ready again, at once or after `delay`.

        Raises:
            LeaseLost: its lease has ended, or it had none.
        """
        self._keeper.nack(self.id, self._leased("given back"), delay)
        self._token = None

    def extend(self, seconds: float) -> None:
        """The lease ends so many seconds from now.

        Raises:
            LeaseLost: it has ended already, or there was none.
        """
        self._keeper.extend(self.id, self._leased("extended"), seconds)

    def _leased(self, what: str) -> int:
        if self._token is None:
            raise LeaseLost(
                f"job {self.id} cannot be {what}: it has no lease; get it with lease=, and "
                "settle it once"
            )
        return self._token

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Acks on a clean exit and nacks on an exception, if that was not done by hand."""
        if self._token is not None:
            if kind is None:
                self.ack()
            else:
                self.nack()

    def __repr__(self) -> str:
        def text(when: datetime | None) -> str:
            return "None" if when is None else f'"{utc_text(when)}"'

        expected = "" if self.expected_at is None else f" expected_at={text(self.expected_at)}"
        return (
            f"<pq.Job id={self.id} size={self._size} enqueued_at={text(self.enqueued_at)} "
            f"schedule_at={text(self.schedule_at)}{expected}>"
        )
