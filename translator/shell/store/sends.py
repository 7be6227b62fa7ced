"""The journal of sends: an intent is written before the provider request, and its outcome after. Reconciliation reads it."""

import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, null, select, update
from sqlalchemy.exc import IntegrityError

from translator.core.effects import Intent, Outcome, Recorded
from translator.core.model import CallbackTarget, Fault, Message
from translator.core.sending import is_final
from translator.shell.store.any_of import Among, by_index
from translator.shell.store.rows import SendRow
from translator.shell.store.schema import sends, subscriptions, unfinished
from translator.shell.store.statements import (
    AWAKEN,
    BEGIN,
    FIND_SUBSCRIPTION,
    FIND_UNKNOWN_LIKE,
    IS_ANY_UNKNOWN,
    SETTLE_SENT,
    SUBSCRIBE,
)
from translator.shell.store.states import SendState

KEYS: Final = 86400.0
"""Seconds for which an idempotency key replays the outcome of its send."""

_DECODER: Final = msgspec.json.Decoder(Message)
_encode: Final = msgspec.json.Encoder().encode
_FAULTS: Final = msgspec.json.Decoder(Fault)
_ANSWERED: Final = Among(
    "SELECT sid, message FROM sends WHERE provider_account = :place AND sid IS NOT NULL AND sid {} AND message IS NOT NULL"
)


class Begun(msgspec.Struct, frozen=True, gc=False):
    """An intent to be recorded: the journal's id for it, and the provider account (`place`) that carries the message."""

    id: str
    place: str
    intent: Intent


class Times(msgspec.Struct, frozen=True, gc=False):
    """The times of a record, in seconds.
    `patience`: after this time a send without a response counts as unknown.
    `join`: for this time an equal send shares the outcome of an unknown one."""

    now: float
    patience: float
    join: float


def digest(intent: Intent) -> str:
    """Return a digest of what equal sends share: account, sender, recipient and text. The provider is not part of it."""
    sender = intent.sender if intent.same_sender is None else intent.same_sender
    parts = (intent.entry, sender, intent.recipient, intent.text)
    return sha256(msgspec.json.encode(parts)).hexdigest()


def record(connection: Connection, begun: Sequence[Begun], times: Times) -> list[Recorded]:
    """Write intents and return the state of each; see `Recorded`."""
    return record_all(connection, [(one, times) for one in begun])


def record_all(connection: Connection, begun: Sequence[tuple[Begun, Times]]) -> list[Recorded]:
    """Record sends that began at different times. If no send is unknown, every send without an idempotency key is new.
    All of those are written by one statement."""
    if is_any_unknown(connection):
        return [_recorded(connection, one, times) for one, times in begun]
    begin_all(connection, [(one, times) for one, times in begun if not one.intent.key])
    return [
        _recorded(connection, one, times) if one.intent.key else Recorded(one.id, "new") for one, times in begun
    ]  # fmt: skip


def _recorded(connection: Connection, one: Begun, times: Times) -> Recorded:
    intent = one.intent
    if intent.key:
        _expire_key(connection, intent, times.now)
        if (row := _by_key(connection, intent)) is not None:
            return _known(row, intent)
    if (joined := _unknown_like(connection, intent, times)) is not None:
        if intent.wish is not None:
            _subscribe(connection, joined, intent.entry, intent.wish)
        return Recorded(joined, "joined")
    if not intent.key:
        begin_all(connection, [(one, times)])
        return Recorded(one.id, "new")
    try:
        with connection.begin_nested():
            begin_all(connection, [(one, times)])
    except (IntegrityError, sqlite3.IntegrityError):
        # Another process has written the same key since the query.
        row = _by_key(connection, intent)
        if row is None:
            raise
        return _known(row, intent)
    return Recorded(one.id, "new")


def _expire_key(connection: Connection, intent: Intent, now: float) -> None:
    old = (
        (sends.c.account == intent.entry) & (sends.c.idempotency_key == intent.key) & (sends.c.settled_at < now - KEYS)
    )
    connection.execute(update(sends).where(old).values(idempotency_key=None))


def _by_key(connection: Connection, intent: Intent) -> SendRow | None:
    mine = (sends.c.account == intent.entry, sends.c.idempotency_key == intent.key)
    row = connection.execute(select(sends).where(*mine)).first()
    return None if row is None else SendRow._make(row)


