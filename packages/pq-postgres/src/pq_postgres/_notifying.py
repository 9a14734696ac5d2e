"""The trigger that tells other processes of what is ready."""

from __future__ import annotations

from typing import Final

from pq_core.sql.dialect import POSTGRESQL
from pq_core.sql.kinds import Kind
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Plan, Statement, reading
from pq_postgres._names import quoted
from pq_postgres._server import channel_of_table

__all__ = ["Notifying"]

_FUNCTION: Final = (
    "CREATE OR REPLACE FUNCTION pq_changed() RETURNS trigger LANGUAGE plpgsql AS"
    " $pq$ BEGIN PERFORM pg_notify(TG_ARGV[0], ''); RETURN NULL; END $pq$"
)


class Notifying:
    """The plans that make the trigger of a table.

    It says something when an item is put, and when one comes back; not when one is taken.

    Args:
        layout: of the queue.
        kind: of queue.
    """

    def __init__(self, layout: Layout, kind: Kind) -> None:
        main = layout.main
        put, back = (
            quoted(POSTGRESQL.beside(each, layout.table)).replace("%", "%%")
            for each in ("put", "back")
        )
        channel = "'" + channel_of_table(layout.table).replace("'", "''").replace("%", "%%") + "'"
        call = f"EXECUTE PROCEDURE pq_changed({channel})"
        columns, ready = (
            ("status, due", "NEW.status IN (1, 3)")
            if kind.is_acked
            else ("owner", "NEW.owner IS NULL")
        )
        self._layout = layout
        self._name = POSTGRESQL.beside("put", layout.table)
        told = f"CREATE TRIGGER {put} AFTER INSERT ON {main} FOR EACH STATEMENT {call}"
        told_back = (
            f"CREATE TRIGGER {back} AFTER UPDATE OF {columns} ON {main}"
            f" FOR EACH ROW WHEN ({ready}) {call}"
        )
        self._steps = (_FUNCTION, told, told_back)
        self._is_there = Statement(
            "SELECT 1 FROM pg_trigger WHERE tgname = %s AND tgrelid = to_regclass(quote_ident(%s))",
            "one",
        )

    @reading
    def is_there(self) -> Plan[bool]:
        """Whether the table has its trigger."""
        found = yield self._is_there, (self._name, self._layout.table)
        return found is not None

    def prepare(self) -> Plan[None]:
        """Makes the trigger; does nothing where it is."""
        yield from self._layout.lock()
        if not (yield from self.is_there()):
            for step in self._steps:
                yield Statement(step), ()
