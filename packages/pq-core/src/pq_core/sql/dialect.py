"""Dialects: in what the databases differ, as data.

A plan asks a dialect for words, never for its name. What is said here of SQLite is from
https://sqlite.org/lang.html, of MySQL from its reference manual 8.0 (13.2.10, 13.2.13), and of
PostgreSQL from its manual 16 (SELECT, "The Locking Clause"; INSERT, "ON CONFLICT").
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import md5
from typing import Final, Literal

__all__ = ["MYSQL", "POSTGRESQL", "SQLITE", "Dialect"]


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one database.

    Attributes:
        name: what it is called in golden files and messages.
        quote: the character around identifiers; doubled inside of them.
        placeholder: stands for a parameter.
        longest_name: of identifiers, in characters; 0: no limit.
        counts_bytes: that limit is one of bytes, in UTF-8.
        serial: the type of a primary key that counts by itself and never reuses a number.
        integer: a signed 64-bit number.
        real: a double.
        blob: bytes of any length.
        text: characters of any length.
        word: characters that may be indexed.
        now: the time in seconds since the epoch: an expression, or a placeholder where the
            caller's clock is as good as the storage's, because it is the same machine.
        told_now: the same where the caller has a clock of his own.
        returning: UPDATE and DELETE can return the rows they changed.
        in_process: a statement costs no round trip, so in one transaction two plain ones beat one
            with RETURNING.
        skip_locked: behind a SELECT that claims: locks the row, or passes on to the next.
        for_update: behind a SELECT whose row is about to change: locks it, or waits. Both are
            empty where one transaction writes at a time.
        narrow: claims and states stand in tables of their own, with narrow rows, so that a claim
            never rewrites a payload. Otherwise they are columns of the table of items, where an
            update writes what has changed and no more.
        partial_indexes: an index may have a WHERE.
        is_free: which rows are in nobody's hands.
        is_ready: which rows of an ack queue are ready: none has a lower status. Where a planner goes
            by statistics, both are expressions of which there are none: those of a moment when
            nothing was free would have it sort, for each claim, all that is free now.
        one_index: a change of state costs the fewest pages where one index, in which the places
            that change lie side by side, has all states.
        ignore: an INSERT that does nothing where a row is in the way, before and after VALUES;
            ``{key}`` stands for the primary key.
        upsert: behind an INSERT: where a row is in the way, the id that it tells is that row's;
            empty where there is no such thing.
        unique: columns and constraints that keep equal payloads out.
        same: whether a payload equals a parameter, by what `unique` has indexed.
        bulk_ids: ids of many rows inserted in one transaction: the last one is known and those
            before it precede it ("consecutive"), the driver tells them ("told"), or each insert
            tells its own ("each").
        last_id: asks for the last id after such an insert; empty where it is not needed.
        inserted_id: behind an INSERT, where the id comes back as a row.
        delete_limit: DELETE takes ORDER BY and LIMIT, and no subquery on its own table.
        bare_tables: a predecessor also made tables without the name of their queue.
        columns: asks for the names of the columns of the table that is its one parameter.
        size: asks for the bytes of the table that is its one parameter; empty: not known.
        shrink: rebuilds the table that follows without what was removed; empty where that is done
            for the whole database.
        create: the words before the name of a new table.
        index_inside: indexes are made with their table, because DDL is no part of a transaction.
        modify: changes the type of a column of a predecessor, before its name; empty where types
            need no change.
        lock: lets one at a time make or migrate tables, to the end of its transaction. Empty where
            that is so anyway, or where two do no harm: each step may be repeated, and one that
            somebody else was faster with is a conflict.
        suffix: behind CREATE TABLE.
    """

    name: str
    quote: str
    placeholder: str
    longest_name: int
    serial: str
    integer: str
    real: str
    blob: str
    text: str
    word: str
    now: str
    told_now: str
    returning: bool
    in_process: bool
    skip_locked: str
    partial_indexes: bool
    one_index: bool
    ignore: tuple[str, str]
    bulk_ids: Literal["consecutive", "told", "each"]
    last_id: str
    inserted_id: str
    bare_tables: bool
    columns: str
    counts_bytes: bool = False
    is_free: str = "owner IS NULL"
    is_ready: str = "status = 1"
    for_update: str = ""
    narrow: bool = True
    upsert: str = ""
    unique: tuple[str, ...] = ("UNIQUE (data)",)
    same: str = "data = {p}"
    delete_limit: bool = False
    size: str = ""
    shrink: str = ""
    create: str = "CREATE TABLE"
    index_inside: bool = False
    modify: str = ""
    lock: str = ""
    suffix: str = ""

    def name_of(self, name: str) -> str:
        """`name` as an identifier, quoted.

        Raises:
            ValueError: it is empty, holds a NUL character, or is too long.
        """
        if not name:
            raise ValueError("a table name must not be empty")
        if "\0" in name:
            raise ValueError(f"the name {name!r} holds a NUL character; leave it out")
        if self._is_too_long(name):
            unit = "bytes" if self.counts_bytes else "characters"
            raise ValueError(
                f"the name {name!r} is longer than {self.longest_name} {unit}; shorten it"
            )
        quoted = self.quote + name.replace(self.quote, self.quote * 2) + self.quote
        return quoted.replace("%", "%%") if self.placeholder == "%s" else quoted

    def beside(self, role: str, table: str) -> str:
        """The plain name of what belongs to a table, such as an index; never too long."""
        name = f"pq_{role}_{table}"
        if not self._is_too_long(name):
            return name
        return f"pq_{role}_{md5(table.encode(), usedforsecurity=False).hexdigest()}"

    def _is_too_long(self, name: str) -> bool:
        length = len(name.encode() if self.counts_bytes else name)
        return 0 < self.longest_name < length


