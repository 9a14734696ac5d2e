"""The exit statuses of the command, and how it complains."""

import sys
from typing import Final

__all__ = ["DAMAGED", "DONE", "FAILED", "INTERRUPTED", "NOTHING", "READER_GONE", "complain"]

DONE: Final = 0
NOTHING: Final = 1
DAMAGED: Final = 1
FAILED: Final = 2
#: What a shell reports of a program that a signal has ended: 128 + SIGINT, 128 + SIGPIPE.
INTERRUPTED: Final = 128 + 2
READER_GONE: Final = 128 + 13


def complain(error: object) -> None:
    """Tells an error on standard error, as ``persistqueue: …``."""
    sys.stderr.write(f"persistqueue: {error}\n")
