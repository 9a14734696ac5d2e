"""The ``persistqueue`` command: lines into a queue and items out of it, made for pipes.

Exit status: 0 done; 1 nothing to get, or damage found; 2 a wrong call, or the storage failed;
130 stopped by Ctrl-C; 141 the reader of the output went away. Neither of the last two loses an
item: it leaves the queue only after it has been written out.
"""

from persistqueue.cli._main import main

__all__ = ["main"]
