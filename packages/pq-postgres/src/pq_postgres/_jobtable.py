"""The table of jobs, and what PQ says to it.

The table is pq's, column for column, so that both work on it side by side::

    id bigserial, enqueued_at, dequeued_at, expected_at, schedule_at timestamptz,
    q_name text, data json

A job is taken by setting `dequeued_at`; its row stays. What is ours stands beside it: a table of
leases, and a trigger with a function of its own. (pq has one function for all of its tables, and
making a second one takes the trigger of the first away.)

::

    pq_lease_<table>    id, q_name, token, attempts, until: when the job comes back; NULL: it has
"""

from __future__ import annotations

from typing import Final

from pq_core.sql.dialect import POSTGRESQL
from pq_postgres._names import LONGEST, folded, quoted

__all__ = ["JobTable"]

#: As pq orders: what has no time for its schedule first, what is expected at no time last.
_ORDER: Final = "schedule_at NULLS FIRST, expected_at NULLS LAST, id"
#: The columns of a job, times in UTC.
_JOB: Final = (
    "item.id, item.data::text AS data, item.enqueued_at AT TIME ZONE 'utc' AS enqueued_at,"
    " item.schedule_at AT TIME ZONE 'utc' AS schedule_at,"
    " item.expected_at AT TIME ZONE 'utc' AS expected_at"
)
#: A point in time, or seconds from now.
_WHEN: Final = "COALESCE(%s::timestamptz, clock_timestamp() + %s::float8 * interval '1 second')"
_SPAN: Final = "clock_timestamp() + %s::float8 * interval '1 second'"
#: How many leases that have ended are looked after at a time.
_SWEEP: Final = 100


