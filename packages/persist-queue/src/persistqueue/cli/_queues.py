"""The queue that the arguments name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pq_core.registry import QueueURL, open_queue

if TYPE_CHECKING:
    import argparse

    from pq_core.protocols import LocalQueue

__all__ = ["existing", "opened", "options_of", "url_of"]

#: One of these files is in every directory that holds a file queue: ours, a predecessor's.
_MARKS: Final = ("cursor", "info")
#: The schemes whose queues can be opened without being made.
_SERVERS: Final = ("mariadb", "mysql", "postgres", "postgresql")


def opened(arguments: argparse.Namespace, **options: Any) -> LocalQueue[Any]:
    """The queue at PATH, made where there is none."""
    url = url_of(arguments)
    queue: LocalQueue[Any] = open_queue(url, **options_of(arguments, url), **options)
    return queue


def options_of(arguments: argparse.Namespace, url: QueueURL) -> dict[str, Any]:
    """The parameters of the queue that were given beside its URL."""
    options: dict[str, Any] = {}
    if arguments.serializer is not None:
        options["serializer"] = import_module(f"pq_core.serializers.{arguments.serializer}")
    for option in ("durability", "kind", "name"):
        value = getattr(arguments, option)
        if value is None:
            continue
        if url.scheme == "file" and option != "durability":
            raise ValueError(f"a file queue has no {option}; leave --{option} out")
        options[option] = value
    return options


def existing(arguments: argparse.Namespace) -> LocalQueue[Any]:
    """The queue at PATH; a mistyped PATH is told, and no empty queue left there."""
    url = url_of(arguments)
    options: dict[str, Any] = {}
    if url.scheme in ("file", "sqlite"):
        path = Path(url.local_path())
        marks = _MARKS if url.scheme == "file" else (url.query.get("db_file_name", "data.db"),)
        if path.is_file():
            raise NotADirectoryError(f"{arguments.path}: a file; name the directory of a queue")
        if not any((path / name).exists() for name in marks):
            raise FileNotFoundError(f"{arguments.path}: there is no queue here; put makes one")
    if url.scheme in _SERVERS:
        options["create"] = False
    if url.scheme != "file":
        kind: str = arguments.kind or url.query.get("kind", "fifo")
        if not kind.endswith("ack"):
            options["auto_commit"] = False  # an item goes after it was written out, not before
    return opened(arguments, **options)


def url_of(arguments: argparse.Namespace) -> QueueURL:
    """PATH as a URL: a directory is that of a file queue, or with --kind or --name of SQLite."""
    path: str = arguments.path
    if "://" in path or path.startswith(("file:", "sqlite:")):
        return QueueURL.parse(path)
    scheme = "file" if arguments.kind is None and arguments.name is None else "sqlite"
    return QueueURL.parse(Path(path).absolute().as_uri().replace("file:", f"{scheme}:", 1))
