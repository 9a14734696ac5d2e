"""What a queue in SQLite offers about its file: transactions, checking, repairing, shrinking."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pq_core.callers import SharedCall, one_by_one
from pq_core.errors import StorageCorrupt
from pq_core.protocols import Damage
from pq_core.sql.base import BaseQueue
from pq_core.sqlite.engine import SQLiteEngine
from pq_core.sqlite.place import reopened

__all__ = ["InSQLite"]

T = TypeVar("T")


class InSQLite(BaseQueue[T]):
    """The part of a queue object that knows its database file.

    A class that takes it sets both attributes in its constructor.

    Attributes:
        _sqlite: the engine.
        _arguments: the constructor's, to open the queue again in another process.
    """

    _sqlite: SQLiteEngine
    _arguments: dict[str, Any]

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Several puts, acks and statements of one's own, all or nothing.

        Other threads of this object wait until it is over, and other processes that write wait
        too. Nothing inside may wait for them: get and put there with ``block=False``. ::

            with queue.transaction() as connection:
                connection.execute("UPDATE account SET ...")
                queue.put("tell the customer")

        It commits on a clean exit, durable as `durability` says, and rolls back on an exception.

        Yields:
            the sqlite3 connection.

        Raises:
            StorageBusy: another process held the database for the whole timeout.
        """
        with self._sqlite.transaction() as connection:
            try:
                yield connection
            finally:
                self._undo()

    def together(self, calls: list[SharedCall]) -> None:
        """Carries out puts, gets and acks of several callers, in one transaction.

        Where that fails, each is carried out by itself: none fails for another's sake.
        """
        if len(calls) < 2 or not self._sqlite.share(calls):
            self._undo()
            one_by_one(calls)

    def shrink_disk_usage(self) -> None:
        """Rebuilds the database file without its free pages. Takes long for a large file.

        Free pages of files made by this library are also given back while the queue is in use.

        Raises:
            StorageBusy: another process held the database for the whole timeout.
        """
        self._sqlite.execute("PRAGMA auto_vacuum=INCREMENTAL")
        self._sqlite.execute("VACUUM")
        self._sqlite.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def verify(self) -> list[Damage]:
        """Everything that is damaged; changes nothing. Empty: all is well.

        Reads every page of the database, and checks every item that is not settled against its
        checksum.
        """
        return self._damaged_pages() or self.damaged_items()

    def damaged_items(self) -> list[Damage]:
        """The part of `verify` that looks at items: those that fail their checksums."""
        return [damage for damage, _, _ in self._damage(self._file)]

    @property
    def name(self) -> str:
        """The queue's, in its database."""
        return str(self._arguments["name"])

    @property
    def path(self) -> Path:
        """The directory of the database file; ``:memory:`` of a queue in memory."""
        return Path(self._arguments["path"])

    @property
    def database(self) -> Path | None:
        """The database file; None of a queue in memory."""
        return self._sqlite.path

    def repair(self) -> list[Damage]:
        """Sets damaged items aside as dead letters, and rebuilds damaged indexes; what it was.

        Raises:
            StorageCorrupt: pages are damaged beyond that; restore a copy of the file, or read
                what is left of it with the sqlite3 program's ``.recover``.
        """
        found = self._damaged_pages()
        if found:
            self._sqlite.execute("REINDEX")
            if self._damaged_pages():
                raise StorageCorrupt(
                    self._file,
                    None,
                    "pages of the database are damaged",
                    "restore a copy, or use .recover of the sqlite3 program",
                )
        for damage, id, why in list(self._damage(self._file)):
            self._engine.write(self._base_plans.bury, id, why)
            found.append(damage)
        return found

    @property
    def _file(self) -> Path:
        return self._sqlite.path or Path(":memory:")

    def _damaged_pages(self) -> list[Damage]:
        try:
            rows = self._sqlite.execute("PRAGMA integrity_check")
        except StorageCorrupt as error:
            return [Damage(self._file, None, error.reason)]
        return [Damage(self._file, None, str(text)) for (text,) in rows if text != "ok"]

    def __reduce__(self) -> tuple[Any, ...]:
        if self._sqlite.path is None:
            raise TypeError("a queue in memory cannot be pickled; give it a path")
        place = {"path": str(self._file.parent), "db_file_name": self._file.name}
        return reopened, (type(self), {**self._arguments, **place})