def _known(row: SendRow, intent: Intent) -> Recorded:
    if (row.request_hash or "") != intent.content:
        return Recorded(row.id, "reused")
    if row.state == SendState.INTENT:
        return Recorded(row.id, "running")
    if row.state in (SendState.UNKNOWN, SendState.UNRESOLVED):
        return Recorded(row.id, "joined")
    return Recorded(row.id, "known", outcome=_outcome(row))


def _unknown_like(connection: Connection, intent: Intent, times: Times) -> str | None:
    found = FIND_UNKNOWN_LIKE.run(connection, {"as_": digest(intent), "after": times.now - times.join}).fetchone()
    return None if found is None else str(found[0])


def begin_all(connection: Connection, begun: Sequence[tuple[Begun, Times]]) -> None:
    """Write intents, before their provider requests."""
    if begun:
        BEGIN.run_each(connection, [_row(one, times) for one, times in begun])
    for one, _ in begun:
        if one.intent.wish is not None:
            _subscribe(connection, one.id, one.intent.entry, one.intent.wish)


def _row(one: Begun, times: Times) -> dict[str, Any]:
    intent = one.intent
    return {
        "id": one.id, "account": intent.entry, "provider_account": one.place, "created_at": times.now,
        "sender": intent.sender, "recipient": intent.recipient, "text": intent.text, "content_hash": digest(intent),
        "idempotency_key": intent.key or None, "request_hash": intent.content or None,
        "next_check_at": times.now + times.patience,
    }  # fmt: skip


def _subscribe(connection: Connection, send: str, entry: str, target: CallbackTarget) -> None:
    """Add a subscription to a send, unless the same one exists."""
    values = {"send_": send, "url_": target.address, "method_": target.method}
    if FIND_SUBSCRIPTION.run(connection, values).fetchone() is None:
        SUBSCRIBE.run(connection, {**values, "account_": entry})


# ---- outcomes ----------------------------------------------------------------------------------------------


def settle(connection: Connection, outcomes: Iterable[Outcome], now: float) -> None:
    """Write the outcomes of sends. A response stands even if its send counted as unknown meanwhile."""
    settle_all(connection, [(outcome, now) for outcome in outcomes])


def settle_all(connection: Connection, outcomes: Sequence[tuple[Outcome, float]]) -> None:
    """Write outcomes that came at different times. One statement writes all that have a message."""
    made = [(outcome.id, outcome.message, now) for outcome, now in outcomes if outcome.message is not None]
    if made:
        all_made_known(connection, made)
    for outcome, now in outcomes:
        if outcome.message is not None:
            continue
        if outcome.state == "unknown":
            mark_unknown(connection, (sends.c.id == outcome.id) & (sends.c.state == SendState.INTENT), now)
        else:
            _nothing_sent(connection, outcome, now)


def mark_sent(connection: Connection, id_: str, message: Message, now: float) -> None:
    """Mark a send as sent, as this message."""
    all_made_known(connection, [(id_, message, now)])


def all_made_known(connection: Connection, made: Sequence[tuple[str, Message, float]]) -> None:
    """Mark sends as sent, each with its message and time."""
    rows = [{"id_": id_, "sid_": message.sid, "packed": _packed(message), "now": now} for id_, message, now in made]
    if SETTLE_SENT.run_each(connection, rows) < len(rows):
        # One is settled already, or reconciliation gave its message to another send. The rows that were written stay.
        for (id_, message, now), row in zip(made, rows, strict=True):
            _retract(connection, id_, message.sid, now)
            SETTLE_SENT.run(connection, row)
    AWAKEN.run_each(connection, [{"send_": id_, "now": now} for id_, _, now in made])


def _packed(message: Message) -> bytes:
    """Encode a message with the names of the neutral model, whatever names its decoder used."""
    return _encode({name: getattr(message, name) for name in Message.__struct_fields__})


def _retract(connection: Connection, id_: str, sid: str, now: float) -> None:
    """Make another send unknown again, because reconciliation had wrongly taken this message for it."""
    place = select(sends.c.provider_account).where(sends.c.id == id_).scalar_subquery()
    mistaken = (sends.c.sid == sid) & (sends.c.provider_account == place) & (sends.c.id != id_)
    connection.execute(
        update(sends).where(mistaken).values(
            state=SendState.UNKNOWN, sid=None, message=None, settled_at=None, unknown_since=now, next_check_at=now
        )
    )  # fmt: skip


