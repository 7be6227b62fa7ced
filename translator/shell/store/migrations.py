"""The steps by which an older store becomes one of today.

version 1 ─▶ 2 indexes of what is looked for ─▶ 3 the place of a watch ─▶ 4 indexes of what is over ─▶ 5 destinations
"""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    MetaData,
    Table,
    func,
    insert,
    inspect,
    literal_column,
    select,
    text,
    update,
)

from translator.core.errors import ConfigError
from translator.shell.store.schema import METADATA, destinations, events, meta, sends, trials, watches


def _only_what_is_looked_for(connection: Connection) -> None:
    """2: the indexes of sends and of watches hold only the rows that are ever looked for by them."""
    old = {
        sends: ("sends_same", "sends_look", "sends_settled", "sends_key", "sends_sid"),
        watches: ("watches_look", "watches_over"),
    }
    for table, names in old.items():
        if connection.dialect.name == "sqlite":
            _made_anew(connection, table)
            continue
        for name in names:
            connection.execute(text(f"ALTER TABLE {table.name} DROP CONSTRAINT IF EXISTS {name}"))
            connection.execute(text(f"DROP INDEX IF EXISTS {name}"))
        _indexed(connection, table)


def _watched_where_it_was_sent(connection: Connection) -> None:
    """3: a watch knows the place where its message was sent."""
    if connection.dialect.name == "sqlite":
        _made_anew(connection, watches)
    else:
        connection.execute(text("ALTER TABLE watches ADD COLUMN IF NOT EXISTS place TEXT NOT NULL DEFAULT ''"))
    sent = select(sends.c.place).where(sends.c.id == watches.c.send).scalar_subquery()
    connection.execute(update(watches).where(watches.c.place == "").values(place=func.coalesce(sent, "")))
    _indexed(connection, watches)


def _retired_by_index(connection: Connection) -> None:
    """4: what is finished, and what waits, is found by an index that holds nothing else; and there is a row to try writing with."""
    connection.execute(text("DROP INDEX IF EXISTS events_finished"))
    for table in (events, watches):
        _indexed(connection, table)
    trials.create(connection, checkfirst=True)


_later, _owed = events.alias("later"), events.alias("owed")
_first = (
    select(_owed.c.watch, func.min(_owed.c.position).label("first"))
    .where(_owed.c.state == "due")
    .group_by(_owed.c.watch)
    .subquery()
)
_behind = (
    select(_later.c.id)
    .join(_first, _first.c.watch == _later.c.watch)
    .where(_later.c.state == "due", _later.c.position > _first.c.first)
)
BEHIND: Final = update(events).where(events.c.id.in_(_behind)).values(due_at=None)
"""A delivery waits for an earlier one of its message. All are found by one reading: to look for an earlier one of each takes hours where a
million are owed."""


def _deliveries_by_destination(connection: Connection) -> None:
    """5: the index of what is due holds only deliveries that can be taken, and each destination has a row."""
    if connection.dialect.name == "sqlite":
        _made_anew(connection, events)
    else:
        connection.execute(text("ALTER TABLE events ALTER COLUMN due_at DROP NOT NULL"))
        connection.execute(text("DROP INDEX IF EXISTS events_due"))
    _indexed(connection, events)
    destinations.create(connection, checkfirst=True)
    connection.execute(update(events).where(events.c.state != "due").values(due_at=None))
    connection.execute(BEHIND)
    leased = (events.c.due_at.is_not(None)) & (events.c.leased > events.c.due_at)
    connection.execute(update(events).where(leased).values(due_at=events.c.leased))
    zero: ColumnElement[Any] = literal_column("0")
    owed = (
        select(
            events.c.entry, events.c.destination, func.min(events.c.due_at), literal_column("1"), zero, zero, zero
        )
        .where(events.c.due_at.is_not(None))
        .group_by(events.c.entry, events.c.destination)
    )  # fmt: skip
    connection.execute(insert(destinations).from_select([column.name for column in destinations.columns], owed))


def _made_anew(connection: Connection, table: Table) -> None:
    """The same rows in a table of today: SQLite cannot take a constraint from one that is there. Columns that are new are left to their
    default, or are NULL."""
    connection.execute(text(f"ALTER TABLE {table.name} RENAME TO old"))
    for index in inspect(connection).get_indexes("old"):
        connection.execute(text(f"DROP INDEX {index['name']}"))
    table.create(connection)
    had = {column["name"] for column in inspect(connection).get_columns("old")}
    kept = [column.name for column in table.columns if column.name in had]
    old = table.to_metadata(MetaData(), name="old")
    rows = select(*[old.c[name] for name in kept]).order_by(literal_column("rowid"))
    connection.execute(insert(table).from_select(kept, rows))
    connection.execute(text("DROP TABLE old"))


def _indexed(connection: Connection, table: Table) -> None:
    """Make the indexes of today that are not there, as far as their columns are: a later step brings the others."""
    look = inspect(connection)
    there = {index["name"] for index in look.get_indexes(table.name)}
    columns = {column["name"] for column in look.get_columns(table.name)}
    for index in sorted(table.indexes, key=lambda index: str(index.name)):
        if index.name not in there and columns.issuperset(column.name for column in index.columns):
            index.create(connection)


STEPS: Final[tuple[Callable[[Connection], None], ...]] = (
    _only_what_is_looked_for,
    _watched_where_it_was_sent,
    _retired_by_index,
    _deliveries_by_destination,
)
"""What makes a store of version 1 one of 2, and so on."""

VERSION: Final = 1 + len(STEPS)


def migrate(connection: Connection, where: str, *, is_new: bool = True) -> None:
    """Bring a store to today's version. Raises ConfigError for one that a newer release has written. Where `is_new` is False it also does
    for one that is not there yet and for an older one, since an older `serve` may be at it."""
    if connection.dialect.name == "postgresql":
        for index in [index for table in METADATA.tables.values() for index in table.indexes]:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
        connection.execute(text("SELECT pg_advisory_xact_lock(4267)"))  # several replicas may start at once
    if not inspect(connection).has_table(meta.name):
        if not is_new:
            raise ConfigError(where, "is a database that holds no store yet; serve makes it")
        METADATA.create_all(connection)
        connection.execute(insert(meta).values(version=VERSION))
    version = connection.execute(select(meta.c.version)).scalar_one()
    if version > VERSION:
        raise ConfigError(where, f"was written by a newer release: its version is {version}, ours is {VERSION}")
    if version < VERSION and not is_new:
        raise ConfigError(
            where,
            f"was written by an older release: its version is {version}, ours is {VERSION}; serve brings it up to date",
        )
    for step in STEPS[version - 1 :]:
        step(connection)
    if version < VERSION:
        connection.execute(update(meta).values(version=VERSION))
