"""The ``persistqueue`` command: lines into a queue and items out of it, made for pipes.

Exit status: 0 done; 1 nothing to get, or damage found; 2 a wrong call, or the storage failed;
130 stopped by Ctrl-C; 141 the reader of the output went away. Neither of the last two loses an
item: it leaves the queue only after it has been written out.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from pq_core.errors import DecodeError, Empty, QueueError, StorageCorrupt
from pq_core.registry import QueueURL, open_queue

if TYPE_CHECKING:
    from io import BufferedReader

    from pq_core.protocols import Damage, LocalQueue

__all__ = ["main"]

DONE: Final = 0
NOTHING: Final = 1
DAMAGED: Final = 1
FAILED: Final = 2
#: What a shell reports of a program that a signal has ended: 128 + SIGINT, 128 + SIGPIPE.
INTERRUPTED: Final = 128 + 2
READER_GONE: Final = 128 + 13

#: Bytes asked for at once; a pipe of Linux holds as many.
_BLOCK: Final = 1 << 16
#: Items handed out at once: enough to share the cost of a flush, few to come again after a crash.
_BATCH: Final = 256

#: One of these files is in every directory that holds a file queue: ours, a predecessor's.
_MARKS: Final = ("cursor", "info")
#: The kinds of queues that a database holds.
_KINDS: Final = ("fifo", "filo", "unique", "priority", "ack", "filo-ack", "unique-ack")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status.

    Args:
        argv: the arguments; those of the process where None.
    """
    try:
        arguments = _parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return READER_GONE
    except (QueueError, OSError, ValueError) as error:
        _complain(error)
        return FAILED
    finally:
        _finish_output()


def _finish_output() -> None:
    """Writes what is still buffered, or drops it where it has nowhere to go.

    The interpreter would try once more at its end, and fail loudly.
    """
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(error: object) -> None:
    sys.stderr.write(f"persistqueue: {error}\n")


# The six commands.


def _put(arguments: argparse.Namespace) -> int:
    with (
        _source(arguments.file) as source,
        _progress(source) as advance,
        _opened(arguments) as queue,
    ):
        for lines in _lines(source, advance):
            queue.put_many(lines)
    return DONE


def _get(arguments: argparse.Namespace) -> int:
    left = sys.maxsize if arguments.all else arguments.n
    status = NOTHING
    with _existing(arguments) as queue:
        settle = _settling(queue)
        while left:
            try:
                items = queue.get_many(min(left, _BATCH), timeout=arguments.timeout)
            except Empty:
                break
            except DecodeError as error:
                # It was set aside; the items behind it are as good as ever.
                _complain(error)
                status = FAILED
                continue
            _write(sys.stdout.buffer, items)
            settle(items)
            left -= len(items)
            if status == NOTHING:
                status = DONE
    return status


def _settling(queue: Any) -> Callable[[Iterable[object]], None]:
    """What settles items that were got and written out."""
    if not hasattr(queue, "ack"):
        return lambda _items: queue.task_done()

    def ack(items: Iterable[object]) -> None:
        with queue.transaction():
            for item in items:
                queue.ack(item)

    return ack


def _peek(arguments: argparse.Namespace) -> int:
    with _existing(arguments) as queue:
        count = _write(sys.stdout.buffer, islice(queue.browse(), arguments.n))
    return DONE if count else NOTHING


def _stats(arguments: argparse.Namespace) -> int:
    with _existing(arguments) as queue:
        stats = asdict(queue.stats())
    if arguments.json:
        _write(sys.stdout.buffer, [stats])
        return DONE
    age = stats["oldest_age"]
    stats["oldest_age"] = "-" if age is None else f"{age:.1f} s"
    _write(sys.stdout.buffer, (f"{name:<11} {value!s:>14}" for name, value in stats.items()))
    return DONE


def _verify(arguments: argparse.Namespace) -> int:
    try:
        with _existing(arguments) as queue:
            damages = _local(queue).verify()
    except StorageCorrupt as error:
        # So damaged that it does not open: that, too, is what was asked.
        _write(sys.stdout.buffer, [str(error)])
        return DAMAGED
    return DAMAGED if _write(sys.stdout.buffer, map(_told, damages)) else DONE


def _repair(arguments: argparse.Namespace) -> int:
    with _existing(arguments) as queue:
        _write(sys.stdout.buffer, map(_told, _local(queue).repair()))
    return DONE


def _local(queue: LocalQueue[Any]) -> LocalQueue[Any]:
    """The queue, known to be one whose storage can be checked from here."""
    if not hasattr(queue, "verify"):
        raise ValueError(f"{queue!r}: its server looks after the storage; use the server's tools")
    return queue


def _told(damage: Damage) -> str:
    where = "" if damage.offset is None else f" at byte {damage.offset}"
    return f"{damage.path}{where}: {damage.reason}"


# Queues.


def _opened(arguments: argparse.Namespace, **options: Any) -> LocalQueue[Any]:
    """The queue at PATH, made where there is none."""
    url = _url(arguments)
    if arguments.serializer is not None:
        options["serializer"] = import_module(f"pq_core.serializers.{arguments.serializer}")
    for option in ("durability", "kind", "name"):
        value = getattr(arguments, option)
        if value is None:
            continue
        if url.scheme == "file" and option != "durability":
            raise ValueError(f"a file queue has no {option}; leave --{option} out")
        options[option] = value
    queue: LocalQueue[Any] = open_queue(url, **options)
    return queue


