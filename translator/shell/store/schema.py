"""The tables of the store, and the steps by which an older store becomes one of today."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
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
    insert,
    inspect,
    select,
    text,
    update,
)  # fmt: skip

from translator.errors import ConfigError

METADATA: Final = MetaData()

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
    UniqueConstraint("entry", "key", name="sends_key"),
    UniqueConstraint("place", "sid", name="sends_sid"),
    Index("sends_same", "same", "state"),
    Index("sends_look", "look_at"),
    Index("sends_settled", "settled"),
)
"""One row a send. `state` is intent, sent, refused, unknown or lost; `place` the account at the back; `same` a digest of entry,
sender, recipient and text; `look_at` when an unknown one is looked for next, or an intent is taken for one; `doubted` since when it is
unknown; `resent` when it was made again, where the operator wants that; `leased` until when somebody is at it, and `attempt` how often
somebody was."""

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
    Index("watches_look", "look_at"),
    Index("watches_over", "over"),
)
"""Who is told of a send. `told` are the events that were made for it, in order; `look_at` is None before the message was sent and after
nothing more is owed, `over` since when that is so."""

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
    Column("due_at", Float, nullable=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("why", Text, nullable=False, default=""),
    Column("finished", Float),
    Column("leased", Float, nullable=False, default=0.0),
    Column("attempt", Integer, nullable=False, default=0),
    UniqueConstraint("watch", "name", name="events_once"),
    Index("events_due", "state", "destination", "due_at"),
    Index("events_finished", "finished"),
)
"""The calls. `state` is due, delivered or dead; `destination` is host and port, `why` what came of the last try."""

_meta: Final = Table("store", METADATA, Column("version", Integer, nullable=False))


def _first(connection: Connection) -> None:
    METADATA.create_all(connection, tables=[sends, watches, events])


MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (_first,)
"""The steps, oldest first; how many of them a store has seen is its version."""


def migrate(connection: Connection, where: str) -> None:
    """Bring a store to today's version. Raises ConfigError for one that a newer release has written."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(4267)"))  # several replicas may start at once
    if not inspect(connection).has_table(_meta.name):
        _meta.create(connection)
        connection.execute(insert(_meta).values(version=0))
    version = connection.execute(select(_meta.c.version)).scalar_one()
    if version > len(MIGRATIONS):
        raise ConfigError(where, f"was written by a newer release: its version is {version}, ours is {len(MIGRATIONS)}")
    for step in MIGRATIONS[version:]:
        step(connection)
    connection.execute(update(_meta).values(version=len(MIGRATIONS)))
