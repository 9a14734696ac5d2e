"""Lines of text into items, and items into lines."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, Final

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = ["lines_of", "opened_source", "write"]

#: Bytes asked for at once; a pipe of Linux holds as many.
_BLOCK: Final = 1 << 16


@contextmanager
def opened_source(file: str | None) -> Iterator[BufferedReader]:
    """What the lines are read from, open; a file that cannot be read is told with the remedy."""
    if file is None or file == "-":
        yield sys.stdin.buffer  # type: ignore[misc]  # it is one, whatever typeshed says
        return
    try:
        source = open(file, "rb")  # noqa: SIM115  # closed below, and its errors told apart
    except OSError as error:
        remedy = "name a file of lines, or - for standard input"
        raise OSError(f"{file}: {error.strerror}; {remedy}") from error
    with source:
        yield source


def lines_of(source: BufferedReader, advance: Callable[[int], object]) -> Iterator[list[str]]:
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


def write(out: BinaryIO, items: Iterable[object]) -> int:
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
