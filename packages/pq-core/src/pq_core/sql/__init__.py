"""SQL queues without a database: dialects, tables, plans, and the queues that drive them.

What a wheel adds is an `Engine` and the constructors of its classes.
"""

from pq_core.sql.dialect import MYSQL, POSTGRESQL, SQLITE, Dialect
from pq_core.sql.driver import Engine
from pq_core.sql.kinds import KINDS, Kind
from pq_core.sql.schema import Layout, dictionary_layout, queue_layout
from pq_core.sql.statement import Plan, Statement

__all__ = [
    "KINDS",
    "MYSQL",
    "POSTGRESQL",
    "SQLITE",
    "Dialect",
    "Engine",
    "Kind",
    "Layout",
    "Plan",
    "Statement",
    "dictionary_layout",
    "queue_layout",
]
