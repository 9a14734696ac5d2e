"""The command line of the demo, its progress bars and its table."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from importlib.metadata import metadata
from pathlib import Path
from typing import Any, BinaryIO, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from persistqueue.demo._account import Account, draw_up
from persistqueue.demo._crew import Crew, Role
from pq_core.registry import QueueURL, open_queue

__all__ = ["main"]

#: How many producers, and how many consumers.
SIZE: Final = 2
#: At which share of all lines put, or delivered, the next one of a role is killed.
KILLS: Final[dict[Role, tuple[float, ...]]] = {
    "producer": (0.15, 0.35, 0.6),
    "consumer": (0.1, 0.3, 0.5, 0.7),
}
#: Seconds between two looks at what was done: short beside the seconds that it takes.
LOOK: Final = 0.002

#: The local storages that the demo knows: the options of their queues, so that task_done settles.
BACKENDS: Final[dict[str, dict[str, Any]]] = {"file": {}, "sqlite": {"auto_commit": False}}
#: The options of a queue in a server. The dead are found out soon: a demo should not take long.
SERVER: Final[dict[str, Any]] = {"auto_commit": False, "heartbeat": 0.25}


class Written:
    """Counts the lines that the consumers have written, reading only what is new."""

    def __init__(self) -> None:
        self._open: dict[Path, BinaryIO] = {}
        self.count = 0

    def look(self, outputs: Sequence[Path]) -> int:
        """How many lines there are by now."""
        for path in outputs:
            if path not in self._open:
                self._open[path] = path.open("rb")
            self.count += self._open[path].read().count(b"\n")
        return self.count

    def close(self) -> None:
        """Close what was opened."""
        for file in self._open.values():
            file.close()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the demo.

    Returns:
        0; 1 where something was lost, altered, out of order or damaged.
    """
    arguments = _parser().parse_args(argv)
    console = Console(highlight=False)
    lines = _repeated(_text(arguments.file).splitlines(), arguments.lines)
    with tempfile.TemporaryDirectory(prefix="persistqueue-demo-") as temporary:
        directory = Path(temporary)
        text = directory / "text"
        text.write_bytes("".join(f"{line}\n" for line in lines).encode())
        url, options = _place(arguments.backend, directory)
        with open_queue(url, **options) as queue:
            if len(queue):
                raise SystemExit(f"persistqueue.demo: {queue!r} is not empty; give another name=")
        options["durability"] = arguments.durability
        crew = Crew(url, options, text, directory, SIZE)
        console.print(
            f"{len(lines):,} lines through a {arguments.backend.partition(':')[0]} queue: {SIZE} "
            f"producers, {SIZE} consumers, durability {arguments.durability}"
        )
        seconds = _run(crew, len(lines), console)
        account = draw_up(lines, SIZE, crew.outputs, crew.killed["consumer"])
        with open_queue(url, **crew.options) as queue:
            left, damages = len(queue), queue.verify() if hasattr(queue, "verify") else []
    console.print(_table(account, crew, seconds))
    for damage in damages:
        console.print(f"[red]damaged: {damage.path.name}: {damage.reason}")
    is_good = account.is_good and not left and not damages
    console.print("nothing lost" if is_good else "[red]this must not happen: please report it")
    return 0 if is_good else 1


def _place(backend: str, directory: Path) -> tuple[str, dict[str, Any]]:
    """The URL of the queue, and its options."""
    if "://" not in backend:
        url = (directory / "queue").as_uri().replace("file", backend, 1)
        return url, dict(BACKENDS[backend])
    options = dict(SERVER)
    if "name" not in QueueURL.parse(backend).query:
        options["name"] = "demo"
    return backend, options


def _backend(text: str) -> str:
    if "://" not in text and text not in BACKENDS:
        raise argparse.ArgumentTypeError(f"neither a URL nor one of {', '.join(BACKENDS)}: {text}")
    return text


def _run(crew: Crew, total: int, console: Console) -> float:
    """Lets the crew work and kills as planned; how many seconds it took."""
    planned = {role: deque(enumerate(shares)) for role, shares in KILLS.items()}
    written = Written()
    columns = (TextColumn("{task.description:>9}"), BarColumn(), MofNCompleteColumn())
    bars = Progress(*columns, console=console, disable=not console.is_terminal)
    started = time.monotonic()
    try:
        with bars, crew.working():
            put = bars.add_task("put", total=total)
            delivered = bars.add_task("delivered", total=total)
            while crew.look(LOOK):
                done: dict[Role, int] = {
                    "producer": crew.acknowledged(),
                    "consumer": written.look(crew.outputs),
                }
                bars.update(put, completed=done["producer"])
                bars.update(delivered, completed=min(done["consumer"], total))
                for role, kills in planned.items():
                    if kills and done[role] >= kills[0][1] * total:
                        turn, _ = kills.popleft()
                        victim = _killed(crew, role, turn)
                        if victim is not None:
                            bars.console.print(
                                f"SIGKILL to {role} {victim}: {done['producer']:,} put, "
                                f"{done['consumer']:,} delivered; started again"
                            )
            bars.update(put, completed=total)
            bars.update(delivered, completed=min(written.look(crew.outputs), total))
    finally:
        written.close()
    return time.monotonic() - started


def _killed(crew: Crew, role: Role, turn: int) -> int | None:
    """Kills the one whose turn it is, or the next who has not finished yet; who that was."""
    everyone = (who % SIZE for who in range(turn, turn + SIZE))
    return next((who for who in everyone if crew.kill(role, who)), None)


def _table(account: Account, crew: Crew, seconds: float) -> Table:
    table = Table(title="what the consumers wrote", show_header=False)
    table.add_column("what")
    table.add_column("how many", justify="right")
    killed = f"{crew.killed['producer']} producers, {crew.killed['consumer']} consumers"
    rows: list[tuple[str, int | str]] = [
        ("put", account.put),
        ("delivered", account.delivered),
        ("put again after a kill", account.put_again),
        ("delivered again after a kill", account.delivered_again),
        ("altered", account.altered),
        ("lost", account.lost),
        ("out of order", account.out_of_order),
        ("killed and started again", killed),
        ("items per second, kills and starts included", round(account.delivered / seconds)),
    ]
    for name, value in rows:
        table.add_row(name, value if isinstance(value, str) else f"{value:,}")
    return table


def _text(file: str | None) -> str:
    if file is None:
        readme = Path("README.md")
        if not readme.is_file():
            return str(metadata("persist-queue").json["description"])
        file = str(readme)
    return Path(file).read_text("utf-8", errors="replace")


def _repeated(lines: list[str], least: int) -> list[str]:
    """The lines as often as it takes to have at least so many of them."""
    if not lines:
        raise SystemExit("persistqueue.demo: the text has no lines; give another file")
    return lines * -(-least // len(lines)) if len(lines) < least else lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="persistqueue.demo", description=__doc__)
    parser.add_argument("file", metavar="FILE", nargs="?", help="a text (default: the README)")
    parser.add_argument(
        "--lines", type=int, default=50_000, help="at least so many (default: 50000)"
    )
    parser.add_argument(
        "--backend",
        type=_backend,
        default="file",
        help="file, sqlite, or the URL of a server (default: file)",
    )
    parser.add_argument("--durability", choices=("full", "normal", "off"), default="normal")
    return parser


if __name__ == "__main__":
    sys.exit(main())
