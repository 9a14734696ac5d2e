"""What the command can be told."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import Final

from persistqueue.cli import _commands
from persistqueue.cli._import import import_

__all__ = ["parser"]

#: The kinds of queues that a database holds.
_KINDS: Final = ("fifo", "filo", "unique", "priority", "ack", "filo-ack", "unique-ack")
#: Those of `persistqueue.importing`, which is not loaded for the other commands.
_FORMATS: Final = ("queuelib", "queuelib-lifo", "queuelib-sqlite", "litequeue", "diskcache")


def parser() -> argparse.ArgumentParser:
    """The parser of all commands; each sets `run`."""
    parser = argparse.ArgumentParser(
        prog="persistqueue",
        description="Durable queues at the command line: lines in, items out.",
        epilog="exit status: 0 done, 1 nothing to get or damage found, 2 failed, 130 Ctrl-C",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    options = _options()

    def command(
        name: str,
        run: Callable[[argparse.Namespace], int],
        about: str,
        path: str = "PATH",
        source: bool = False,
    ) -> argparse.ArgumentParser:
        added: argparse.ArgumentParser = commands.add_parser(
            name, parents=[options], help=about, description=about
        )
        added.set_defaults(run=run)
        if source:
            added.add_argument("source", metavar="SOURCE", help="a directory or file")
        added.add_argument(
            "path", metavar=path, help="a directory, or a URL such as sqlite:///path"
        )
        return added

    put = command("put", _commands.put, "put each line of a file or of standard input")
    put.add_argument("file", metavar="FILE", nargs="?", help="default: standard input")

    get = command("get", _commands.get, "take items and print them, one a line")
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

    peek = command("peek", _commands.peek, "print the next items and take none")
    peek.add_argument("-n", metavar="N", type=_count, default=1, help="how many (default: 1)")

    stats = command("stats", _commands.stats, "tell what the queue holds")
    stats.add_argument("--json", action="store_true", help="as one JSON object")

    command("verify", _commands.verify, "check every byte and print each damaged place")
    command("repair", _commands.repair, "set damage aside, so that the rest can be used")

    about = "put what the queue of another library holds into a queue without items"
    _add_import_options(command("import", import_, about, path="DEST", source=True))
    return parser


def _options() -> argparse.ArgumentParser:
    """The options of every command: what is to be known of the queue."""
    queue = argparse.ArgumentParser(add_help=False)
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
    queue.add_argument("--name", help="of a queue in a database (default: that of its class)")
    return queue


def _add_import_options(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--from",
        dest="source_format",
        choices=_FORMATS,
        help="what wrote SOURCE (default: told from what is there)",
    )
    command.add_argument(
        "--source-name", metavar="NAME", help="a table of litequeue, a prefix of diskcache"
    )
    command.add_argument(
        "--allow-pickle",
        action="store_true",
        help="load items that SOURCE holds as pickles; this runs what they say",
    )
    command.add_argument(
        "--salvage", action="store_true", help="import what can be read of a damaged SOURCE"
    )


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
