"""Functions that run somewhere else, later: ``from pq_postgres.tasks import PQ``.

::

    pq = PQ(connection)
    queue = pq["default"]

    @queue.task(schedule_at="1h")
    def eat(job_id, kind):
        ...

    eat("Cox")          # stores a job
    queue.work()        # runs what is due, for ever

A job names its function by module and qualified name. A worker imports that module, and runs
nothing but functions that are tasks.
"""

from __future__ import annotations

import functools
import logging
import pkgutil
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, ClassVar, Final, ParamSpec

from pq_core.errors import LeaseLost
from pq_postgres._job import Job
from pq_postgres._jobqueue import JobQueue
from pq_postgres._pq import BasePQ
from pq_postgres._times import When, due

__all__ = ["PQ", "TaskQueue"]

P = ParamSpec("P")

_LOG: Final = logging.getLogger("persistqueue")


class TaskQueue(JobQueue):
    """A queue whose jobs are calls of functions.

    Attributes:
        handler_registry: the functions that are tasks, by module and qualified name, of all queues.
    """

    handler_registry: ClassVar[dict[str, Callable[..., Any]]] = {}

    def task(
        self,
        schedule_at: When | None = None,
        expected_at: When | None = None,
        max_retries: int = 0,
        retry_in: timedelta | str = "30s",
    ) -> Callable[[Callable[..., Any]], Callable[..., int]]:
        """Makes a task of a function; calling it then stores a job, and returns the job's id.

        The function gets the id of its job before its own arguments, which have to be such that
        JSON can hold them. ``_schedule_at=`` and ``_expected_at=`` at a call replace the values
        given here.

        Args:
            schedule_at: as for `put`.
            expected_at: as for `put`.
            max_retries: how often it is tried again after an exception.
            retry_in: how much later.
        """
        later = _text(retry_in)
        due("retry_in", later)

        def decorate(function: Callable[..., Any]) -> Callable[..., int]:
            path = f"{function.__module__}.{function.__qualname__}"
            self.handler_registry[path] = function

            @functools.wraps(function)
            def call(
                *args: Any,
                _schedule_at: When | None = None,
                _expected_at: When | None = None,
                **kwargs: Any,
            ) -> int:
                return self.put(
                    {
                        "function": path,
                        "args": args,
                        "kwargs": kwargs,
                        "retried": 0,
                        "retry_in": later,
                        "max_retries": max_retries,
                    },
                    _schedule_at or schedule_at,
                    _expected_at or expected_at,
                )

            call._path = path  # type: ignore[attr-defined]
            return call

        return decorate

    def work(self, burst: bool = False) -> None:
        """Runs jobs as they come.

        Args:
            burst: return once none has come for `timeout` seconds; otherwise never.

        Raises:
            QueueClosed: PQ was closed meanwhile.
        """
        for job in self:
            if job is not None:
                self.perform(job)
            elif burst:
                return

    def perform(self, job: Job) -> bool:
        """Runs one job, and acks it if it has a lease; whether its function returned."""
        data = job.data
        try:
            self._handler(data["function"])(job.id, *data["args"], **data["kwargs"])
        except Exception as error:
            return self.fail(job, data, error)
        if job.is_leased:
            try:
                job.ack()
            except LeaseLost as error:
                # Somebody else runs it by now; that is what a longer lease is for.
                _LOG.warning("%r has taken longer than its lease: %s", job, error)
                return False
        return True

    def fail(self, job: Job, data: dict[str, Any], error: Exception) -> bool:
        """Puts a job again that has failed, if it may be; else tells the log. Returns False."""
        try:
            return self._retry(job, data, error)
        except LeaseLost as lost:
            _LOG.warning("%r has failed, and taken longer than its lease: %s", job, lost)
            return False

    def _retry(self, job: Job, data: dict[str, Any], error: Exception) -> bool:
        retried = data.get("retried", 0)
        with self:  # the new job is there when, and only when, the old one is settled
            if job.is_leased:
                job.ack()
            if retried < data.get("max_retries", 0):
                again = self.put({**data, "retried": retried + 1}, data.get("retry_in"))
                _LOG.info("%r has failed; tried again as job %s", job, again)
                return False
        _LOG.error("%r has failed", job, exc_info=error)
        return False

    def _handler(self, path: str) -> Callable[..., Any]:
        if path not in self.handler_registry:
            # Importing the module makes tasks of its functions.
            with suppress(ImportError, AttributeError, ValueError):
                pkgutil.resolve_name(path)
        try:
            return self.handler_registry[path]
        except KeyError:
            raise LookupError(
                f"there is no task {path!r}; import its module in the worker, or make the "
                "function a task"
            ) from None


class PQ(BasePQ[TaskQueue]):
    """`pq_postgres.PQ` whose queues have tasks."""

    queue_class = TaskQueue


def _text(span: timedelta | str) -> str:
    """A span as pq's workers read it, too."""
    if isinstance(span, timedelta):
        return f"{max(0, round(span.total_seconds()))}s"
    return span