def mark_unknown(connection: Connection, which: Any, now: float) -> None:
    """Mark these sends as unknown, due for reconciliation from now on."""
    connection.execute(update(sends).where(which).values(state=SendState.UNKNOWN, unknown_since=now, next_check_at=now))


def _nothing_sent(connection: Connection, outcome: Outcome, now: float) -> None:
    """Settle a send that the provider did not accept.
    Keep a final refusal that has an idempotency key, so that it can be replayed. Delete every other."""
    connection.execute(delete(subscriptions).where(subscriptions.c.send_id == outcome.id))
    mine = (sends.c.id == outcome.id) & (sends.c.state != SendState.SENT)
    if outcome.state == "refused" and outcome.fault is not None and is_final(outcome.fault):
        values = {
            "state": SendState.REFUSED, "fault": msgspec.json.encode(outcome.fault), "settled_at": now, "next_check_at": None,
        }  # fmt: skip
        connection.execute(update(sends).where(mine, sends.c.idempotency_key.is_not(None)).values(**values))
        mine &= sends.c.idempotency_key.is_(None)
    connection.execute(delete(sends).where(mine))


def outcomes(connection: Connection, ids: Sequence[str]) -> list[Outcome]:
    """Return the outcomes of sends; unknown for a missing one."""
    rows = map(SendRow._make, connection.execute(select(sends).where(sends.c.id.in_(ids))))
    found = {row.id: _outcome(row) for row in rows}
    return [found.get(id_) or Outcome(id_, "unknown") for id_ in ids]


def messages_of(connection: Connection, place: str, sids: Sequence[str]) -> dict[str, Message]:
    """Return the messages of a provider account as their sends were answered, by SID. The result has only messages of kept sends."""
    by_index(connection)
    return {sid: _DECODER.decode(packed) for sid, packed in _ANSWERED.rows(connection, sids, place=place)}


def _outcome(row: SendRow) -> Outcome:
    if row.state == SendState.SENT and row.message is not None:
        return Outcome(row.id, "sent", _DECODER.decode(row.message))
    if row.state == SendState.REFUSED and row.fault is not None:
        return Outcome(row.id, "refused", fault=_FAULTS.decode(row.fault))
    return Outcome(row.id, "unknown")


def is_any_unknown(connection: Connection) -> bool:
    """Return True if any send is unknown."""
    return bool(IS_ANY_UNKNOWN.run(connection, {}).fetchone()[0])


# ---- for the operator --------------------------------------------------------------------------------------


_LISTED: Final = [null().label(column.name) if column.name in ("message", "fault") else column for column in sends.c]
"""The columns of a list. It leaves the messages in the store, because they are long."""


def listed(connection: Connection, states: Sequence[str], most: int) -> list[SendRow]:
    """Return sends in these states, the oldest first, without their messages and faults."""
    are_unfinished = {SendState.SENT, SendState.REFUSED}.isdisjoint(states)
    which = [sends.c.state.in_(states), *([unfinished] if are_unfinished else [])]
    rows = connection.execute(select(*_LISTED).where(*which).order_by(sends.c.created_at).limit(most))
    return [SendRow._make(row) for row in rows]


def shown(connection: Connection, id_: str) -> SendRow | None:
    """Return one send; None if it does not exist."""
    row = connection.execute(select(sends).where(sends.c.id == id_)).first()
    return None if row is None else SendRow._make(row)


def counted(connection: Connection) -> dict[str, int]:
    """Return the number of unfinished sends by state."""
    by_index(connection)
    rows = connection.execute(select(sends.c.state, func.count()).where(unfinished).group_by(sends.c.state))
    return {row[0]: row[1] for row in rows}


def forget(connection: Connection, id_: str) -> bool:
    """Delete an unknown or unresolved send, because the operator says that it was not sent. Returns False if it does not exist."""
    doubtful = (sends.c.id == id_) & sends.c.state.in_((SendState.UNKNOWN, SendState.UNRESOLVED))
    if connection.execute(select(sends.c.id).where(doubtful)).first() is None:
        return False
    connection.execute(delete(subscriptions).where(subscriptions.c.send_id == id_))
    connection.execute(delete(sends).where(doubtful))
    return True