class JobTable:
    """One statement an attribute; the parameters stand behind each.

    Args:
        table: the name; one that PostgreSQL takes without quotes means what it means there, so
            it is folded to lower case, and may be ``schema.table``.
        schema: where the table is; None: where the connection looks first.

    Attributes:
        name: of the table, as in messages.
        sql: the same, as in statements.
    """

    def __init__(self, table: str, schema: str | None) -> None:
        if schema is None and table.count(".") == 1:
            schema, table = table.split(".")
        table = folded(table)
        inside = "" if schema is None else quoted(folded(schema)) + "."
        self.name = table if schema is None else f"{schema}.{table}"
        main = self.sql = inside + quoted(table)
        roles = ("lease", "notify", "put", "ready", "until")
        lease, notify, put, ready_name, until = (
            quoted(POSTGRESQL.beside(role, table)) for role in roles
        )
        lease, notify = inside + lease, inside + notify
        base = (
            f"CREATE TABLE IF NOT EXISTS {main} (id bigserial PRIMARY KEY,"
            " enqueued_at timestamptz NOT NULL DEFAULT current_timestamp,"
            " dequeued_at timestamptz, expected_at timestamptz, schedule_at timestamptz,"
            " q_name text NOT NULL CHECK (length(q_name) > 0), data json NOT NULL)"
        )
        ready = (
            f"CREATE INDEX IF NOT EXISTS {ready_name} ON {main}"
            f" (q_name, {_ORDER}) WHERE dequeued_at IS NULL"
        )
        leases = (
            f"CREATE TABLE IF NOT EXISTS {lease} (id bigint PRIMARY KEY, q_name text NOT NULL,"
            " token bigint NOT NULL, attempts bigint NOT NULL, until timestamptz)"
        )
        ends = (
            f"CREATE INDEX IF NOT EXISTS {until} ON {lease} (q_name, until) WHERE until IS NOT NULL"
        )
        ring = (
            f"CREATE OR REPLACE FUNCTION {notify}() RETURNS trigger LANGUAGE plpgsql AS $pq$"
            f" BEGIN PERFORM pg_notify(CASE WHEN octet_length(NEW.q_name) > {LONGEST}"
            " THEN 'pq_' || md5(NEW.q_name) ELSE NEW.q_name END, ''); RETURN NULL; END $pq$"
        )
        unhook = f"DROP TRIGGER IF EXISTS {put} ON {main}"
        hook = (
            f"CREATE TRIGGER {put} AFTER INSERT ON {main} FOR EACH ROW EXECUTE PROCEDURE {notify}()"
        )
        # Statements without parameters.
        self.create = (base, ready)
        self.create_lease = (leases, ends)
        self.create_notify = (ring, unhook, hook)
        main, lease = main.replace("%", "%%"), lease.replace("%", "%%")
        #: (the identifier)
        self.exists = "SELECT to_regclass(%s) IS NOT NULL"
        self.identifier = inside + quoted(table)
        self.lease_identifier = lease

        #: (queue, data, point, seconds, point, seconds, channel)
        self.put = (
            f"WITH added AS (INSERT INTO {main} (q_name, data, schedule_at, expected_at)"
            f" VALUES (%s, %s, {_WHEN}, {_WHEN}) RETURNING id)"
            " SELECT id, pg_notify(%s, '') FROM added"
        )
        # The first in order is looked at even where it is not due yet: then none is, and it
        # tells for how long.
        first = (
            f"WITH first AS (SELECT id, schedule_at FROM {main}"
            f" WHERE q_name = %s AND dequeued_at IS NULL ORDER BY {_ORDER} LIMIT 1"
            " FOR UPDATE SKIP LOCKED),"
            f" taken AS (UPDATE {main} AS item SET dequeued_at = clock_timestamp() FROM first"
            " WHERE item.id = first.id AND (first.schedule_at IS NULL"
            f" OR first.schedule_at <= clock_timestamp()) RETURNING {_JOB})"
        )
        told = (
            "taken.id, taken.data, length(taken.data), taken.enqueued_at, taken.schedule_at,"
            " taken.expected_at,"
            " EXTRACT(EPOCH FROM first.schedule_at - clock_timestamp())::float8"
        )
        #: (queue)
        self.take = (
            f"{first} SELECT {told}, NULL, NULL FROM first LEFT JOIN taken ON taken.id = first.id"
        )
        #: (queue, queue, seconds)
        self.lease = (
            f"{first}, leased AS (INSERT INTO {lease} AS lease (id, q_name, token, attempts, until)"
            f" SELECT id, %s, 1, 1, {_SPAN} FROM taken ON CONFLICT (id) DO UPDATE SET"
            " token = lease.token + 1, attempts = lease.attempts + 1, until = EXCLUDED.until"
            " RETURNING token, attempts)"
            f" SELECT {told}, (SELECT token FROM leased), (SELECT attempts FROM leased)"
            " FROM first LEFT JOIN taken ON taken.id = first.id"
        )
        #: (queue): what was out for too long is ready again; tells how many.
        self.sweep = (
            f"WITH ended AS (SELECT id FROM {lease} WHERE q_name = %s"
            f" AND until <= statement_timestamp() ORDER BY until LIMIT {_SWEEP}"
            " FOR UPDATE SKIP LOCKED),"
            f" freed AS (UPDATE {lease} AS lease SET until = NULL FROM ended"
            " WHERE lease.id = ended.id)"
            f" UPDATE {main} AS item SET dequeued_at = NULL FROM ended WHERE item.id = ended.id"
        )
        #: (queue)
        self.next_end = (
            f"SELECT EXTRACT(EPOCH FROM min(until) - clock_timestamp())::float8 FROM {lease}"
            " WHERE q_name = %s AND until IS NOT NULL"
        )
        held = f"{lease} WHERE id = %s AND token = %s AND until IS NOT NULL"
        #: (id, token)
        self.ack = f"DELETE FROM {held}"
        #: (id, token, seconds or None, channel)
        self.nack = (
            f"WITH freed AS (UPDATE {lease} SET until = NULL WHERE id = %s AND token = %s"
            f" AND until IS NOT NULL RETURNING id), back AS (UPDATE {main} AS item"
            f" SET dequeued_at = NULL, schedule_at = COALESCE({_SPAN}, schedule_at)"
            " FROM freed WHERE item.id = freed.id RETURNING item.id)"
            " SELECT id, pg_notify(%s, '') FROM back"
        )
        #: (seconds, id, token)
        self.extend = (
            f"UPDATE {lease} SET until = {_SPAN} WHERE id = %s AND token = %s AND until IS NOT NULL"
        )
        #: (data, id)
        self.update = f"UPDATE {main} SET data = %s WHERE id = %s RETURNING length(data::text)"
        #: (queue)
        self.count = (
            f"SELECT count(*) FROM {main} WHERE q_name = %s AND dequeued_at IS NULL"
            " AND (schedule_at IS NULL OR schedule_at <= clock_timestamp())"
        )
        #: (queue)
        self.clear = f"DELETE FROM {main} WHERE q_name = %s"
        #: (queue)
        self.clear_lease = f"DELETE FROM {lease} WHERE q_name = %s"
