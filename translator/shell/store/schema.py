"""The tables of the store, and the steps by which an older store becomes one of today."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    exists,
    func,
    insert,
    inspect,
    literal_column,
    select,
    text,
    update,
)  # fmt: skip

from translator.errors import ConfigError

STATES: Final = ("intent", "unknown", "lost", "sent", "refused")
"""Of a send."""

INTENT, UNKNOWN, LOST, SENT, REFUSED = STATES

METADATA: Final = MetaData()


def _where(condition: ColumnElement[bool]) -> dict[str, Any]:
    """How an index is told to hold only some of the rows. PostgreSQL is told in `migrate`: to name it here takes 1.6 MB of memory."""
    return {"sqlite_where": condition}


sends: Final = Table(
    "sends",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("entry", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("made", Float, nullable=False),
    Column("sender", Text, nullable=False),
    Column("recipient", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("same", String(64), nullable=False),
    Column("key", Text),
    Column("content", Text),
    Column("sid", Text),
    Column("message", LargeBinary),
    Column("fault", LargeBinary),
    Column("look_at", Float),
    Column("looks", Integer, nullable=False, default=0),
    Column("doubted", Float),
    Column("settled", Float),
    Column("resent", Float),
    Column("leased", Float, nullable=False, default=0.0),
    Column("attempt", Integer, nullable=False, default=0),
)
"""One row a send. `state` is intent, sent, refused, unknown or lost; `place` the account at the back; `same` a digest of entry,
sender, recipient and text; `look_at` when an unknown one is looked for next, or an intent is taken for one; `doubted` since when it is
unknown; `resent` when it was made again, where the operator wants that; `leased` until when somebody is at it, and `attempt` how often
somebody was.

Each index that a row stands in is one more page to be written, before the send and after: what is answered and asks for nothing
stands in two."""

unfinished: Final = sends.c.state.not_in([literal_column(f"'{state}'") for state in (SENT, REFUSED)])
"""What a query has to say of a send, word by word, for the index of those that are to be looked after to be used."""

unknown: Final = sends.c.state == literal_column(f"'{UNKNOWN}'")
"""The same of those of which nobody knows what became."""

Index("sends_key", sends.c.entry, sends.c.key, unique=True, **_where(sends.c.key.is_not(None)))
Index("sends_sid", sends.c.place, sends.c.sid, unique=True, **_where(sends.c.sid.is_not(None)))
Index("sends_unfinished", sends.c.state, sends.c.same, sends.c.look_at, **_where(unfinished))
Index("sends_unknown", sends.c.look_at, **_where(unknown))
Index("sends_made", sends.c.made)

watches: Final = Table(
    "watches",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("send", String(32), nullable=False),
    Column("entry", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("method", String(4), nullable=False),
    Column("told", Text, nullable=False, default=""),
    Column("look_at", Float),
    Column("looks", Integer, nullable=False, default=0),
    Column("over", Float),
    Column("leased", Float, nullable=False, default=0.0),
    Column("attempt", Integer, nullable=False, default=0),
    UniqueConstraint("send", "address", "method", name="watches_once"),
)
"""Who is told of a send. `told` are the events that were made for it, in order; `look_at` is None before the message was sent and after
nothing more is owed, `over` since when that is so."""

Index("watches_look", watches.c.look_at, **_where(watches.c.look_at.is_not(None)))
Index("watches_over", watches.c.over, **_where(watches.c.over.is_not(None)))

events: Final = Table(
    "events",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("watch", BigInteger, nullable=False),
    Column("entry", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("name", String(16), nullable=False),
    Column("method", String(4), nullable=False),
    Column("address", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("made", Float, nullable=False),
    Column("due_at", Float),
    Column("tries", Integer, nullable=False, default=0),
    Column("why", Text, nullable=False, default=""),
    Column("finished", Float),
    Column("leased", Float, nullable=False, default=0.0),
    Column("attempt", Integer, nullable=False, default=0),
    UniqueConstraint("watch", "name", name="events_once"),
    Index("events_finished", "finished"),
)
"""The deliveries of callbacks. `state` is due, delivered or dead; `destination` is host and port, `why` what came of the last try.

