"""Queues in a database server: the engine that runs plans over a pool of connections.

What a wheel adds is a `Driver`, and the constructors of its classes.
"""

from pq_core.server.driver import Driver, Listener, Session, Verdict
from pq_core.server.engine import ServerEngine
from pq_core.server.queues import AckServerQueue, PlainServerQueue, Settings

__all__ = [
    "AckServerQueue",
    "Driver",
    "Listener",
    "PlainServerQueue",
    "ServerEngine",
    "Session",
    "Settings",
    "Verdict",
]
