"""The file queue of persist-queue: `Queue`, first in, first out, in the files of a directory."""

from pq_file._queue import Queue
from pq_file._version import __version__

__all__ = ["Queue", "__version__"]
