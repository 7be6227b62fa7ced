"""The tables of the store. How an older store becomes one of today is in `migrations`."""

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
"""Of a send."""

INTENT, UNKNOWN, LOST, SENT, REFUSED = STATES

METADATA: Final = MetaData()


def _where(condition: ColumnElement[bool]) -> dict[str, Any]:
    """How an index is told to hold only some of the rows. PostgreSQL is told in `migrate`: to name it here takes 1.6 MB of memory."""
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
    Column("place", Text, nullable=False, server_default=""),
    UniqueConstraint("send", "address", "method", name="watches_once"),
)
"""Who is told of a send, and `place` where it was sent, as in `sends`: nowhere else is it looked for. `told` are the events that were made
for it, in order; `look_at` is None before the message was sent and after nothing more is owed, `over` since when that is so."""

Index("watches_look", watches.c.look_at, **_where(watches.c.look_at.is_not(None)))
Index("watches_place", watches.c.place, watches.c.look_at, watches.c.id, **_where(watches.c.look_at.is_not(None)))
Index("watches_over", watches.c.over, **_where(watches.c.over.is_not(None)))

waiting: Final = watches.c.over.is_(None) & watches.c.look_at.is_not(None)
"""What a query has to say of a watch, both words of it, for the index of those whose message was sent and whose end was not seen. What
only asks for `look_at` goes by the index of that, which is the right one for it."""

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
"""The deliveries of callbacks. `state` is due, delivered or dead; `destination` is host and port, `why` what came of the last try.

`due_at` is when a delivery may be taken next: the end of the lease if somebody is at it. It is None for a finished delivery, and for one
behind an earlier delivery of the same message: neither stands in the index of what is due."""

Index("events_over", events.c.state, events.c.finished, **_where(events.c.finished.is_not(None)))

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

meta: Final = Table("store", METADATA, Column("version", Integer, nullable=False))

trials: Final = Table(
    "trials", METADATA, Column("id", Integer, primary_key=True), Column("ballast", Text, nullable=False)
)
"""What is written to find out whether anything can be: one row, with the id 1."""
