"""The journal of sends: an intent is written before the provider request, and its outcome after. Reconciliation reads it."""

import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from translator.core.effects import Intent, Outcome, Recorded
from translator.core.model import CallbackTarget, Fault, Message
from translator.core.sending import is_final
from translator.shell.store import schema
from translator.shell.store.any_of import Among, by_index
from translator.shell.store.schema import sends, unfinished, watches
from translator.shell.store.statements import (
    AWAKEN,
    BEGIN,
    FIND_MESSAGE,
    FIND_UNKNOWN_LIKE,
    FIND_WATCH,
    IS_ANY_UNKNOWN,
    NOTE_MADE,
    SETTLE_SENT,
    WATCH,
)

STATES: Final = schema.STATES
INTENT, UNKNOWN, LOST, SENT, REFUSED = STATES

KEYS: Final = 86400.0
"""Seconds for which an idempotency key replays the outcome of its send."""

_DECODER: Final = msgspec.json.Decoder(Message)
_encode: Final = msgspec.json.Encoder().encode
_FAULTS: Final = msgspec.json.Decoder(Fault)
_ANSWERED: Final = Among(
    "SELECT sid, message FROM sends WHERE place = :place AND sid IS NOT NULL AND sid {} AND message IS NOT NULL"
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
            _watch(connection, joined, intent.entry, intent.wish)
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
    old = (sends.c.entry == intent.entry) & (sends.c.key == intent.key) & (sends.c.settled < now - KEYS)
    connection.execute(update(sends).where(old).values(key=None))


def _by_key(connection: Connection, intent: Intent) -> Any:
    return connection.execute(
        select(sends).where(sends.c.entry == intent.entry, sends.c.key == intent.key)
    ).mappings().first()  # fmt: skip


def _known(row: Any, intent: Intent) -> Recorded:
    if (row["content"] or "") != intent.content:
        return Recorded(row["id"], "reused")
    if row["state"] == INTENT:
        return Recorded(row["id"], "running")
    if row["state"] in (UNKNOWN, LOST):
        return Recorded(row["id"], "joined")
    return Recorded(row["id"], "known", outcome=_outcome(row))


def _unknown_like(connection: Connection, intent: Intent, times: Times) -> str | None:
    found = FIND_UNKNOWN_LIKE.run(connection, {"as_": digest(intent), "after": times.now - times.join}).fetchone()
    return None if found is None else str(found[0])


def begin_all(connection: Connection, begun: Sequence[tuple[Begun, Times]]) -> None:
    """Write intents, before their provider requests."""
    if begun:
        BEGIN.run_each(connection, [_row(one, times) for one, times in begun])
    for one, _ in begun:
        if one.intent.wish is not None:
            _watch(connection, one.id, one.intent.entry, one.intent.wish)


def _row(one: Begun, times: Times) -> dict[str, Any]:
    intent = one.intent
    return {
        "id": one.id, "entry": intent.entry, "place": one.place, "made": times.now, "sender": intent.sender,
        "recipient": intent.recipient, "text": intent.text, "same": digest(intent),
        "key": intent.key or None, "content": intent.content or None, "look_at": times.now + times.patience,
    }  # fmt: skip


def _watch(connection: Connection, send: str, entry: str, wish: CallbackTarget) -> None:
    """Add a subscription to a send, unless the same one exists."""
    who = {"send_": send, "address_": wish.address, "method_": wish.method}
    if FIND_WATCH.run(connection, who).fetchone() is None:
        WATCH.run(connection, {**who, "entry_": entry})


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
            doubt(connection, (sends.c.id == outcome.id) & (sends.c.state == INTENT), now)
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
    place = select(sends.c.place).where(sends.c.id == id_).scalar_subquery()
    mistaken = (sends.c.sid == sid) & (sends.c.place == place) & (sends.c.id != id_)
    connection.execute(
        update(sends).where(mistaken).values(state=UNKNOWN, sid=None, message=None, settled=None, doubted=now, look_at=now)
    )  # fmt: skip


def doubt(connection: Connection, which: Any, now: float) -> None:
    """Mark these sends as unknown, due for reconciliation from now on."""
    connection.execute(update(sends).where(which).values(state=UNKNOWN, doubted=now, look_at=now))


def _nothing_sent(connection: Connection, outcome: Outcome, now: float) -> None:
    """Settle a send that the provider did not accept.
    Keep a final refusal that has an idempotency key, so that it can be replayed. Delete every other."""
    connection.execute(delete(watches).where(watches.c.send == outcome.id))
    mine = (sends.c.id == outcome.id) & (sends.c.state != SENT)
    if outcome.state == "refused" and outcome.fault is not None and is_final(outcome.fault):
        values = {"state": REFUSED, "fault": msgspec.json.encode(outcome.fault), "settled": now, "look_at": None}
        connection.execute(update(sends).where(mine, sends.c.key.is_not(None)).values(**values))
        mine &= sends.c.key.is_(None)
    connection.execute(delete(sends).where(mine))


def outcomes(connection: Connection, ids: Sequence[str]) -> list[Outcome]:
    """Return the outcomes of sends; unknown for a missing one."""
    rows = connection.execute(select(sends).where(sends.c.id.in_(ids))).mappings()
    found = {row["id"]: _outcome(row) for row in rows}
    return [found.get(id_) or Outcome(id_, "unknown") for id_ in ids]


def messages_of(connection: Connection, place: str, sids: Sequence[str]) -> dict[str, Message]:
    """Return the messages of a provider account as their sends were answered, by SID. The result has only messages of kept sends."""
    by_index(connection)
    return {sid: _DECODER.decode(packed) for sid, packed in _ANSWERED.rows(connection, sids, place=place)}


def _outcome(row: Any) -> Outcome:
    if row["state"] == SENT:
        return Outcome(row["id"], "sent", _DECODER.decode(row["message"]))
    if row["state"] == REFUSED:
        return Outcome(row["id"], "refused", fault=_FAULTS.decode(row["fault"]))
    return Outcome(row["id"], "unknown")


def insert_sent(connection: Connection, made: Iterable[tuple[float, str, str]]) -> None:
    """Write accepted messages of which only the time, the provider account and the SID are known. They belong to no other send.
    There may be a hundred thousand. Prepared statements take a thirtieth of the time of statements made anew."""
    fresh = {
        (place, sid): {"id": secrets.token_hex(16), "place": place, "sid": sid, "made": now, "settled": now}
        for now, place, sid in made
        if FIND_MESSAGE.run(connection, {"place_": place, "sid_": sid}).fetchone() is None
    }
    if fresh:
        NOTE_MADE.run_each(connection, list(fresh.values()))


def is_any_unknown(connection: Connection) -> bool:
    """Return True if any send is unknown."""
    return bool(IS_ANY_UNKNOWN.run(connection, {}).fetchone()[0])


# ---- for the operator --------------------------------------------------------------------------------------


def listed(connection: Connection, states: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Return sends in these states, the oldest first."""
    columns = [column for column in sends.c if column.name not in ("message", "fault")]
    which = [sends.c.state.in_(states), *([unfinished] if {SENT, REFUSED}.isdisjoint(states) else [])]
    rows = connection.execute(select(*columns).where(*which).order_by(sends.c.made).limit(most))
    return [dict(row) for row in rows.mappings()]


def shown(connection: Connection, id_: str) -> dict[str, Any] | None:
    """Return one send; None if it does not exist."""
    row = connection.execute(select(sends).where(sends.c.id == id_)).mappings().first()
    return None if row is None else dict(row)


def counted(connection: Connection) -> dict[str, int]:
    """Return the number of unfinished sends by state."""
    by_index(connection)
    rows = connection.execute(select(sends.c.state, func.count()).where(unfinished).group_by(sends.c.state))
    return {row[0]: row[1] for row in rows}


def forget(connection: Connection, id_: str) -> bool:
    """Delete an unknown or unresolved send, because the operator says that it was not sent. Returns False if it does not exist."""
    doubtful = (sends.c.id == id_) & sends.c.state.in_((UNKNOWN, LOST))
    if connection.execute(select(sends.c.id).where(doubtful)).first() is None:
        return False
    connection.execute(delete(watches).where(watches.c.send == id_))
    connection.execute(delete(sends).where(doubtful))
    return True