SQLITE: Final = Dialect(
    name="sqlite",
    quote='"',
    placeholder="?",
    longest_name=0,
    serial="INTEGER PRIMARY KEY AUTOINCREMENT",
    integer="INTEGER",
    real="FLOAT",
    blob="BLOB",
    text="TEXT",
    word="TEXT",
    now="?",
    told_now="?",
    returning=True,
    in_process=True,
    skip_locked="",
    partial_indexes=True,
    one_index=True,
    ignore=("INSERT OR IGNORE INTO", ""),
    bulk_ids="consecutive",
    last_id="SELECT last_insert_rowid()",
    inserted_id="",
    bare_tables=True,
    columns="SELECT name FROM pragma_table_info(?)",
)

MYSQL: Final = Dialect(
    name="mysql",
    quote="`",
    placeholder="%s",
    longest_name=64,
    serial="BIGINT PRIMARY KEY AUTO_INCREMENT",
    integer="BIGINT",
    real="DOUBLE",
    blob="LONGBLOB",
    text="LONGTEXT",
    word="VARCHAR(255)",
    # A double: what UNIX_TIMESTAMP gives is a decimal.
    now="(UNIX_TIMESTAMP(NOW(6)) + 0e0)",
    told_now="%s",
    returning=False,
    in_process=False,
    skip_locked=" FOR UPDATE SKIP LOCKED",
    partial_indexes=False,
    one_index=False,
    # INSERT IGNORE would hide every other error, too.
    ignore=("INSERT INTO", " ON DUPLICATE KEY UPDATE {key} = {key}"),
    bulk_ids="told",
    last_id="",
    inserted_id="",
    bare_tables=False,
    columns=(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s"
    ),
    for_update=" FOR UPDATE",
    narrow=False,
    upsert=" ON DUPLICATE KEY UPDATE _id = LAST_INSERT_ID(_id)",
    # An index holds 3072 bytes at most (15.22, "InnoDB Limits"), so it is one of digests.
    unique=(
        "digest BINARY(32) GENERATED ALWAYS AS (UNHEX(SHA2(data, 256))) STORED",
        "UNIQUE KEY pq_unique (digest)",
    ),
    same="digest = UNHEX(SHA2({p}, 256))",
    delete_limit=True,
    size=(
        "SELECT data_length + index_length FROM information_schema.tables"
        " WHERE table_schema = DATABASE() AND table_name = %s"
    ),
    shrink="OPTIMIZE TABLE",
    create="CREATE TABLE IF NOT EXISTS",
    index_inside=True,
    modify="MODIFY",
    suffix=" ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
)

POSTGRESQL: Final = Dialect(
    name="postgresql",
    quote='"',
    placeholder="%s",
    longest_name=63,
    serial="BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
    integer="BIGINT",
    real="DOUBLE PRECISION",
    blob="BYTEA",
    text="TEXT",
    word="TEXT",
    # Of the statement, for an index is of no use with a time that goes on while it is searched.
    now="date_part('epoch', statement_timestamp())",
    told_now="%s::float8",
    returning=True,
    in_process=False,
    skip_locked=" FOR UPDATE SKIP LOCKED",
    partial_indexes=True,
    one_index=False,
    ignore=("INSERT INTO", " ON CONFLICT DO NOTHING"),
    bulk_ids="told",
    last_id="",
    inserted_id=" RETURNING _id",
    bare_tables=False,
    columns=(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = %s"
    ),
    # It cuts what is longer, so that two names may become one (manual, 4.1.1).
    counts_bytes=True,
    # What no statistics are kept of is guessed to hold for a third of all rows.
    is_free="COALESCE(owner, -1) < 0",
    is_ready="status + 0 < 2",
    for_update=" FOR UPDATE",
    narrow=False,
    upsert=" ON CONFLICT (digest) DO UPDATE SET crc = EXCLUDED.crc",
    # An entry of a B-tree holds a third of a page, 2704 bytes, at most (67.4), so it is one of
    # digests.
    unique=("digest BYTEA GENERATED ALWAYS AS (sha256(data)) STORED", "UNIQUE (digest)"),
    same="digest = sha256({p})",
    size="SELECT pg_total_relation_size(to_regclass(quote_ident(%s)))",
    shrink="VACUUM (FULL, ANALYZE)",
    # "pqcreate" in ASCII; a lock of advice is anybody's, so its number should be nobody else's.
    lock="SELECT 1 FROM pg_advisory_xact_lock(8102366547594540133) AS locked",
)
