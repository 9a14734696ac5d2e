"""Which class and which options a URL of an SQL queue means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pq_core.registry import QueueURL, convert_options

__all__ = ["chosen"]

_COMMON: Final[dict[str, Callable[[str], Any]]] = {
    "kind": str,
    "name": str,
    "timeout": float,
    "serializer": str,
    "maxsize": int,
    "durability": str,
}
_PLAIN: Final[dict[str, Callable[[str], Any]]] = {"auto_commit": bool}
_ACKED: Final[dict[str, Callable[[str], Any]]] = {
    "auto_resume": bool,
    "lease": float,
    "max_attempts": int,
    "backoff": float,
    "keep_acked": int,
    "dedupe": str,
    "dedupe_window": float,
}


def chosen(
    url: QueueURL,
    options: Mapping[str, Any],
    classes: Mapping[str, Any],
    more: Mapping[str, Callable[[str], Any]],
) -> tuple[Any, dict[str, Any]]:
    """The class of a queue, and its options but for those of the place.

    Args:
        url: its option `kind` chooses the class, a FIFO queue where it is missing.
        options: parameters of the queue; they win over those in the URL.
        classes: by the names of their kinds.
        more: options that the backend knows besides the common ones, with their types.

    Raises:
        ValueError: an option is not known, or has a value that it cannot take.
    """
    given = dict(options)
    kind = given.pop("kind", None) or url.query.get("kind", "fifo")
    if kind not in classes:
        known = ", ".join(classes)
        raise ValueError(f"'kind' must be one of {known}, not {kind!r}")
    cls = classes[kind]
    of_kind = _ACKED if cls.kind.is_acked else _PLAIN
    told = convert_options(url.query, {**_COMMON, **more, **of_kind})
    told.pop("kind", None)
    return cls, {**told, **given}
