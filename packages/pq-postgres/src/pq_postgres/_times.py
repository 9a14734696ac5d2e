"""When a job is due: what callers give, as what PostgreSQL computes with."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone
from typing import Final, TypeAlias

__all__ = ["Due", "When", "due", "utc_text"]

#: What `put` takes for a time: a point, a span from now, or a span as text: "30s", "5m", "1h".
When: TypeAlias = datetime | timedelta | str
#: A point, or seconds from now by the server's clock; one of the two is None, or both.
Due: TypeAlias = tuple[datetime | None, float | None]

_SPAN: Final = re.compile(r"\s*(\d+)\s*([smhdw])\s*")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def due(name: str, when: When | None) -> Due:
    """When something is due.

    Args:
        name: of the parameter, for the error.
        when: a datetime (one without a time zone is in UTC), a timedelta, or a number with one
            of the units s, m, h, d and w.

    Raises:
        ValueError: the text is no such thing.
        TypeError: it is of another type.
    """
    if when is None:
        return None, None
    if isinstance(when, datetime):
        return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)), None
    if isinstance(when, timedelta):
        return None, when.total_seconds()
    if isinstance(when, str):
        found = _SPAN.fullmatch(when)
        if found is None:
            raise ValueError(
                f"{name!r} must be a number with a unit, such as '30s', '5m', '1h', '2d' or "
                f"'1w', not {when!r}"
            )
        return None, float(int(found[1]) * _SECONDS[found[2]])
    raise TypeError(
        f"{name!r} must be a datetime, a timedelta or a text such as '5m', "
        f"not {type(when).__name__}"
    )


def utc_text(when: datetime) -> str:
    """A point in time in UTC, to the second."""
    if when.tzinfo is not None:
        when = when.astimezone(timezone.utc)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")
