"""The tables of the store. `migrations` brings an older store to this schema."""

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
from translator.shell.store.states import DeliveryState, SendState

METADATA: Final = MetaData()


def _where(condition: ColumnElement[bool]) -> dict[str, Any]:
    """Return the arguments of a partial index. `migrate` adds PostgreSQL's, because naming that dialect here takes 1.6 MB of memory."""
    return {"sqlite_where": condition}


_any_text: Final = Text().with_variant(AnyText(), "postgresql")

sends: Final = Table(
    "sends",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("account", Text, nullable=False),
    Column("provider_account", Text, nullable=False),
    Column("state", String(12), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("sender", _any_text, nullable=False),
    Column("recipient", _any_text, nullable=False),
    Column("text", _any_text, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("idempotency_key", Text),
    Column("request_hash", Text),
    Column("sid", Text),
    Column("message", LargeBinary),
    Column("fault", LargeBinary),
    Column("next_check_at", Float),
    Column("checks", Integer, nullable=False, default=0),
    Column("unknown_since", Float),
    Column("settled_at", Float),
    Column("resent_at", Float),
    Column("leased_until", Float, nullable=False, default=0.0),
    Column("fencing_token", Integer, nullable=False, default=0),
)
"""One row for each send.
`state`: see `SendState`.
`content_hash`: a digest of account, sender, recipient and text.
`request_hash`: a digest of the request that used the idempotency key.
`next_check_at`: the time of the next search for an unknown send, or the time at which an intent counts as unknown.
`checks`: the number of searches.
`resent_at`: the time of its resend, if the operator allows resends.
`leased_until`: the end of the lease. `fencing_token`: the number of leases so far.

Each index costs one page write for the intent and one for the outcome. A send without key or callback is in two indexes only.
"""

unfinished: Final = sends.c.state.not_in(
    [literal_column(f"'{state}'") for state in (SendState.SENT, SendState.REFUSED)]
)
"""The condition of unfinished sends. A query has to contain it word for word, so that the database uses the partial index."""

unknown: Final = sends.c.state == literal_column(f"'{SendState.UNKNOWN}'")
"""The same for unknown sends."""

Index(
    "sends_idempotency_key",
    sends.c.account,
    sends.c.idempotency_key,
    unique=True,
    **_where(sends.c.idempotency_key.is_not(None)),
)
Index("sends_sid", sends.c.provider_account, sends.c.sid, unique=True, **_where(sends.c.sid.is_not(None)))
Index("sends_unfinished", sends.c.state, sends.c.content_hash, sends.c.next_check_at, **_where(unfinished))
Index("sends_unknown", sends.c.next_check_at, **_where(unknown))
Index("sends_created_at", sends.c.created_at)

subscriptions: Final = Table(
    "callback_subscriptions",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("send_id", String(32), nullable=False),
    Column("account", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("method", String(4), nullable=False),
    Column("notified", Text, nullable=False, default=""),
    Column("next_check_at", Float),
    Column("checks", Integer, nullable=False, default=0),
    Column("completed_at", Float),
    Column("leased_until", Float, nullable=False, default=0.0),
    Column("fencing_token", Integer, nullable=False, default=0),
    Column("provider_account", Text, nullable=False, server_default=""),
    UniqueConstraint("send_id", "url", "method", name="callback_subscriptions_once"),
)
"""One row for each subscription to a send.
`provider_account`: that of the send, where its status is polled.
`notified`: the events for which deliveries were queued, in order.
`next_check_at`: the time of the next poll. None before the message was sent and after the last delivery was queued.
`completed_at`: the time since which no more deliveries will follow."""

Index(
    "callback_subscriptions_next_check_at",
    subscriptions.c.next_check_at,
    **_where(subscriptions.c.next_check_at.is_not(None)),
)
Index(
    "callback_subscriptions_provider_account",
    subscriptions.c.provider_account,
    subscriptions.c.next_check_at,
    subscriptions.c.id,
    **_where(subscriptions.c.next_check_at.is_not(None)),
)
Index(
    "callback_subscriptions_completed_at",
    subscriptions.c.completed_at,
    **_where(subscriptions.c.completed_at.is_not(None)),
)

waiting: Final = subscriptions.c.completed_at.is_(None) & subscriptions.c.next_check_at.is_not(None)
"""The condition of subscriptions whose message was sent and whose final status is not known.
A query has to contain both parts, so that the database uses the partial index.
A query for `next_check_at` alone uses the index of that column."""

unsent: Final = subscriptions.c.completed_at.is_(None) & subscriptions.c.next_check_at.is_(None)
"""The same for subscriptions whose message has not been sent, as far as is known."""

Index("callback_subscriptions_unsent", subscriptions.c.account, subscriptions.c.send_id, **_where(unsent))
Index("callback_subscriptions_waiting", subscriptions.c.account, subscriptions.c.send_id, **_where(waiting))

deliveries: Final = Table(
    "callback_deliveries",
    METADATA,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("subscription_id", BigInteger, nullable=False),
    Column("account", Text, nullable=False),
    Column("position", Integer, nullable=False),
    Column("event", String(16), nullable=False),
    Column("method", String(4), nullable=False),
    Column("url", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("destination", Text, nullable=False),
    Column("state", String(9), nullable=False),
    Column("created_at", Float, nullable=False),
    Column("due_at", Float),
    Column("attempts", Integer, nullable=False, default=0),
    Column("last_error", Text, nullable=False, default=""),
    Column("finished_at", Float),
    Column("leased_until", Float, nullable=False, default=0.0),
    Column("fencing_token", Integer, nullable=False, default=0),
    UniqueConstraint("subscription_id", "event", name="callback_deliveries_once"),
)
"""The callback deliveries.
`state`: see `DeliveryState`.
`destination`: host and port.
`last_error`: the result of the last attempt.
`due_at`: the time at which the delivery may be leased next. During a lease it is the end of the lease.
It is None for a finished delivery and for one after an unfinished delivery of the same message, so the index holds neither."""

Index(
    "callback_deliveries_finished_at",
    deliveries.c.state,
    deliveries.c.finished_at,
    **_where(deliveries.c.finished_at.is_not(None)),
)

open_deliveries: Final = deliveries.c.state != literal_column(f"'{DeliveryState.DELIVERED}'")
"""The condition of deliveries that are counted and listed. A query has to contain it word for word for the partial index."""

Index(
    "callback_deliveries_due",
    deliveries.c.account,
    deliveries.c.destination,
    deliveries.c.due_at,
    **_where(deliveries.c.due_at.is_not(None)),
)
Index("callback_deliveries_open", deliveries.c.state, deliveries.c.id, **_where(open_deliveries))

destinations: Final = Table(
    "destinations",
    METADATA,
    Column("account", Text, primary_key=True),
    Column("destination", Text, primary_key=True),
    Column("due_at", Float, nullable=False),
    Column("standing", Integer, nullable=False),
    Column("failures", Integer, nullable=False, default=0),
    Column("failed_at", Float, nullable=False, default=0.0),
    Column("paused_until", Float, nullable=False, default=0.0),
    Index("destinations_due", "standing", "due_at"),
    Index("destinations_due_by_account", "account", "standing", "due_at"),
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
