"""The command line of ``pq-bench``: which commands, options and defaults there are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from pq_bench import _documented
from pq_bench._goals import PREDECESSOR
from pq_bench._version import __version__
from pq_bench.stage.peers import PEERS
from pq_core.protocols import DURABILITIES

__all__ = ["parser"]


def parser(commands: Mapping[str, Callable[[argparse.Namespace], int]]) -> argparse.ArgumentParser:
    """The parser of the whole command line.

    Args:
        commands: by their names; what `run` of the arguments will be.
    """
    whole = argparse.ArgumentParser(
        prog="pq-bench",
        description=(
            "Measures durable queues, every figure beside its floor. Without arguments: a first "
            "look at what is installed, in about ten seconds."
        ),
        epilog="pq-bench 1000 rst prints the documented table; pq-bench --workload … is run.",
    )
    whole.add_argument("--version", action="version", version=f"pq-bench {__version__}")
    each = whole.add_subparsers(required=True, metavar="COMMAND")

    table = each.add_parser("table", help="seconds for COUNT items, a row per queue")
    table.add_argument("count", nargs="?", type=_count, default=1000, help="items (1000)")
    table.add_argument(
        "format", nargs="?", choices=_documented.FORMATS, default="console", help="of the output"
    )
    table.add_argument("--repeat", type=_count, default=1, help="rounds, of which the median (1)")
    table.add_argument("--durability", choices=DURABILITIES, help="default: that of each class")
    _add_place(table)
    table.set_defaults(run=commands["table"])

    run = each.add_parser("run", help="workloads beside their floors, and beside peers")
    run.add_argument(
        "--workload",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME",
        help="names, families, patterns or all; see pq-bench list",
    )
    run.add_argument(
        "--durability",
        nargs="+",
        action="extend",
        choices=DURABILITIES,
        default=[],
        help="default: normal and full",
    )
    run.add_argument(
        "--serializer",
        nargs="+",
        action="extend",
        default=[],
        choices=("pickle", "json", "msgpack", "cbor2"),
        help="default: pickle",
    )
    run.add_argument(
        "--vs",
        nargs="+",
        action="extend",
        default=[],
        metavar="PEER",
        help="also measure: " + ", ".join(PEERS) + "; a version may be given, as to pip",
    )
    _add_place(run)
    _add_measure(run)
    run.set_defaults(run=commands["run"])

    goals = each.add_parser("goals", help="the project's goals, and which of them are met")
    _add_goals(goals)
    goals.set_defaults(run=commands["goals"])

    results = each.add_parser("results", help="the same, and a page of it in Markdown")
    results.add_argument("path", type=Path, help="of the page")
    _add_goals(results)
    results.set_defaults(run=commands["results"])

    both = each.add_parser("compare", help="what got slower from one result to another")
    both.add_argument("before", type=Path, help="what --json has written")
    both.add_argument("after", type=Path, help="the same, later")
    both.add_argument(
        "--fail-over",
        type=_positive,
        metavar="RATIO",
        help="exit with 1 where something takes more than RATIO times as long, beyond the noise",
    )
    both.set_defaults(run=commands["compare"])

    shown = each.add_parser("page", help="an HTML page of what --json has written")
    shown.add_argument("path", type=Path, help="what --json has written")
    shown.add_argument("html", type=Path, help="of the page")
    shown.set_defaults(run=commands["page"])

    each.add_parser("list", help="what can be measured here").set_defaults(run=commands["list"])
    return whole


def _add_place(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--backend",
        nargs="+",
        action="extend",
        default=[],
        metavar="NAME|URL",
        help="file, sqlite, memory, or the URL of a server; default: what is installed",
    )
    parser.add_argument("--dir", type=_directory, help="on the disk to measure")


def _add_measure(parser: argparse.ArgumentParser) -> None:
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("--seconds", type=_positive, help="of one round (0.25)")
    amount.add_argument("--count", type=_count, default=0, help="items of one round, instead")
    parser.add_argument("--repeat", type=_count, help="rounds of each side, in turn (5)")
    parser.add_argument(
        "--depth", type=_count, default=1_000_000, help="items that wait, for open (1000000)"
    )
    parser.add_argument("--json", metavar="FILE", help="also write the figures; -: only those")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page of charts")


def _add_goals(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--only",
        nargs="+",
        action="extend",
        default=[],
        metavar="WORD",
        help="rows with one of these words in their name",
    )
    parser.add_argument(
        "--vs", default=PREDECESSOR, metavar="PEER", help=f"({PREDECESSOR}); '': nobody"
    )
    _add_place(parser)
    _add_measure(parser)


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _directory(text: str) -> Path:
    path = Path(text)
    if not path.is_dir():
        raise argparse.ArgumentTypeError(f"{text} is no directory; make it first")
    return path
