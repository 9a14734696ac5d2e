"""The file queue's log: format, recovery, and the engine that every local user of it shares.

What it stores are bytes; serializing, waiting and everything a caller sees is the queue class's.
`Log` is one open directory, `Session` what one queue object has out of it.
"""

from pq_core.log.log import Log, Predecessor, attach
from pq_core.log.session import Session

__all__ = ["Log", "Predecessor", "Session", "attach"]