`due_at` is when a delivery may be taken next: the end of the lease if somebody is at it. It is None for a finished delivery, and for one
behind an earlier delivery of the same message: neither stands in the index of what is due."""

open_events: Final = events.c.state != literal_column("'delivered'")
"""What a query has to say of a delivery, word by word, for the index of those that are counted and listed to be used."""

Index("events_due", events.c.entry, events.c.destination, events.c.due_at, **_where(events.c.due_at.is_not(None)))
Index("events_open", events.c.state, events.c.id, **_where(open_events))

destinations: Final = Table(
    "destinations",
    METADATA,
    Column("entry", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("due_at", Float, nullable=False),
    Column("standing", Integer, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("failed_at", Float, nullable=False, default=0.0),
    Column("paused_until", Float, nullable=False, default=0.0),
    Index("destinations_due", "standing", "due_at"),
    Index("destinations_due_by_account", "entry", "standing", "due_at"),
)
"""Where the deliveries of each account go, and the state of each circuit breaker. `due_at` is when something is to be done there next,
and never later than the truth. `standing` is what the last deliveries say of the receiver: see `deliveries`. `failures` in a row,
`failed_at` the end of the last one, `paused_until` the end of the breaker's pause."""

_meta: Final = Table("store", METADATA, Column("version", Integer, nullable=False))


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
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            index.create(connection)


def _made_anew(connection: Connection, table: Table) -> None:
    """The same rows in a table of today: SQLite cannot take a constraint from one that is there."""
    connection.execute(text(f"ALTER TABLE {table.name} RENAME TO old"))
    for index in inspect(connection).get_indexes("old"):
        connection.execute(text(f"DROP INDEX {index['name']}"))
    table.create(connection)
    old = table.to_metadata(MetaData(), name="old")
    there = {column["name"] for column in inspect(connection).get_columns("old")}
    shared = [column for column in old.columns if column.name in there]  # a later step brings the others
    rows = select(*shared).order_by(literal_column("rowid"))
    connection.execute(insert(table).from_select([column.name for column in shared], rows))
    connection.execute(text("DROP TABLE old"))


def _deliveries_by_destination(connection: Connection) -> None:
    """The index of what is due holds only deliveries that can be taken, and each destination has a row."""
    if connection.dialect.name == "sqlite":
        _made_anew(connection, events)
    else:
        connection.execute(text("ALTER TABLE events ALTER COLUMN due_at DROP NOT NULL"))
        connection.execute(text("DROP INDEX IF EXISTS events_due"))
        for index in sorted(events.indexes, key=lambda index: str(index.name)):
            index.create(connection, checkfirst=True)
    destinations.create(connection, checkfirst=True)
    earlier = events.alias()
    behind = exists().where(
        earlier.c.watch == events.c.watch, earlier.c.position < events.c.position, earlier.c.state == "due"
    )
    connection.execute(update(events).where((events.c.state != "due") | behind).values(due_at=None))
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


STEPS: Final[tuple[Callable[[Connection], None], ...]] = (_only_what_is_looked_for, _deliveries_by_destination)
"""What makes a store of version 1 one of 2, and so on."""

VERSION: Final = 1 + len(STEPS)


def migrate(connection: Connection, where: str) -> None:
    """Bring a store to today's version. Raises ConfigError for one that a newer release has written."""
    if connection.dialect.name == "postgresql":
        for index in [index for table in METADATA.tables.values() for index in table.indexes]:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
        connection.execute(text("SELECT pg_advisory_xact_lock(4267)"))  # several replicas may start at once
    if not inspect(connection).has_table(_meta.name):
        METADATA.create_all(connection)
        connection.execute(insert(_meta).values(version=VERSION))
    version = connection.execute(select(_meta.c.version)).scalar_one()
    if version > VERSION:
        raise ConfigError(where, f"was written by a newer release: its version is {version}, ours is {VERSION}")
    for step in STEPS[version - 1 :]:
        step(connection)
    if version < VERSION:
        connection.execute(update(_meta).values(version=VERSION))
