"""Unknown sends: leased for reconciliation, found, resent, or unresolved."""

from collections.abc import Collection, Iterator, Sequence
from statistics import median
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select, update

from translator.core.model import Message
from translator.shell.store.leases import is_free, lease_sends, still_leased
from translator.shell.store.rows import SendRow, UnfinishedSend
from translator.shell.store.schema import sends, subscriptions, unfinished, unknown
from translator.shell.store.sends import all_made_known, mark_unknown
from translator.shell.store.states import SendState

LONGEST: Final = 300.0
"""Seconds of the longest pause between two searches for a send."""

_CLOCKS: Final = 60.0
"""Seconds by which the clocks of several processes may differ."""

_ANSWER: Final = 3600.0
"""Seconds within which any provider has responded to a send, or never will."""

_AROUND: Final = 60.0
_SAMPLES: Final = 3
_UNLIKE: Final = 30.0
_ALIKE: Final = 5.0
"""Limits for the measurement of a provider's clock.
It uses at most `_SAMPLES` sends of the `_AROUND` seconds before the send, and as many of the seconds after it.
Their differences have to agree within `_UNLIKE` seconds. A difference below `_ALIKE` seconds counts as none."""

_AT_ONCE: Final = 500
"""Values in one statement, at most."""


class _Created(msgspec.Struct):
    """The one member that is needed of a stored message."""

    created: int


_CREATED: Final = msgspec.json.Decoder(_Created)


def abandoned(connection: Connection, now: float) -> None:
    """Mark all intents as unknown and free all leases, because the process that had them has ended.
    The dispatcher ends the leases of deliveries itself: see `deliveries.release`."""
    mark_unknown(connection, unfinished & (sends.c.state == SendState.INTENT), now)
    for table in (sends, subscriptions):
        connection.execute(update(table).where(table.c.leased_until > now).values(leased_until=0.0))


def _is_due(now: float) -> tuple[ColumnElement[bool], ...]:
    """Return the two conditions under which an unknown send is due. `due` queries them one by one, because no index serves both.
    A due time later than the longest pause was set before the clock was set back."""
    return unknown & (sends.c.next_check_at <= now), unknown & (sends.c.next_check_at > now + LONGEST + _CLOCKS)


def _is_late(now: float) -> ColumnElement[bool]:
    """Return the condition of an intent whose response is overdue."""
    late = or_(sends.c.next_check_at <= now, sends.c.next_check_at > now + _ANSWER)
    return unfinished & (sends.c.state == SendState.INTENT) & late


def due(
    connection: Connection, busy: Collection[str], fresh: float, most: int, now: float, lease: float
) -> dict[str, list[str]]:
    """Return the sends to reconcile now by provider account, up to `most` of each account that is not `busy`.
    Sends that became unknown after `fresh` come first, the newest first, because a client may wait for them.
    The longest-due sends follow."""
    places: dict[str, list[str]] = {}
    for which in (*_is_due(now), _is_late(now)):
        is_fresh = sends.c.unknown_since > fresh
        order = (
            case((is_fresh, 0), else_=1),
            case((is_fresh, -sends.c.unknown_since), else_=sends.c.next_check_at),
            sends.c.id,
        )
        number = func.row_number().over(partition_by=sends.c.provider_account, order_by=order).label("number")
        free = (which, is_free(sends, now, lease), sends.c.provider_account.not_in(busy))
        first = select(sends.c.id, sends.c.provider_account, number).where(*free).subquery()
        rows = select(first.c.id, first.c.provider_account).where(first.c.number <= most).order_by(first.c.number)
        for id_, place in connection.execute(rows):
            places.setdefault(place, []).append(id_)
    return {place: ids[:most] for place, ids in places.items()}


def take_unknown(
    connection: Connection, most: int, now: float, lease: float, ids: Sequence[str] | None = None
) -> list[SendRow]:
    """Lease unknown sends that are due, and intents whose response is overdue. `ids`: if given, only these."""
    taken: list[SendRow] = []
    for some in (None,) if ids is None else _in_lots(ids):
        named = () if some is None else (sends.c.id.in_(some),)
        late = connection.execute(select(sends.c.id).where(_is_late(now), *named)).scalars().all()
        for lot in _in_lots(late):
            mark_unknown(connection, (sends.c.id.in_(lot)) & (sends.c.state == SendState.INTENT), now)
        which = and_(or_(*_is_due(now)), *named)
        taken += lease_sends(connection, which, most, now, lease)
    return taken


def claimed(connection: Connection, place: str, sids: Sequence[str]) -> set[str]:
    """Return those of these SIDs that belong to a send."""
    found: set[str] = set()
    for some in _in_lots(sids):
        rows = connection.execute(select(sends.c.sid).where(sends.c.provider_account == place, sends.c.sid.in_(some)))
        found.update(sid for (sid,) in rows)
    return found