def _existing(arguments: argparse.Namespace) -> LocalQueue[Any]:
    """The queue at PATH; a mistyped PATH is told, and no empty queue left there."""
    url = _url(arguments)
    options: dict[str, Any] = {}
    if url.scheme in ("file", "sqlite"):
        path = Path(url.local_path())
        marks = _MARKS if url.scheme == "file" else (url.query.get("db_file_name", "data.db"),)
        if not any((path / name).exists() for name in marks):
            raise FileNotFoundError(f"{arguments.path}: there is no queue here; put makes one")
    if url.scheme != "file":
        kind: str = arguments.kind or url.query.get("kind", "fifo")
        if not kind.endswith("ack"):
            options["auto_commit"] = False  # an item goes after it was written out, not before
    return _opened(arguments, **options)


def _url(arguments: argparse.Namespace) -> QueueURL:
    """PATH as a URL: a directory is that of a file queue, or with --kind or --name of SQLite."""
    path: str = arguments.path
    if "://" in path or path.startswith(("file:", "sqlite:")):
        return QueueURL.parse(path)
    scheme = "file" if arguments.kind is None and arguments.name is None else "sqlite"
    return QueueURL.parse(Path(path).absolute().as_uri().replace("file:", f"{scheme}:", 1))


# Lines and items.


@contextmanager
def _source(file: str | None) -> Iterator[BufferedReader]:
    if file is None or file == "-":
        yield sys.stdin.buffer  # type: ignore[misc]  # it is one, whatever typeshed says
    else:
        with open(file, "rb") as source:
            yield source


def _lines(source: BufferedReader, advance: Callable[[int], object]) -> Iterator[list[str]]:
    """The lines of `source` in lists, each as long as what there was to read at the time.

    So a large file is put in large batches, and what somebody types is put at each Enter.
    """
    rest: list[bytes] = []  # of a line whose end was not read yet
    while block := source.read1(_BLOCK):
        advance(len(block))
        first, *more = block.split(b"\n")
        rest.append(first)
        if more:
            whole = [b"".join(rest), *more[:-1]]
            rest = more[-1:]
            yield [_decoded(line) for line in whole]
    if last := b"".join(rest):
        yield [_decoded(last)]


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")


def _encoded(item: object) -> bytes:
    """The item as a line: text and bytes as they are, anything else as JSON or as its repr."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, str):
        text = item
    else:
        try:
            text = json.dumps(item, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError):
            text = repr(item)
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "backslashreplace")


def _write(out: BinaryIO, items: Iterable[object]) -> int:
    """Writes one line an item; all of it has left this process on return.

    Returns:
        How many there were.
    """
    count = 0
    for item in items:
        out.write(_encoded(item) + b"\n")
        count += 1
    out.flush()
    return count


@contextmanager
def _progress(source: BufferedReader) -> Iterator[Callable[[int], object]]:
    """What to tell of the bytes read: a bar for somebody who looks on and does not type."""
    if not sys.stderr.isatty() or source.isatty():
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("put"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    # A pipe has no size to tell; st_size is 0 there.
    total = os.fstat(source.fileno()).st_size or None
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("put", total=total)
        yield lambda count: progress.advance(task, count)


# Arguments.


def _parser() -> argparse.ArgumentParser:
    queue = argparse.ArgumentParser(add_help=False)
    queue.add_argument("path", metavar="PATH", help="a directory, or a URL such as sqlite:///path")
    queue.add_argument(
        "--serializer",
        choices=("pickle", "json", "msgpack", "cbor2"),
        help="what the queue was made with (default: pickle)",
    )
    queue.add_argument(
        "--durability",
        choices=("full", "normal", "off"),
        help="what survives power loss, a kill, neither (default: the queue's)",
    )

    queue.add_argument("--kind", choices=_KINDS, help="of a queue in a database (default: fifo)")
    queue.add_argument(
        "--name", help="of a queue in a database (default: default; in a server: sql)"
    )

    parser = argparse.ArgumentParser(
        prog="persistqueue",
        description="Durable queues at the command line: lines in, items out.",
        epilog="exit status: 0 done, 1 nothing to get or damage found, 2 failed, 130 Ctrl-C",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], about: str) -> Any:
        added = commands.add_parser(name, parents=[queue], help=about, description=about)
        added.set_defaults(run=run)
        return added

    put = command("put", _put, "put each line of a file or of standard input")
    put.add_argument("file", metavar="FILE", nargs="?", help="default: standard input")

    get = command("get", _get, "take items and print them, one a line")
    how_many = get.add_mutually_exclusive_group()
    how_many.add_argument("-n", metavar="N", type=_count, default=1, help="how many (default: 1)")
    how_many.add_argument("--all", action="store_true", help="until there is none")
    get.add_argument(
        "--timeout",
        metavar="S",
        type=_seconds,
        default=0.0,
        help="how many seconds to wait for an item, inf for ever (default: 0)",
    )

    peek = command("peek", _peek, "print the next items and take none")
    peek.add_argument("-n", metavar="N", type=_count, default=1, help="how many (default: 1)")

    stats = command("stats", _stats, "tell what the queue holds")
    stats.add_argument("--json", action="store_true", help="as one JSON object")

    command("verify", _verify, "check every byte and print each damaged place")
    command("repair", _repair, "set damage aside, so that the rest can be used")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"not a number of items: {text}")
    return int(text)


def _seconds(text: str) -> float | None:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise argparse.ArgumentTypeError(f"not a number of seconds: {text}")
    return None if seconds == math.inf else seconds
