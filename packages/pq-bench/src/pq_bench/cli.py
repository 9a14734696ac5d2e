"""The ``pq-bench`` command.

Exit status: 0 done; 1 something got slower than it may (`compare --fail-over`); 2 a wrong call, or
the storage failed; 130 stopped by Ctrl-C, with no process and no file left behind.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import shlex
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final

from pq_bench import _documented
from pq_bench._arguments import parser
from pq_bench._bench import Bench, Choice, selected
from pq_bench._compare import compare, show_comparison
from pq_bench._contest import Plan
from pq_bench._machine import machine
from pq_bench._machine import told as machine_told
from pq_bench._page import page
from pq_bench._peers import PeerFailed, name_of
from pq_bench._progress import ticking
from pq_bench._queues import SERVERS, Backend, installed
from pq_bench._records import FORMAT, load, record_goal, record_reading, record_row
from pq_bench._results import results_page
from pq_bench._tables import console, grid, show_goals, show_readings, show_rows
from pq_bench._workloads import QUICK, READINGS, STANDARD, WORKLOADS, chosen
from pq_bench.stage.crew import CrewFailed
from pq_bench.stage.peers import PEERS
from pq_bench.stage.session import WrongCount
from pq_core.errors import QueueError
from pq_core.registry import GROUP, QueueURL

__all__ = ["main"]

DONE: Final = 0
SLOWER: Final = 1
FAILED: Final = 2
#: What a shell reports of a program that a signal has ended: 128 + SIGINT.
INTERRUPTED: Final = 128 + 2

#: The result code of SQLite for it (sqlite.org/rescode.html).
_SQLITE_FULL: Final = 13


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status.

    Args:
        argv: the arguments; those of the process where None.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = parser(_COMMANDS).parse_args(_with_command(given))
    arguments.said = ["pq-bench", *given]
    # Whoever ends us gets a clean disk as well.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (
        QueueError,
        OSError,
        sqlite3.Error,
        ValueError,
        PeerFailed,
        WrongCount,
        CrewFailed,
    ) as error:
        sys.stderr.write(f"pq-bench: {_told(error, arguments)}\n")
        return FAILED
    finally:
        signal.signal(signal.SIGTERM, before)


def _with_command(given: list[str]) -> list[str]:
    """`pq-bench 1000 rst` is `pq-bench table 1000 rst`; options alone are those of `run`."""
    if given and (given[0] in _COMMANDS or given[0] in ("-h", "--help", "--version")):
        return given
    if given and (given[0].isdigit() or given[0] in _documented.FORMATS):
        return ["table", *given]
    return ["run", *given] if not given or given[0].startswith("-") else given


def _told(error: BaseException, arguments: argparse.Namespace) -> str:
    """What is wrong, in one line. A full disk is recognised whoever ran into it."""
    parent = getattr(arguments, "dir", None) or Path(_temporary())
    seen: BaseException | None = error
    while seen is not None:
        if getattr(seen, "errno", None) == errno.ENOSPC or _is_full(seen):
            free = shutil.disk_usage(parent).free
            return (
                f"the disk under {parent} is full ({free:,} bytes free); give it room, or choose "
                "another one with --dir"
            )
        seen = seen.__cause__ or seen.__context__
    return f"{error}"


def _is_full(error: BaseException) -> bool:
    # Python 3.10 tells no code.
    code = getattr(error, "sqlite_errorcode", None)
    # What a process of its own ran into comes as a text.
    said = str(error)
    return code == _SQLITE_FULL or "disk is full" in said or os.strerror(errno.ENOSPC) in said


def _temporary() -> str:
    import tempfile

    return tempfile.gettempdir()


# -- the commands -----------------------------------------------------------------------------


def _table(arguments: argparse.Namespace) -> int:
    backends = _backends(arguments.backend)
    durability = arguments.durability
    out = console()
    total = len(_documented.queues(backends))
    with Bench(arguments.dir, Plan(), [], backends) as bench, ticking(total) as ticker:
        lines = list(
            _documented.measure(
                backends, durability, arguments.count, arguments.repeat, bench.root, ticker
            )
        )
    _documented.show(out, lines, arguments.count, arguments.format)
    return DONE


def _run(arguments: argparse.Namespace) -> int:
    is_quick = len(arguments.said) == 1
    plan = _plan(arguments, Plan(0.1, 0, 3) if is_quick else Plan())
    names = arguments.workload or list(QUICK if is_quick else STANDARD)
    workloads, readings = chosen(names)
    backends = _backends(arguments.backend)
    durabilities = arguments.durability or _durabilities(backends, arguments.vs)
    choice = Choice(
        backends,
        durabilities,
        arguments.serializer or ["pickle"],
        workloads,
        readings,
        arguments.depth,
    )
    out = console()
    with Bench(arguments.dir, plan, arguments.vs, backends) as bench:
        document = _document(arguments, bench)
        contests = bench.contests(choice)
        if not contests and not readings:
            raise ValueError(
                "none of these backends has any of these workloads; see: pq-bench list"
            )
        with ticking(len(contests) + len(readings)) as ticker:
            rows = list(bench.rows(contests, ticker))
            found = list(bench.readings(choice, ticker))
    document["rows"] = [record_row(each) for each in rows]
    document["readings"] = [record_reading(each) for each in found]
    if arguments.json == "-":
        out.out(json.dumps(document, indent=1))
    else:
        _head(out, document)
        if rows:
            show_rows(out, rows)
        show_readings(out, found)
        _notes(out, bench.notes)
    _keep(arguments, document)
    return DONE


def _goals(arguments: argparse.Namespace) -> int:
    document = _measure_goals(arguments)
    _keep(arguments, document)
    return DONE


def _results(arguments: argparse.Namespace) -> int:
    document = _measure_goals(arguments)
    _keep(arguments, document)
    arguments.path.parent.mkdir(parents=True, exist_ok=True)
    arguments.path.write_text(results_page(document), "utf-8")
    return DONE


def _measure_goals(arguments: argparse.Namespace) -> dict[str, Any]:
    plan = _plan(arguments, Plan(latencies=False))
    backends = _backends(arguments.backend)
    words = [word.lower() for word in arguments.only]
    readings = [each for each in READINGS if not words or any(word in each for word in words)]
    choice = Choice(
        [each for each in backends if each.name in ("file", "sqlite") or each.is_server],
        ["normal"],
        ["pickle"],
        [],
        readings,
        arguments.depth,
    )
    out = console()
    with Bench(arguments.dir, plan, [arguments.vs] if arguments.vs else [], backends) as bench:
        document = _document(arguments, bench)
        with ticking(len(selected(words)) + len(readings) * len(choice.backends)) as ticker:
            outcomes = list(bench.outcomes(backends, ticker, words))
            found = list(bench.readings(choice, ticker))
    document["goals"] = [record_goal(each) for each in outcomes]
    document["rows"] = [goal["row"] for goal in document["goals"] if goal["row"]]
    document["readings"] = [record_reading(each) for each in found]
    if arguments.json == "-":
        out.out(json.dumps(document, indent=1))
    else:
        _head(out, document)
        show_goals(out, outcomes, found)
        _notes(out, bench.notes)
    return document


def _compare(arguments: argparse.Namespace) -> int:
    changes = compare(load(arguments.before), load(arguments.after))
    if not changes:
        raise ValueError(
            f"{arguments.before} and {arguments.after} have no row in common; measure the same"
        )
    show_comparison(console(), changes, arguments.fail_over)
    if arguments.fail_over is None:
        return DONE
    return SLOWER if any(each.is_slower_than(arguments.fail_over) for each in changes) else DONE


def _list(_arguments: argparse.Namespace) -> int:
    out = console()
    backends = installed()
    rows: list[list[Any]] = [
        [each.name, ", ".join(each.kinds), "yes" if each.has_floor else ""] for each in backends
    ]
    grid(out, ["backend", "kinds", "floor"], rows, left=3)
    out.print(f"from the entry points {GROUP}; servers by --backend URL: {', '.join(SERVERS)}\n")
    grid(
        out,
        ["workload", "what it does"],
        [[each.name, _what(each.spec)] for each in WORKLOADS],
        left=2,
    )
    out.print(f"measured by themselves: {', '.join(READINGS)}\n")
    out.print(f"peers for --vs: {', '.join(PEERS)}")
    return DONE


def _page(arguments: argparse.Namespace) -> int:
    arguments.html.write_text(page(load(arguments.path)), "utf-8")
    return DONE


def _what(spec: Any) -> str:
    usual = type(spec)(spec.shape)
    more = [
        f"{name}={value}"
        for name, value in vars(spec).items()
        if value != getattr(usual, name) and name != "shape"
    ]
    return " ".join([spec.shape, *more])


# -- what they share --------------------------------------------------------------------------


def _backends(given: list[str]) -> list[Backend]:
    """The backends that are asked for; every one that is installed where none is.

    Raises:
        ValueError: one is not installed, or a server is asked for without its URL.
    """
    urls = {}
    for text in given:
        if ":" in text:
            scheme = QueueURL.parse(text).scheme
            if scheme not in SERVERS:
                raise ValueError(
                    f"the {scheme} backend takes no URL here; write --backend {scheme}, and choose "
                    "the disk with --dir"
                )
            urls[scheme] = text
    found = [*installed(urls), Backend("memory")]
    if not given:
        return found[:-1]
    by_name = {each.name: each for each in found}
    names = [text.partition(":")[0].lower() for text in given]
    for name in names:
        if name in SERVERS and name not in urls:
            raise ValueError(
                f"the {name} backend needs a server; write --backend {name}://user@host/database"
            )
        if name not in by_name:
            known = ", ".join(by_name)
            raise ValueError(f"there is no backend {name!r}; installed are: {known}")
    return [by_name[name] for name in dict.fromkeys(names)]


def _durabilities(backends: list[Backend], requirements: Iterable[str]) -> list[str]:
    """Both that promise something, and that of every peer, so that each appears in a row."""
    from pq_bench._peers import LEVELS

    levels = {"normal", "full"}
    for requirement in requirements:
        levels |= {
            level
            for (peer, backend), level in LEVELS.items()
            if peer == name_of(requirement) and backend in {each.name for each in backends}
        }
    return [each for each in ("full", "normal", "off") if each in levels]


def _plan(arguments: argparse.Namespace, usual: Plan) -> Plan:
    return Plan(
        seconds=usual.seconds if arguments.seconds is None else arguments.seconds,
        count=arguments.count,
        rounds=usual.rounds if arguments.repeat is None else arguments.repeat,
        latencies=usual.latencies,
    )


def _document(arguments: argparse.Namespace, bench: Bench) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "command": _command(arguments.said),
        "started": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": machine(bench.root),
        "plan": {
            "seconds": bench.plan.seconds,
            "count": bench.plan.count,
            "rounds": bench.plan.rounds,
        },
        "peers": {peer.name: peer.version for peer in bench.peers},
        "notes": bench.notes,
    }


def _command(said: list[str]) -> str:
    """The command, without the passwords of URLs."""
    shown = []
    for word in said:
        head, found, rest = word.partition("://")
        if found and "@" in rest:
            user, _, host = rest.rpartition("@")
            shown.append(f"{head}://{user.partition(':')[0]}@{host}")
        else:
            shown.append(word)
    return shlex.join(shown)


def _head(out: Any, document: dict[str, Any]) -> None:
    out.print(machine_told(document["machine"]))
    plan = document["plan"]
    amount = f"{plan['count']} items" if plan["count"] else f"{plan['seconds']:g} s"
    out.print(
        f"median of {plan['rounds']} interleaved rounds of {amount}; in brackets the quartiles; "
        "an item is a dict of 98 bytes pickled\n"
    )


def _notes(out: Any, notes: list[str]) -> None:
    for note in notes:
        out.print(note)


def _keep(arguments: argparse.Namespace, document: dict[str, Any]) -> None:
    if arguments.json not in (None, "-"):
        Path(arguments.json).write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    if arguments.html is not None:
        arguments.html.write_text(page(document), "utf-8")


_COMMANDS: Final = {
    "table": _table,
    "run": _run,
    "goals": _goals,
    "results": _results,
    "compare": _compare,
    "page": _page,
    "list": _list,
}


if __name__ == "__main__":
    sys.exit(main())
