"""The tables of version 5, as its release made them. They stay as they are: `migrations_to_5` makes them of an older store."""

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    literal_column,
)  # fmt: skip

from translator.shell.store.nul_characters import AnyText

STATES: Final = ("intent", "unknown", "lost", "sent", "refused")
"""The states of a send."""

INTENT, UNKNOWN, LOST, SENT, REFUSED = STATES

METADATA: Final = MetaData()


def _where(condition: ColumnElement[bool]) -> dict[str, Any]:
    """Return the arguments of a partial index. `migrate` adds PostgreSQL's, because naming that dialect here takes 1.6 MB of memory."""
    return {"sqlite_where": condition}


_any_text: Final = Text().with_variant(AnyText(), "postgresql")

sends: Final = Table(
    "sends",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("entry", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("made", Float, nullable=False),
    Column("sender", _any_text, nullable=False),
    Column("recipient", _any_text, nullable=False),
    Column("text", _any_text, nullable=False),
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
"""One row for each send.
`state`: intent, sent, refused, unknown or lost.
`place`: the provider account.
`same`: a digest of entry, sender, recipient and text.
`look_at`: the time of the next search for an unknown send, or the time at which an intent counts as unknown.
`doubted`: the time since which it is unknown.
`resent`: the time of its resend, if the operator allows resends.
`leased`: the end of the lease. `attempt`: the fencing token, which counts the leases.

Each index costs one page write for the intent and one for the outcome. A send without key or callback is in two indexes only.
"""

unfinished: Final = sends.c.state.not_in([literal_column(f"'{state}'") for state in (SENT, REFUSED)])
"""The condition of unfinished sends. A query has to contain it word for word, so that the database uses the partial index."""

unknown: Final = sends.c.state == literal_column(f"'{UNKNOWN}'")
"""The same for unknown sends."""

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
    Column("place", Text, nullable=False, server_default=""),
    UniqueConstraint("send", "address", "method", name="watches_once"),
)
"""One row for each subscription to a send.
`place`: the provider account of the send, where its status is polled.
`told`: the events for which deliveries were queued, in order.
`look_at`: the time of the next poll. None before the message was sent and after the last delivery was queued.
`over`: the time since which no more deliveries will follow."""

Index("watches_look", watches.c.look_at, **_where(watches.c.look_at.is_not(None)))
Index("watches_place", watches.c.place, watches.c.look_at, watches.c.id, **_where(watches.c.look_at.is_not(None)))
Index("watches_over", watches.c.over, **_where(watches.c.over.is_not(None)))

waiting: Final = watches.c.over.is_(None) & watches.c.look_at.is_not(None)
"""The condition of subscriptions whose message was sent and whose final status is not known.
A query has to contain both parts, so that the database uses the partial index.
A query for `look_at` alone uses the index of that column."""

Index("watches_waiting", watches.c.entry, watches.c.send, **_where(waiting))

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
)
"""The callback deliveries.
`state`: due, delivered or dead.
`destination`: host and port.
`why`: the result of the last attempt.
`due_at`: the time at which the delivery may be leased next. During a lease it is the end of the lease.
It is None for a finished delivery and for one after an unfinished delivery of the same message, so the index holds neither."""

Index("events_over", events.c.state, events.c.finished, **_where(events.c.finished.is_not(None)))

open_events: Final = events.c.state != literal_column("'delivered'")
"""The condition of deliveries that are counted and listed. A query has to contain it word for word for the partial index."""

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
"""The destinations of each account, with their circuit breakers.
`due_at`: the time of the next work there, and never later than the true time.
`standing`: the standing of the receiver by its last deliveries; see `destinations`.
`failures`: the failures in a row. `failed_at`: the end of the last one.
`paused_until`: the end of the breaker's pause."""

meta: Final = Table("store", METADATA, Column("version", Integer, nullable=False))

trials: Final = Table(
    "trials", METADATA, Column("id", Integer, primary_key=True), Column("ballast", Text, nullable=False)
)
"""The table of write trials, which find out if a write is possible. It has one row, with the id 1."""
