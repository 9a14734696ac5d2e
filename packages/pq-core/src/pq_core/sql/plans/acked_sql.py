"""What the plans of ack queues say, rendered once for a queue."""

from __future__ import annotations

from typing import Final

from pq_core.sql.kinds import Kind
from pq_core.sql.schema import Layout
from pq_core.sql.statement import Statement, Wants

__all__ = ["ACKED", "DELAYED", "FAILED", "LEASED", "PAGE", "READY", "AckedStatements"]

READY: Final = 1
LEASED: Final = 2
DELAYED: Final = 3
ACKED: Final = 5
FAILED: Final = 9

#: How many rows a listing reads at a time.
PAGE: Final = 256
#: How many items that are due are tended to at a time, so that it stays short.
TEND: Final = 100


class AckedStatements:
    """One statement an attribute; each is used by the plan that its name tells.

    Args:
        layout: the tables.
        kind: the kind of queue.
    """

    def __init__(self, layout: Layout, kind: Kind) -> None:
        d = layout.dialect
        p, now, main, state = d.placeholder, d.now, layout.main, layout.state
        narrow = d.narrow
        id = "id" if narrow else "_id"
        down = " DESC" if kind.newest_first else ""
        order = f"priority, {id}{down}"
        # A server weighs each OR of columns against each of its indexes: a tenth of a claim.
        live = f"(due IS NULL OR due > {now})" if narrow else f"(due <= {now}) IS NOT TRUE"
        ready = f"FROM {state} WHERE {d.is_ready} AND {live}"
        join = f" JOIN {main} ON {main}._id = {state}.id" if narrow else ""
        lock = d.for_update
        passing = d.skip_locked

        def say(sql: str, wants: Wants = "none") -> Statement:
            return Statement(sql, wants)

        def payload(column: str) -> str:
            if not narrow:
                return column
            return f"(SELECT {column} FROM {main} WHERE {main}._id = {state}.id)"

        fields, marks = "data, timestamp, status, crc", f"{p}, {now}, 1, {p}"
        if not narrow:
            fields += ", priority, attempts, token"
            marks += f", {p}, 0, 0"
        plain = f"INSERT INTO {main} ({fields}) VALUES ({marks})"
        self.insert = say(plain + (d.upsert if kind.is_unique else "") + d.inserted_id, "id")
        told: Wants = "ids" if d.bulk_ids == "told" else "many"
        self.insert_all = say(plain + d.inserted_id, told)
        self.last_id = say(d.last_id, "one")
        if narrow:
            states = f"INSERT INTO {state} (id, status, priority, attempts, token)"
            self.add = say(f"{states} VALUES ({p}, 1, {p}, 0, 0)")
            self.add_all = say(f"{states} VALUES ({p}, 1, {p}, 0, 0)", "many")
            self.add_timed = say(
                f"INSERT INTO {state} (id, status, priority, due, expires, attempts, token,"
                f" dedupe_key) VALUES ({p}, {p}, {p}, {now} + {p}, {now} + {p}, 0, 0, {p})"
            )
        else:
            self.insert_timed = say(
                f"INSERT INTO {main} (data, timestamp, crc, status, priority, due, expires,"
                f" attempts, token, dedupe_key) VALUES"
                f" ({p}, {now}, {p}, {p}, {p}, {now} + {p}, {now} + {p}, 0, 0, {p})"
                + (d.upsert if kind.is_unique else "")
                + d.inserted_id,
                "id",
            )
        same = (
            f"SELECT id, status FROM {state}"
            f" WHERE id = (SELECT _id FROM {main} WHERE {d.same.format(p=p)}){lock}"
            if narrow
            else f"SELECT _id, status FROM {main} WHERE {d.same.format(p=p)}{lock}"
        )
        self.same = say(same if kind.is_unique else "", "one")
        self.keyed = say(
            f"SELECT {id}, status, {now} - {payload('timestamp')} FROM {state}"
            f" WHERE dedupe_key = {p} ORDER BY {id} DESC LIMIT 1{lock}",
            "one",
        )
        self.retime = say(
            f"UPDATE {state} SET status = {p}, priority = {p}, due = {now} + {p},"
            f" expires = {now} + {p} WHERE {id} = {p}"
        )
        # With the order the index is used, whatever the statistics say of what is ready.
        self.some = say(
            f"SELECT count(*) FROM (SELECT 1 FROM {state} WHERE {d.is_ready}"
            f" ORDER BY {order} LIMIT {p}) AS few",
            "one",
        )
        self.bound = say(f"SELECT marks FROM {layout.meta} WHERE name = {p}{lock}", "one")

        lease = f"due = {now} + {p}"
        taking = (
            f"UPDATE {state} SET status = 2, attempts = attempts + 1, token = token + 1,"
            f" owner = {p}, {lease}"
        )
        first = f"SELECT {id} {ready} ORDER BY {order} LIMIT 1{passing}"
        item = f"{id}, data, timestamp, crc"
        # The claimant chooses the token, and so can take back a claim whose answer was lost.
        by_token = taking.replace("token = token + 1", f"token = {p}")
        self.claim_at_once = say(
            f"{by_token} WHERE {id} = ({first}) RETURNING {item}, token, attempts"
            if d.returning and not narrow
            else "",
            "rows",
        )
        self.claim_as = say("" if narrow else f"{by_token} WHERE {id} = {p}", "many")
        # An index that is damaged may name a row that was settled long ago, for ever.
        taking += f" WHERE {id} = {p}{' AND status = 1' if narrow else ''}"
        self.claim_one = say(taking, "sure")
        self.claim_all = say(taking if narrow else "", "many")
        row = f"{item}, token + 1, attempts + 1"
        where = f"FROM {state}{join} WHERE {state}.{d.is_ready} AND {live}"
        found = f"SELECT {row} {where}"
        soonest = f"(SELECT min(due) FROM {state} WHERE due IS NOT NULL)"
        self.first = say(
            f"SELECT {row}, {soonest}, {now} {where} ORDER BY {order} LIMIT 1{passing}"
            if narrow
            else f"{found} ORDER BY {order} LIMIT 1{passing}",
            "rows",
        )
        self.next = say(f"{found} ORDER BY {order} LIMIT {p}{passing}", "rows")
        self.by_id = say(f"{found} AND {id} = {p}{passing}", "rows")
        beyond = f"{id} {'<' if down else '>'} {p}"
        self.beyond = say(f"{found} AND {beyond} ORDER BY {id}{down} LIMIT 1{passing}", "rows")
        self.status = say(
            f"SELECT status, owner, attempts, token FROM {state} WHERE {id} = {p}", "one"
        )
        self.next_due = say(f"SELECT min(due) FROM {state} WHERE due IS NOT NULL", "one")

        # The sign keeps PostgreSQL from reading all that the owner has out, by the index of that.
        mine = f"WHERE {id} = {p} AND {'' if narrow else '+'}status = 2 AND owner = {p}"
        settled = "status = 5, priority = 0" if d.one_index else "status = 5"
        done = f"UPDATE {state} SET {settled}, due = NULL, expires = NULL {mine}"
        self.ack = say(done, "count")
        self.ack_token = say(f"{done} AND token = {p}", "count")
        unclaimed = (
            f"UPDATE {state} SET status = 1, due = expires, owner = NULL, attempts = attempts - 1"
        )
        self.unclaim = say(f"{unclaimed} {mine} AND token = {p}", "count")
        self.recall = say(
            "" if narrow else f"{unclaimed} WHERE status = 2 AND owner = {p} AND token = {p}",
            "count",
        )
        self.held = say(f"SELECT attempts, token FROM {state} {mine}{lock}", "one")
        self.give_back = say(
            f"UPDATE {state} SET status = {p}, due = {now} + {p}, owner = NULL WHERE {id} = {p}"
        )
        self.give_back_now = say(
            f"UPDATE {state} SET status = 1, due = expires, owner = NULL WHERE {id} = {p}"
        )
        self.fail = say(
            f"UPDATE {state} SET status = 9, due = NULL, expires = NULL, changed = {now},"
            f" reason = {p} WHERE {id} = {p} AND status < 5",
            "count",
        )
        self.extend = say(f"UPDATE {state} SET due = {now} + {p} {mine} AND token = {p}", "count")
        self.adopt = say(
            f"UPDATE {state} SET owner = {p} WHERE {id} = {p} AND status = 2 AND token = {p}",
            "count",
        )
        self.equal = say(
            f"SELECT {id} FROM {state}{join} WHERE {state}.status = 2 AND owner = {p}"
            f" AND data = {p} ORDER BY {id} LIMIT 1",
            "one",
        )
        self.mine = say(
            f"SELECT {id}, data, timestamp, crc FROM {state}{join}"
            f" WHERE {state}.status = 2 AND owner = {p} AND {id} > {p} ORDER BY {id} LIMIT {PAGE}",
            "rows",
        )

        self.due = say(
            f"SELECT {id}, status, attempts, CASE WHEN expires <= {now} THEN 1 ELSE 0 END"
            f" FROM {state} WHERE due <= {now} ORDER BY due LIMIT {TEND}{passing}",
            "rows",
        )
        self.show = say(f"UPDATE {state} SET status = 1, due = expires WHERE {id} = {p}")
        self.postpone = say(f"UPDATE {state} SET status = 3, due = {now} + {p} WHERE {id} = {p}")
        if narrow:
            self.drop = say(f"DELETE FROM {state} WHERE id = {p}")
        self.drop_item = say(f"DELETE FROM {main} WHERE _id = {p}")
        self.count_expired = say(
            f"UPDATE {layout.meta} SET expired = expired + {p} WHERE name = {p}"
        )
        self.expired = say(f"SELECT expired FROM {layout.meta} WHERE name = {p}", "one")

        self.owners = say(f"SELECT DISTINCT owner FROM {state} WHERE status = 2", "rows")
        some = f"EXISTS (SELECT 1 FROM {state} WHERE"
        self.unsettled = say(
            f"SELECT {some} {d.is_ready}) OR {some} status = 2)"
            f" OR {some} status = 3 AND due IS NOT NULL)",
            "one",
        )
        self.disown = say(f"UPDATE {state} SET owner = NULL WHERE status = 2 AND owner = {p}")
        self.of_owner = say(
            f"SELECT {id}, attempts FROM {state} WHERE status = 2 AND owner = {p}{passing}", "rows"
        )
        self.of_nobody = say(
            f"SELECT {id}, attempts FROM {state} WHERE status = 2 AND owner IS NULL{passing}",
            "rows",
        )

        # One column: PyMySQL takes longer for the heads of four than the server for the rows.
        self.changes = say(
            ""
            if narrow
            else f"SELECT CONCAT_WS(' ', (SELECT {id} {ready} ORDER BY {order} LIMIT 1),"
            f" (SELECT min(due) FROM {state} WHERE due IS NOT NULL), max(_id), min(_id)) FROM {main}",
            "one",
        )
        self.any = say(f"SELECT (SELECT {id} {ready} ORDER BY {order} LIMIT 1) IS NOT NULL", "one")
        self.count = say(f"SELECT count(*) FROM {state} WHERE {d.is_ready}", "one")
        # A partial index is used where its condition stands in the query; the one index has acked
        # items in the order of their ids, by priority 0.
        more = "priority = 0" if d.one_index else "status >= 5"
        narrowed = {LEASED: "status = 2", ACKED: f"status = 5 AND {more}"}
        narrowed[FAILED] = "status = 9 AND status >= 5"
        self.count_of = {
            status: say(f"SELECT count(*) FROM {state} WHERE {where}", "one")
            for status, where in narrowed.items()
        }
        self.counts = say(f"SELECT status, count(*) FROM {state} GROUP BY status", "rows")
        self.total = say(f"SELECT count(*) FROM {main}", "one")
        self.oldest = say(
            f"SELECT {now} - min(timestamp) FROM {main} WHERE _id ="
            f" (SELECT min({id}) FROM {state} WHERE {d.is_ready})",
            "one",
        )
        columns = f"{id}, data, timestamp, crc, {state}.priority, {state}.status"
        listed = f"SELECT {columns} FROM {state}{join} WHERE"
        self.peek = say(f"{found} ORDER BY {order} LIMIT 1", "one")
        self.page = say(
            f"{listed} {state}.{d.is_ready} AND {live} AND (priority > {p} OR (priority = {p}"
            f" AND {beyond})) ORDER BY {order} LIMIT {PAGE}",
            "rows",
        )
        self.all = say(f"{listed} {id} > {p} ORDER BY {id} LIMIT {PAGE}", "rows")
        self.lost = say(
            f"SELECT id FROM {state} WHERE status < 5 AND id > {p} AND NOT EXISTS"
            f" (SELECT 1 FROM {main} WHERE _id = id) ORDER BY id LIMIT {PAGE}"
            if narrow
            else "",
            "rows",
        )
        self.dead = say(
            f"SELECT {id}, reason, data, attempts, changed FROM {state}{join}"
            f" WHERE {state}.status = 9 AND {state}.status >= 5 ORDER BY changed, {id}",
            "rows",
        )
        self.dead_ids = say(f"SELECT {id} FROM {state} WHERE status = 9 AND status >= 5", "rows")
        self.redrive = say(
            f"UPDATE {state} SET status = 1, attempts = 0, due = NULL, owner = NULL,"
            f" reason = NULL WHERE {id} = {p} AND status = 9",
            "count",
        )
        self.update = say(f"UPDATE {main} SET data = {p}, crc = {p} WHERE _id = {p}", "count")
        waiting = f"DELETE FROM {state} WHERE status IN (1, 3)"
        if narrow:
            self.clear = say(
                f"DELETE FROM {main} WHERE _id IN (SELECT id FROM {state} WHERE status IN (1, 3))",
                "count",
            )
            self.clear_states = say(waiting)
        else:
            self.clear = say(waiting, "count")
        # The span of their ids bounds their number from above, and costs two look-ups.
        self.kept_span = {
            status: say(
                f"SELECT (SELECT {id} FROM {state} WHERE {where} ORDER BY {id} DESC LIMIT 1)"
                f" - (SELECT {id} FROM {state} WHERE {where} ORDER BY {id} LIMIT 1) + 1",
                "one",
            )
            for status, where in narrowed.items()
        }
        self.kept = {
            status: say(
                f"SELECT {id} FROM {state} WHERE {where} ORDER BY {id} DESC LIMIT 1 OFFSET {p}",
                "one",
            )
            for status, where in narrowed.items()
        }
        if narrow:
            self.trim_items, self.trim_states = (
                {
                    status: say(
                        f"DELETE FROM {table} WHERE {key} IN (SELECT id FROM {state} WHERE {where}"
                        f" AND id <= {p} ORDER BY id LIMIT {p})",
                        "count",
                    )
                    for status, where in narrowed.items()
                }
                for table, key in ((main, "_id"), (state, "id"))
            )
        else:
            self.trim_items = {
                status: say(
                    f"DELETE FROM {main} WHERE {where} AND _id <= {p} ORDER BY _id LIMIT {p}",
                    "count",
                )
                if d.delete_limit
                else say(
                    f"DELETE FROM {main} WHERE _id IN (SELECT _id FROM {main} WHERE {where}"
                    f" AND _id <= {p} ORDER BY _id LIMIT {p})",
                    "count",
                )
                for status, where in narrowed.items()
            }
