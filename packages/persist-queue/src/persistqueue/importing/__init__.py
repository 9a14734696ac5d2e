"""Queues of other libraries, read from their files and put into a queue of this one.

The formats are read here, without the libraries that wrote them, and the source is never written
to. What `persist-queue`, `pqueue` and `pq` wrote needs no import: it opens in place.
"""

from persistqueue.importing._formats import FORMATS, detected, opened
from persistqueue.importing._source import Reading, Source
from persistqueue.importing._target import filled

__all__ = ["FORMATS", "Reading", "Source", "detected", "filled", "opened"]
