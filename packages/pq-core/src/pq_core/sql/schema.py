"""Tables, and how those of earlier versions become them.

Several queues share one database, so each has its own version, a row of the table `pq_meta`. A
table of persist-queue has no such row: it is opened in place and gets what it lacks. All of that
is one transaction, so it has happened or it has not.

::

    <prefix>_<name>            the items: _id, data, timestamp [, priority] [, status], crc
    pq_claims_<its table>      which of them somebody has out (auto_commit=False)
    pq_dead_<its table>        what was given up
    pq_state_<its table>       ack queues, instead of the two: the state of every item, in narrow
                               rows, so that a claim never rewrites a payload

`crc` is the CRC-32 of `data`, NULL in rows of predecessors. The column `status` of a
predecessor's ack table is read once, when it is migrated.

Versions of a queue's tables: 1 is the first; in 2 the ack queues of SQLite have one index for all
states instead of three (see `_state_indexes`). Others are at 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pq_core.errors import SchemaMismatch
from pq_core.sql.dialect import Dialect
from pq_core.sql.kinds import Kind
from pq_core.sql.statement import Plan, Statement, reading, single

__all__ = ["META", "Layout", "dictionary_layout", "queue_layout"]

#: The columns of a table that persist-queue's async classes made: one for all names.
_BARE: Final = frozenset({"_id", "data", "timestamp"})
#: The plain name of the table of versions.
META: Final = "pq_meta"

#: An index: its role, its columns, and which rows are in it.
Index: TypeAlias = tuple[str, ...]

#: Statements that bring a table from one version to the next, for a table that has these columns.
Migration = Callable[["Layout", frozenset[str]], list[str]]


@dataclass(frozen=True, slots=True)
class Layout:
    """The tables of one queue in one dialect, and the plans that make them.

    Attributes:
        dialect: of the database.
        table: the plain name of the table of items.
        required: columns without which that table is somebody else's.
        migrations: the first makes the newest version, from nothing or from what a predecessor
            left; the second makes version 2 of version 1, and so on.
        bare: the plain name of a table that a predecessor made for a queue of any name; "": none.
        foreign: columns with which that table is a queue of another kind; looked for only where
            the table may have any name, and so be any queue's.
        main: the table of items, quoted.
        claims: see the module.
        dead: see the module.
        state: see the module.
        meta: the table of versions.
    """

    dialect: Dialect
    table: str
    required: frozenset[str]
    migrations: tuple[Migration, ...]
    bare: str = ""
    foreign: frozenset[str] | None = None
    main: str = field(init=False)
    claims: str = field(init=False)
    dead: str = field(init=False)
    state: str = field(init=False)
    meta: str = field(init=False)

    def __post_init__(self) -> None:
        name_of, beside = self.dialect.name_of, self.dialect.beside
        for attribute, name in (
            ("main", self.table),
            ("claims", beside("claims", self.table)),
            ("dead", beside("dead", self.table)),
            ("state", beside("state", self.table) if self.dialect.narrow else self.table),
            ("meta", META),
        ):
            object.__setattr__(self, attribute, name_of(name))

    @property
    def version(self) -> int:
        """The version that this code writes."""
        return len(self.migrations)

    def create(
        self, table: str, columns: Sequence[str], indexes: Sequence[Index] = ()
    ) -> list[str]:
        """The statements that make a table with its indexes."""
        d = self.dialect
        if d.index_inside:
            columns = [*columns, *(f"KEY {self._name_of(each)} ({each[1]})" for each in indexes)]
            indexes = ()
        made = f"{d.create} {table} ({', '.join(columns)}){d.suffix}"
        return [made, *(self.index(table, *each) for each in indexes)]

    def index(self, on: str, role: str, columns: str, where: str = "") -> str:
        """The statement that makes an index; `where` is dropped where the dialect has none."""
        condition = f" WHERE {where}" if where and self.dialect.partial_indexes else ""
        return f"CREATE INDEX {self._name_of((role,))} ON {on} ({columns}){condition}"

    def _name_of(self, index: Sequence[str]) -> str:
        return self.dialect.name_of(self.dialect.beside(index[0], self.table))

    @reading
    def is_current(self) -> Plan[bool]:
        """Whether there is nothing to make or migrate.

        Raises:
            SchemaMismatch: the queue was written by a newer version, or is one of another kind.
        """
        version = yield from self._version()
        if version == self.version and self.foreign is not None:
            self._check((yield from self._columns(self.table)))
        return version == self.version

    @reading
    def is_there(self) -> Plan[bool]:
        """Whether the table of items is, whoever made it."""
        return bool((yield from self._columns(self.table)))

    def _check(self, columns: frozenset[str]) -> None:
        """Makes sure that a table with these columns is a queue of this kind."""
        if not self.required <= columns:
            missing = ", ".join(sorted(self.required - columns))
            raise SchemaMismatch(
                f"the table {self.table!r} has no column {missing}, so it is no queue of this "
                "kind; choose another name"
            )
        if self.foreign is not None and columns & self.foreign:
            raise SchemaMismatch(
                f"the table {self.table!r} is a queue of another kind; open it with the class that "
                "made it, or choose another name"
            )

    def prepare(self) -> Plan[None]:
        """Makes or migrates the tables; does nothing where they are as they should be.

        Raises:
            SchemaMismatch: the queue was written by a newer version, or a table of that name
                exists that is no queue.
        """
        d = self.dialect
        version = yield from self._version()
        if version == self.version:
            return
        columns = yield from self._columns(self.table)
        if not columns and self.bare and (yield from self._columns(self.bare)) == _BARE:
            # The first name that asks for it gets it.
            yield Statement(f"ALTER TABLE {d.name_of(self.bare)} RENAME TO {self.main}"), ()
            columns = _BARE
        if columns:
            self._check(columns)
        yield (
            Statement(
                f"CREATE TABLE IF NOT EXISTS {self.meta} (name {d.word} PRIMARY KEY,"
                f" version {d.integer} NOT NULL, marks {d.integer} NOT NULL,"
                f" expired {d.integer} NOT NULL, returned {d.integer} NOT NULL){d.suffix}"
            ),
            (),
        )
        for migration in self.migrations[version:] if version else self.migrations[:1]:
            for sql in migration(self, columns):
                yield Statement(sql), ()
        p = d.placeholder
        if version:
            yield (
                Statement(f"UPDATE {self.meta} SET version = {p} WHERE name = {p}"),
                (self.version, self.table),
            )
            return
        yield (
            Statement(
                f"{d.ignore[0]} {self.meta} (name, version, marks, expired, returned)"
                f" VALUES ({p}, {p}, 0, 0, 0){d.ignore[1].format(key='name')}"
            ),
            (self.table, self.version),
        )

    def lock(self) -> Plan[None]:
        """Waits until nobody else makes or migrates tables in this database."""
        if self.dialect.lock:
            yield Statement(self.dialect.lock), ()

    @reading
    def size(self) -> Plan[int]:
        """What the tables occupy, in bytes; 0 where that is not known."""
        total = 0
        if self.dialect.size:
            for name in (self.table, self.dialect.beside("dead", self.table)):
                row = yield Statement(self.dialect.size, "one"), (name,)
                total += int(row[0] or 0) if row else 0
        return total

    @reading
    def holding(self) -> Plan[list[str]]:
        """The plain names of the tables that hold payloads."""
        dead = self.dialect.beside("dead", self.table)
        has_dead = bool((yield from self._columns(dead)))
        return [self.table, dead] if has_dead else [self.table]

    @single
    def shrink(self, table: str) -> Plan[None]:
        """Rebuilds one of these, by its plain name."""
        yield Statement(f"{self.dialect.shrink} {self.dialect.name_of(table)}", "rows"), ()

    def mark(self) -> Plan[None]:
        """A change that means nothing, to have something to commit and so to sync."""
        sql = f"UPDATE {self.meta} SET marks = marks + 1 WHERE name = {self.dialect.placeholder}"
        yield Statement(sql), (self.table,)

    def _columns(self, table: str) -> Plan[frozenset[str]]:
        """Those of a table, by its plain name; none where there is no such table."""
        rows = yield Statement(self.dialect.columns, "rows"), (table,)
        return frozenset(row[0] for row in rows)

    def _version(self) -> Plan[int]:
        if not (yield from self._columns(META)):
            return 0
        sql = f"SELECT version FROM {self.meta} WHERE name = {self.dialect.placeholder}"
        row = yield Statement(sql, "one"), (self.table,)
        version = int(row[0]) if row else 0
        if version > self.version:
            raise SchemaMismatch(
                f"the table {self.table!r} has the schema version {version}, and this version "
                f"knows {self.version} at most; upgrade persistqueue"
            )
        return version


def _to_one_index_of(kind: Kind) -> Migration:
    """From version 1 of an ack queue to version 2."""

    def migrate(layout: Layout, columns: frozenset[str]) -> list[str]:
        del columns
        names = (layout._name_of((role,)) for role in ("ready", "leased", "settled"))
        return [
            *(f"DROP INDEX {name}" for name in names),
            f"UPDATE {layout.state} SET priority = 0 WHERE status = 5",
            layout.index(layout.state, *_state_indexes(layout.dialect, kind, "id")[0]),
        ]

    return migrate


def _to_ready_unguessed(kind: Kind) -> Migration:
    """From version 1 of an ack queue to version 2, where `Dialect.is_ready` is an expression."""

    def migrate(layout: Layout, columns: frozenset[str]) -> list[str]:
        del columns
        ready = _state_indexes(layout.dialect, kind, "_id")[0]
        return [
            f"DROP INDEX {layout._name_of(('ready',))}",
            layout.index(layout.main, *ready),
        ]

    return migrate


def queue_layout(dialect: Dialect, kind: Kind, name: str, table: str | None = None) -> Layout:
    """The tables of the queue called `name`.

    Args:
        dialect: of the database.
        kind: of queue.
        name: of the queue.
        table: of the items; None: the kind's prefix and the name.

    Raises:
        ValueError: `name` is no identifier: empty, too long, or with a NUL character.
    """
    required = {"_id", "data", "timestamp"}
    if kind.has_priority:
        required.add("priority")
    if kind.is_acked:
        required.add("status")
    if not name:
        raise ValueError("'name' must not be empty")
    narrow = dialect.narrow

    def first(layout: Layout, columns: frozenset[str]) -> list[str]:
        if narrow:
            made = _main_table(layout, kind, columns)
            return made + (_state_table(layout, kind) if kind.is_acked else _side_tables(layout))
        made = _one_table(layout, kind, columns)
        return made if kind.is_acked else made + _dead_table(layout)

    foreign = None
    if table is not None:
        if kind.is_unique and "digest" in dialect.same:
            required.add("digest")
        foreign = frozenset({"priority", "status"} - required if not kind.is_acked else ())
    bare = kind.prefix if dialect.bare_tables and required == _BARE else ""
    migrations: tuple[Migration, ...] = (first,)
    if kind.is_acked and dialect.one_index:
        migrations = (first, _to_one_index_of(kind))
    elif kind.is_acked and dialect.partial_indexes:
        migrations = (first, _to_ready_unguessed(kind))
    return Layout(
        dialect, table or kind.table(name), frozenset(required), migrations, bare, foreign
    )


def dictionary_layout(dialect: Dialect, name: str) -> Layout:
    """The table of the dictionary called `name`.

    Raises:
        ValueError: `name` is no identifier: empty, too long, or with a NUL character.
    """
    if not name:
        raise ValueError("'name' must not be empty")

    def first(layout: Layout, columns: frozenset[str]) -> list[str]:
        d = layout.dialect
        if columns:
            return [] if "crc" in columns else [_add_crc(layout)]
        return layout.create(
            layout.main, (f"key {d.word} PRIMARY KEY", f"data {d.blob}", f"crc {d.integer}")
        )

    return Layout(dialect, f"dict_{name}", frozenset({"key", "data"}), (first,))


def _add_crc(layout: Layout) -> str:
    return f"ALTER TABLE {layout.main} ADD COLUMN crc {layout.dialect.integer}"


def _main_table(layout: Layout, kind: Kind, columns: frozenset[str]) -> list[str]:
    d = layout.dialect
    order: Index = ("order", "priority, _id")
    if columns:
        made = [] if "crc" in columns else [_add_crc(layout)]
        return [*made, layout.index(layout.main, *order)] if kind.has_priority else made
    more = [f"priority {d.integer}"] if kind.has_priority else []
    more += [f"status {d.integer}"] if kind.is_acked else []
    more += [f"crc {d.integer}"]
    more += d.unique if kind.is_unique else ()
    base = (f"_id {d.serial}", f"data {d.blob}", f"timestamp {d.real}")
    return layout.create(layout.main, (*base, *more), (order,) if kind.has_priority else ())


def _side_tables(layout: Layout) -> list[str]:
    d = layout.dialect
    claims = layout.create(
        layout.claims,
        (f"id {d.integer} PRIMARY KEY", f"owner {d.integer} NOT NULL"),
        (("owner", "owner"),),
    )
    return claims + _dead_table(layout)


def _dead_table(layout: Layout) -> list[str]:
    d = layout.dialect
    return layout.create(
        layout.dead,
        (
            f"id {d.integer} PRIMARY KEY",
            f"data {d.blob}",
            f"timestamp {d.real}",
            f"priority {d.integer}",
            f"crc {d.integer}",
            f"attempts {d.integer}",
            f"failed_at {d.real}",
            f"reason {d.text}",
        ),
    )


def _state_columns(d: Dialect) -> tuple[str, ...]:
    return (
        f"status {d.integer} NOT NULL",
        f"priority {d.integer} NOT NULL",
        f"due {d.real}",
        f"expires {d.real}",
        f"attempts {d.integer} NOT NULL",
        f"token {d.integer} NOT NULL",
        f"owner {d.integer}",
        f"changed {d.real}",
        f"dedupe_key {d.word}",
        f"reason {d.text}",
    )


def _state_indexes(d: Dialect, kind: Kind, id: str) -> tuple[Index, ...]:
    """By which the next item, those that are out and those that are settled are found.

    In the one index the states lie from the last to the first: settled items from the oldest to
    the newest, then those that are out, then those that are ready from the next to the last. So
    a claim moves an entry over the border between two neighbours, an acknowledgement over the
    next one, and mostly they write one page where three partial indexes write two. An acked item
    has priority 0, to be in the order of the ids.
    """
    order = f"priority, {id}{' DESC' if kind.newest_first else ''}, due"
    states: tuple[Index, ...] = (
        ("ready", order, d.is_ready) if d.partial_indexes else ("ready", f"status, {order}"),
        ("leased", "owner", "status = 2") if d.partial_indexes else ("leased", "status, owner"),
        ("settled", f"status, {id}", "status >= 5"),
    )
    if d.one_index:
        states = (("order", f"status DESC, {order}"),)
    return (
        *states,
        ("due", "due", "due IS NOT NULL"),
        ("key", "dedupe_key", "dedupe_key IS NOT NULL"),
    )


def _state_table(layout: Layout, kind: Kind) -> list[str]:
    d = layout.dialect
    state = layout.state
    # What a predecessor wrote: 0 and 1 are ready, 2 is out, 5 is done, 9 has failed.
    known = "CASE WHEN status IN (2, 5, 9) THEN status ELSE 1 END"
    filled = f"SELECT _id, {known}, 0, 0, 0 FROM {layout.main}"
    columns = (f"id {d.integer} PRIMARY KEY", *_state_columns(d))
    return [
        *layout.create(state, columns, _state_indexes(d, kind, "id")),
        f"INSERT INTO {state} (id, status, priority, attempts, token) {filled}",
    ]


def _one_table(layout: Layout, kind: Kind, columns: frozenset[str]) -> list[str]:
    """The table of a dialect that keeps claims and states beside the items."""
    d = layout.dialect
    order = "priority, _id" if kind.has_priority else "_id"
    claim: Index = ("claim", f"owner, {order}")
    base = {"_id": d.serial, "data": d.blob, "timestamp": d.real}
    if columns:
        return _widened(layout, base, claim, columns)
    more = [f"crc {d.integer}"]
    indexes: tuple[Index, ...]
    if kind.is_acked:
        more += _state_columns(d)
        indexes = _state_indexes(d, kind, "_id")
    else:
        more += [f"priority {d.integer}"] if kind.has_priority else []
        more += [f"owner {d.integer}"]
        indexes = (claim,)
        if d.partial_indexes:
            # The key has the order already, and an index of what is out costs a put nothing.
            ready: tuple[Index, ...] = (("order", order),) if kind.has_priority else ()
            indexes = (("claim", "owner", "owner IS NOT NULL"), *ready)
    more += d.unique if kind.is_unique else ()
    return layout.create(layout.main, [*(" ".join(each) for each in base.items()), *more], indexes)


def _widened(
    layout: Layout, base: dict[str, str], claim: Index, columns: frozenset[str]
) -> list[str]:
    """One statement that makes a predecessor's table ours, so that it has happened or has not."""
    d = layout.dialect
    if "owner" in columns:
        return []
    types = {**base, "_id": base["_id"].replace(" PRIMARY KEY", "")}
    changes = [f"{d.modify} {name} {type}" for name, type in types.items()] if d.modify else []
    changes += [] if "crc" in columns else [f"ADD COLUMN crc {d.integer}"]
    changes += [f"ADD COLUMN owner {d.integer}"]
    changes += [f"ADD KEY {d.name_of(f'pq_{claim[0]}_{layout.table}')} ({claim[1]})"]
    return [f"ALTER TABLE {layout.main} {', '.join(changes)}"]
