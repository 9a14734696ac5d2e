"""The options of an ack queue, the names of its states, and the error of one of its policies."""

from __future__ import annotations

from typing import Any

from pq_core.errors import QueueError
from pq_core.sql.base import seconds

__all__ = ["AckOptions", "AckStatus", "DuplicateKey"]


class AckStatus:
    """The states of an item in an ack queue, as they are stored."""

    inited = "0"
    ready = "1"
    unack = "2"
    acked = "5"
    ack_failed = "9"


class DuplicateKey(QueueError, ValueError):
    """An item with that dedupe key is there already (policy "raise")."""


class AckOptions:
    """The options of an ack queue, checked.

    Args:
        lease: seconds until an item that is not settled becomes ready again; None: as long as
            its consumer lives.
        max_attempts: so often an item is handed out, then it is a dead letter; None: no limit.
        backoff: seconds before an item that was not acked is ready again, doubled each time.
        keep_acked: how many acked items stay in the storage.
        auto_resume: make ready again what dead consumers had.
        dedupe: what a put does whose key is there already: "ignore", "replace" or "raise".
        dedupe_window: seconds for which a key is remembered; None: until its item is settled.

    Raises:
        ValueError: one is out of range.
    """

    __slots__ = (
        "auto_resume",
        "backoff",
        "dedupe",
        "dedupe_window",
        "keep_acked",
        "lease",
        "max_attempts",
    )

    def __init__(
        self,
        *,
        lease: float | None = None,
        max_attempts: int | None = None,
        backoff: float = 0.0,
        keep_acked: int = 1000,
        auto_resume: bool = True,
        dedupe: str = "ignore",
        dedupe_window: float | None = None,
    ) -> None:
        if lease is not None and not lease > 0:
            raise ValueError(f"'lease' must be a positive number of seconds, not {lease!r}")
        if max_attempts is not None and max_attempts < 1:
            raise ValueError(f"'max_attempts' must be at least 1, not {max_attempts!r}")
        if keep_acked < 0:
            raise ValueError(f"'keep_acked' must not be negative, not {keep_acked!r}")
        if dedupe not in ("ignore", "replace", "raise"):
            raise ValueError(f"'dedupe' must be 'ignore', 'replace' or 'raise', not {dedupe!r}")
        self.lease = lease
        self.max_attempts = max_attempts
        self.backoff = seconds("backoff", backoff)
        self.keep_acked = keep_acked
        self.auto_resume = auto_resume
        self.dedupe = dedupe
        self.dedupe_window = (
            None if dedupe_window is None else seconds("dedupe_window", dedupe_window)
        )

    def arguments(self) -> dict[str, Any]:
        """The parameters of a constructor that they came from, to open the queue again."""
        return {name: getattr(self, name) for name in self.__slots__}
