"""Durable queues: one namespace over the wheels that are installed.

>>> import persistqueue
>>> with persistqueue.Queue("mypath") as queue:
...     _ = queue.put("a")
...     queue.get()
...     queue.task_done()
'a'

Nothing is loaded until it is used. A name whose wheel is missing raises `BackendNotInstalled`, an
ImportError that says which one to install.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from persistqueue._version import __version__ as __version__

if TYPE_CHECKING:
    from persistqueue import async_queue as async_queue
    from persistqueue import async_sqlqueue as async_sqlqueue
    from persistqueue import exceptions as exceptions
    from persistqueue import mysqlqueue as mysqlqueue
    from persistqueue import pdict as pdict
    from persistqueue import priorityqueue as priorityqueue
    from persistqueue import queue as queue
    from persistqueue import serializers as serializers
    from persistqueue import sqlackqueue as sqlackqueue
    from persistqueue import sqlqueue as sqlqueue
    from pq_async import AsyncAdapter as AsyncAdapter
    from pq_async import AsyncFIFOSQLiteAckQueue as AsyncFIFOSQLiteAckQueue
    from pq_async import AsyncFIFOSQLiteQueue as AsyncFIFOSQLiteQueue
    from pq_async import AsyncFILOSQLiteAckQueue as AsyncFILOSQLiteAckQueue
    from pq_async import AsyncFILOSQLiteQueue as AsyncFILOSQLiteQueue
    from pq_async import AsyncMessage as AsyncMessage
    from pq_async import AsyncPriorityQueue as AsyncPriorityQueue
    from pq_async import AsyncQueue as AsyncQueue
    from pq_async import AsyncSQLiteAckQueue as AsyncSQLiteAckQueue
    from pq_async import AsyncSQLiteQueue as AsyncSQLiteQueue
    from pq_async import AsyncUniqueAckQ as AsyncUniqueAckQ
    from pq_async import AsyncUniqueQ as AsyncUniqueQ
    from pq_core import BackendNotInstalled as BackendNotInstalled
    from pq_core import DecodeError as DecodeError
    from pq_core import Empty as Empty
    from pq_core import EncodeError as EncodeError
    from pq_core import Full as Full
    from pq_core import LeaseLost as LeaseLost
    from pq_core import OutcomeUnknown as OutcomeUnknown
    from pq_core import QueueClosed as QueueClosed
    from pq_core import QueueError as QueueError
    from pq_core import SchemaMismatch as SchemaMismatch
    from pq_core import StorageBusy as StorageBusy
    from pq_core import StorageCorrupt as StorageCorrupt
    from pq_core import StorageError as StorageError
    from pq_core import StorageUnusable as StorageUnusable
    from pq_core import open_queue as open_queue
    from pq_file import Queue as Queue
    from pq_mysql import FIFOMySQLAckQueue as FIFOMySQLAckQueue
    from pq_mysql import FIFOMySQLQueue as FIFOMySQLQueue
    from pq_mysql import FILOMySQLAckQueue as FILOMySQLAckQueue
    from pq_mysql import FILOMySQLQueue as FILOMySQLQueue
    from pq_mysql import MySQLAckQueue as MySQLAckQueue
    from pq_mysql import MySQLPriorityQueue as MySQLPriorityQueue
    from pq_mysql import MySQLQueue as MySQLQueue
    from pq_mysql import MySQLUniqueAckQ as MySQLUniqueAckQ
    from pq_mysql import MySQLUniqueQ as MySQLUniqueQ
    from pq_postgres import PQ as PQ
    from pq_postgres import FILOPostgresAckQueue as FILOPostgresAckQueue
    from pq_postgres import FILOPostgresQueue as FILOPostgresQueue
    from pq_postgres import PostgresAckQueue as PostgresAckQueue
    from pq_postgres import PostgresPriorityQueue as PostgresPriorityQueue
    from pq_postgres import PostgresQueue as PostgresQueue
    from pq_postgres import PostgresUniqueAckQ as PostgresUniqueAckQ
    from pq_postgres import PostgresUniqueQ as PostgresUniqueQ
    from pq_sqlite import AckStatus as AckStatus
    from pq_sqlite import FIFOSQLiteAckQueue as FIFOSQLiteAckQueue
    from pq_sqlite import FIFOSQLiteQueue as FIFOSQLiteQueue
    from pq_sqlite import FILOSQLiteAckQueue as FILOSQLiteAckQueue
    from pq_sqlite import FILOSQLiteQueue as FILOSQLiteQueue
    from pq_sqlite import PDict as PDict
    from pq_sqlite import PriorityQueue as PriorityQueue
    from pq_sqlite import SQLiteAckQueue as SQLiteAckQueue
    from pq_sqlite import SQLiteQueue as SQLiteQueue
    from pq_sqlite import UniqueAckQ as UniqueAckQ
    from pq_sqlite import UniqueQ as UniqueQ

#: The modules that ``import persistqueue`` alone makes usable, as it always did.
_SUBMODULES: Final = (
    "async_queue",
    "async_sqlqueue",
    "exceptions",
    "mysqlqueue",
    "pdict",
    "priorityqueue",
    "queue",
    "serializers",
    "sqlackqueue",
    "sqlqueue",
)


def __getattr__(name: str) -> Any:
    from persistqueue._wheels import HOMES, fetch, installed_names

    if name == "__all__":
        return [*installed_names(), "serializers"]
    if name in _SUBMODULES:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # The next look finds it without asking here.
    value = globals()[name] = fetch(name)
    return value


def __dir__() -> list[str]:
    from persistqueue._wheels import installed_names

    return sorted({*globals(), *installed_names(), *_SUBMODULES})