def open_at(connection: Connection, place: str, keys: Collection[tuple[str, str]]) -> list[UnfinishedSend]:
    """Return all sends of a provider account without a known outcome and with one of these recipients and texts.
    A message may be any of them."""
    columns = [sends.c[name] for name in UnfinishedSend._fields]
    states = (SendState.INTENT, SendState.UNKNOWN, SendState.UNRESOLVED)
    rows = connection.execute(
        select(*columns).where(unfinished, sends.c.state.in_(states), sends.c.provider_account == place)
    )  # fmt: skip
    found = map(UnfinishedSend._make, rows)
    return [send for send in found if (send.recipient, send.text) in keys]


def difference(connection: Connection, place: str, made: float) -> float | None:
    """Return the seconds by which a provider's clock was ahead of ours at `made`; None if that is unknown.
    A sent row has its time by our clock, and its message has its time by the provider's.
    None means that no send of that time exists, or that the sends disagree."""
    told = (
        sends.c.provider_account == place,
        sends.c.state == SendState.SENT,
        sends.c.message.is_not(None),
        sends.c.unknown_since.is_(None),
    )
    known = select(sends.c.created_at, sends.c.message).where(*told).limit(_SAMPLES)
    earlier = known.where(sends.c.created_at.between(made - _AROUND, made)).order_by(sends.c.created_at.desc())
    later = known.where(sends.c.created_at.between(made, made + _AROUND)).order_by(sends.c.created_at)
    rows = [row for asked in (earlier, later) for row in connection.execute(asked)]
    ahead = [_CREATED.decode(message).created - made_then for made_then, message in rows]
    if not ahead or max(ahead) - min(ahead) > _UNLIKE:
        return None
    if abs(median(ahead)) < _ALIKE:
        return 0.0
    return float(median(ahead))


def judge(
    connection: Connection,
    found: Sequence[tuple[SendRow, Message]],
    missed: Sequence[tuple[SendRow, float | None]],
    now: float,
) -> set[str]:
    """Write the result of a search at one provider account, and return the ids of the sends that were found.
    `found`: each send is its message, unless the message is another send's, or may be an equal send in progress.
    `missed`: each send is searched for again at the given time, or is unresolved if the time is None."""
    known = _found(connection, found, now)
    _not_found(connection, missed, now)
    return known


def _found(connection: Connection, found: Sequence[tuple[SendRow, Message]], now: float) -> set[str]:
    if not found:
        return set()
    taken = claimed(connection, found[0][0].provider_account, [message.sid for _, message in found])
    under_way: set[str] = set()
    mine: dict[str, int] = {}
    for some in _in_lots([row.content_hash for row, _ in found]):
        equal = select(sends.c.content_hash).where(
            unfinished, sends.c.content_hash.in_(some), sends.c.state == SendState.INTENT
        )
        under_way.update(connection.execute(equal).scalars())
    for some in _in_lots([row.id for row, _ in found]):
        rows = select(sends.c.id, sends.c.fencing_token).where(sends.c.id.in_(some), sends.c.state == SendState.UNKNOWN)
        mine.update((id_, attempt) for id_, attempt in connection.execute(rows))
    known = [
        (row.id, message, now)
        for row, message in found
        if mine.get(row.id) == row.fencing_token and message.sid not in taken and row.content_hash not in under_way
    ]
    if known:
        all_made_known(connection, known)
    return {id_ for id_, *_ in known}


_MISSED: Final = (
    update(sends)
    .where(sends.c.id == bindparam("id_"), sends.c.fencing_token == bindparam("token"), sends.c.state == SendState.UNKNOWN)
    .values(
        next_check_at=bindparam("due"), checks=bindparam("number"), state=bindparam("now_is"), settled_at=bindparam("over"),
        leased_until=0.0,
    )
)  # fmt: skip


def _not_found(connection: Connection, missed: Sequence[tuple[SendRow, float | None]], now: float) -> None:
    """Free these sends and set their next due times."""
    rows = [
        {
            "id_": row.id, "token": row.fencing_token, "due": look_at, "number": row.checks + 1,
            "now_is": SendState.UNRESOLVED if look_at is None else SendState.UNKNOWN,
            "over": now if look_at is None else None,
        }
        for row, look_at in missed
    ]  # fmt: skip
    if rows:
        connection.execute(_MISSED, rows)


def found(connection: Connection, row: SendRow, message: Message, now: float) -> bool:
    """Mark an unknown send as this message, unless the message is another send's, or may be an equal send in progress.
    Returns True if it was marked."""
    return bool(judge(connection, [(row, message)], [], now))


def not_found(connection: Connection, row: SendRow, look_at: float | None, now: float) -> None:
    """Schedule the next search for an unknown send at `look_at`; None makes it unresolved."""
    judge(connection, [], [(row, look_at)], now)


def begin_resend(connection: Connection, row: SendRow, now: float, patience: float) -> bool:
    """Turn an unknown send into an intent again for a resend. Returns False if the lease was lost or it was resent before."""
    mine = (still_leased(row), sends.c.state == SendState.UNKNOWN, sends.c.resent_at.is_(None))
    values = {"state": SendState.INTENT, "next_check_at": now + patience, "resent_at": now, "leased_until": 0.0}
    return connection.execute(update(sends).where(*mine).values(**values)).rowcount > 0


def _in_lots(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))
