"""Dialects: in what the databases differ, as data.

A plan asks a dialect for words, never for its name. What is said here of SQLite is from
https://sqlite.org/lang.html, of MySQL from its reference manual 8.0 (13.2.10, 13.2.13), and of
PostgreSQL from its manual 16 (SELECT, "The Locking Clause"; INSERT, "ON CONFLICT").
"""

from __future__ import annotations

from dataclasses import dataclass
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
        serial: the type of a primary key that counts by itself and never reuses a number.
        integer: a signed 64-bit number.
        real: a double.
        blob: bytes of any length.
        text: characters of any length.
        word: characters that may be indexed.
        now: the time in seconds since the epoch: an expression, or a placeholder where the
            caller's clock is as good as the storage's, because it is the same machine.
        returning: UPDATE and DELETE can return the rows they changed.
        in_process: a statement costs no round trip, so in one transaction two plain ones beat one
            with RETURNING.
        skip_locked: behind a SELECT that claims: locks the row, or passes on to the next.
        partial_indexes: an index may have a WHERE.
        one_index: a change of state costs the fewest pages where one index, in which the places
            that change lie side by side, has all states.
        ignore: an INSERT that does nothing where a row is in the way, before and after VALUES.
        bulk_ids: ids of many rows inserted in one transaction: the last one is known and those
            before it precede it ("consecutive"), or each insert tells its own ("each").
        last_id: asks for the last id after such an insert; empty where it is not needed.
        inserted_id: behind an INSERT, where the id comes back as a row.
        bare_tables: a predecessor also made tables without the name of their queue.
        columns: asks for the names of the columns of the table that is its one parameter.
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
    returning: bool
    in_process: bool
    skip_locked: str
    partial_indexes: bool
    one_index: bool
    ignore: tuple[str, str]
    bulk_ids: Literal["consecutive", "each"]
    last_id: str
    inserted_id: str
    bare_tables: bool
    columns: str
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
        if self.longest_name and len(name) > self.longest_name:
            raise ValueError(
                f"the name {name!r} is longer than {self.longest_name} characters; shorten it"
            )
        quoted = self.quote + name.replace(self.quote, self.quote * 2) + self.quote
        return quoted.replace("%", "%%") if self.placeholder == "%s" else quoted


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
    now="UNIX_TIMESTAMP(NOW(6))",
    returning=False,
    in_process=False,
    skip_locked=" FOR UPDATE SKIP LOCKED",
    partial_indexes=False,
    one_index=False,
    ignore=("INSERT IGNORE INTO", ""),
    bulk_ids="each",
    last_id="",
    inserted_id="",
    bare_tables=False,
    columns=(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = DATABASE() AND table_name = %s"
    ),
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
    now="EXTRACT(EPOCH FROM clock_timestamp())::float8",
    returning=True,
    in_process=False,
    skip_locked=" FOR UPDATE SKIP LOCKED",
    partial_indexes=True,
    one_index=False,
    ignore=("INSERT INTO", " ON CONFLICT DO NOTHING"),
    bulk_ids="each",
    last_id="",
    inserted_id=" RETURNING _id",
    bare_tables=False,
    columns=(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = %s"
    ),
)
