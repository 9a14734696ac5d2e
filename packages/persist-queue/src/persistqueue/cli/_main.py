"""Runs the command, and turns every error into an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from persistqueue.cli._arguments import parser
from persistqueue.cli._status import FAILED, INTERRUPTED, READER_GONE, complain
from pq_core.errors import QueueError

if TYPE_CHECKING:
    import argparse

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status.

    Args:
        argv: the arguments; those of the process where None.
    """
    try:
        arguments = parser().parse_args(argv)
        run: Callable[[argparse.Namespace], int] = arguments.run
        return run(arguments)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return READER_GONE
    except (QueueError, OSError, ValueError) as error:
        complain(error)
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
