"""What a queue object knows of MySQL beyond what all servers have."""

from __future__ import annotations

from typing import Any, TypeVar

from pq_core.errors import QueueClosed
from pq_core.server.queues import InServer
from pq_mysql._driver import MySQLDriver

__all__ = ["InMySQL"]

T = TypeVar("T")


class InMySQL(InServer[T]):
    """Connections for a caller's own statements, by the names that persist-queue has for them."""

    def get_pooled_conn(self) -> Any:
        """A connection of PyMySQL to the queue's database, from a pool that this object has.

        It is the caller's until closed, or deleted: nothing happens before its `commit()`, and
        what is not committed by then is rolled back. For statements that have to commit
        together with a put or an ack there is `transaction()`.

        Raises:
            QueueClosed: the queue was closed.
            StorageError: the server cannot be reached, or refuses.
        """
        driver, where = self._server.driver, self._server.where
        assert isinstance(driver, MySQLDriver)
        if self.closed:
            raise QueueClosed(f"{where}: the queue was closed; open a new one")
        try:
            return driver.lend()
        except driver.errors as error:
            raise driver.translated(error, where) from error

    @property
    def _table_name(self) -> str:
        """Of the items, quoted: what persist-queue's users write into their own statements."""
        return self._server.layout.dialect.name_of(self._server.layout.table).replace("%%", "%")
