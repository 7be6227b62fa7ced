"""The migrations of stores that are older than version 5, with the names of that time. Only such a store loads this module.

version 1 ─▶ 2 partial indexes ─▶ 3 the provider account of a subscription ─▶ 4 indexes of finished rows ─▶ 5 destinations
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

from translator.shell.store.schema_5 import destinations, events, sends, trials, watches


def _only_what_is_looked_for(connection: Connection) -> None:
    """Step 2: the indexes of sends and of subscriptions hold only rows that a query finds by them."""
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
    """Step 3: a subscription has the provider account (`place`) of its send."""
    if connection.dialect.name == "sqlite":
        _made_anew(connection, watches)
    else:
        connection.execute(text("ALTER TABLE watches ADD COLUMN IF NOT EXISTS place TEXT NOT NULL DEFAULT ''"))
    sent = select(sends.c.place).where(sends.c.id == watches.c.send).scalar_subquery()
    connection.execute(update(watches).where(watches.c.place == "").values(place=func.coalesce(sent, "")))
    _indexed(connection, watches)


def _retired_by_index(connection: Connection) -> None:
    """Step 4: indexes that hold only finished rows or only waiting rows, and a row for write trials."""
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
"""Clears the due time of deliveries that wait for an earlier one of their message.
One query finds all of them. A search for each would take hours if a million deliveries are unfinished."""


def _deliveries_by_destination(connection: Connection) -> None:
    """Step 5: the index of due deliveries holds only those that can be leased, and each destination has a row."""
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
    """Copy the rows into a table of the present schema, because SQLite cannot drop a constraint. New columns get their default or NULL."""
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
    """Create the missing indexes of a table, if all of their columns exist. A later step creates the others."""
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
"""The first step makes version 2 of version 1, and so on."""
