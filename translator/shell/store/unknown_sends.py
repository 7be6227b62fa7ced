"""Unknown sends: leased for reconciliation, found, resent, or unresolved."""

from collections.abc import Collection, Iterator, Sequence
from statistics import median
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, bindparam, case, func, or_, select, update

from translator.core.model import Message
from translator.shell.store.leases import claim, held, is_free
from translator.shell.store.schema import sends, unfinished, unknown, watches
from translator.shell.store.sends import INTENT, LOST, SENT, UNKNOWN, all_made_known, doubt

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
    doubt(connection, unfinished & (sends.c.state == INTENT), now)
    for table in (sends, watches):
        connection.execute(update(table).where(table.c.leased > now).values(leased=0.0))


def _is_due(now: float) -> tuple[ColumnElement[bool], ...]:
    """Return the two conditions under which an unknown send is due. `due` queries them one by one, because no index serves both.
    A due time later than the longest pause was set before the clock was set back."""
    return unknown & (sends.c.look_at <= now), unknown & (sends.c.look_at > now + LONGEST + _CLOCKS)


def _is_late(now: float) -> ColumnElement[bool]:
    """Return the condition of an intent whose response is overdue."""
    late = or_(sends.c.look_at <= now, sends.c.look_at > now + _ANSWER)
    return unfinished & (sends.c.state == INTENT) & late


def due(
    connection: Connection, busy: Collection[str], fresh: float, most: int, now: float, lease: float
) -> dict[str, list[str]]:
    """Return the sends to reconcile now by provider account, up to `most` of each account that is not `busy`.
    Sends that became unknown after `fresh` come first, the newest first, because a client may wait for them.
    The longest-due sends follow."""
    places: dict[str, list[str]] = {}
    for which in (*_is_due(now), _is_late(now)):
        is_fresh = sends.c.doubted > fresh
        order = (case((is_fresh, 0), else_=1), case((is_fresh, -sends.c.doubted), else_=sends.c.look_at), sends.c.id)
        number = func.row_number().over(partition_by=sends.c.place, order_by=order).label("number")
        free = (which, is_free(sends, now, lease), sends.c.place.not_in(busy))
        first = select(sends.c.id, sends.c.place, number).where(*free).subquery()
        rows = select(first.c.id, first.c.place).where(first.c.number <= most).order_by(first.c.number)
        for id_, place in connection.execute(rows):
            places.setdefault(place, []).append(id_)
    return {place: ids[:most] for place, ids in places.items()}


def take_unknown(
    connection: Connection, most: int, now: float, lease: float, ids: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Lease unknown sends that are due, and intents whose response is overdue. `ids`: if given, only these."""
    taken: list[dict[str, Any]] = []
    for some in (None,) if ids is None else _in_lots(ids):
        named = () if some is None else (sends.c.id.in_(some),)
        late = connection.execute(select(sends.c.id).where(_is_late(now), *named)).scalars().all()
        for lot in _in_lots(late):
            doubt(connection, (sends.c.id.in_(lot)) & (sends.c.state == INTENT), now)
        which = and_(or_(*_is_due(now)), *named)
        taken += claim(connection, sends, which, sends.c.look_at, most, now, lease)
    return taken


def claimed(connection: Connection, place: str, sids: Sequence[str]) -> set[str]:
    """Return those of these SIDs that belong to a send."""
    found: set[str] = set()
    for some in _in_lots(sids):
        rows = connection.execute(select(sends.c.sid).where(sends.c.place == place, sends.c.sid.in_(some)))
        found.update(sid for (sid,) in rows)
    return found


def open_at(connection: Connection, place: str, keys: Collection[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return all sends of a provider account without a known outcome and with one of these recipients and texts.
    A message may be any of them."""
    columns = (sends.c.id, sends.c.state, sends.c.made, sends.c.entry, sends.c.sender, sends.c.recipient, sends.c.text)
    states = (INTENT, UNKNOWN, LOST)
    rows = connection.execute(
        select(*columns).where(unfinished, sends.c.state.in_(states), sends.c.place == place)
    )  # fmt: skip
    return [row._asdict() for row in rows if (row[-2], row[-1]) in keys]


def difference(connection: Connection, place: str, made: float) -> float | None:
    """Return the seconds by which a provider's clock was ahead of ours at `made`; None if that is unknown.
    A sent row has its time by our clock, and its message has its time by the provider's.
    None means that no send of that time exists, or that the sends disagree."""
    told = (sends.c.place == place, sends.c.state == SENT, sends.c.message.is_not(None), sends.c.doubted.is_(None))
    known = select(sends.c.made, sends.c.message).where(*told).limit(_SAMPLES)
    earlier = known.where(sends.c.made.between(made - _AROUND, made)).order_by(sends.c.made.desc())
    later = known.where(sends.c.made.between(made, made + _AROUND)).order_by(sends.c.made)
    rows = [row for asked in (earlier, later) for row in connection.execute(asked)]
    ahead = [_CREATED.decode(message).created - made_then for made_then, message in rows]
    if not ahead or max(ahead) - min(ahead) > _UNLIKE:
        return None
    if abs(median(ahead)) < _ALIKE:
        return 0.0
    return float(median(ahead))


def judge(
    connection: Connection,
    found: Sequence[tuple[dict[str, Any], Message]],
    missed: Sequence[tuple[dict[str, Any], float | None]],
    now: float,
) -> set[str]:
    """Write the result of a search at one provider account, and return the ids of the sends that were found.
    `found`: each send is its message, unless the message is another send's, or may be an equal send in progress.
    `missed`: each send is searched for again at the given time, or is unresolved if the time is None."""
    known = _found(connection, found, now)
    _not_found(connection, missed, now)
    return known


def _found(connection: Connection, found: Sequence[tuple[dict[str, Any], Message]], now: float) -> set[str]:
    if not found:
        return set()
    taken = claimed(connection, found[0][0]["place"], [message.sid for _, message in found])
    under_way: set[str] = set()
    mine: dict[str, int] = {}
    for some in _in_lots([row["same"] for row, _ in found]):
        equal = select(sends.c.same).where(unfinished, sends.c.same.in_(some), sends.c.state == INTENT)
        under_way.update(connection.execute(equal).scalars())
    for some in _in_lots([row["id"] for row, _ in found]):
        rows = select(sends.c.id, sends.c.attempt).where(sends.c.id.in_(some), sends.c.state == UNKNOWN)
        mine.update((id_, attempt) for id_, attempt in connection.execute(rows))
    known = [
        (row["id"], message, now)
        for row, message in found
        if mine.get(row["id"]) == row["attempt"] and message.sid not in taken and row["same"] not in under_way
    ]
    if known:
        all_made_known(connection, known)
    return {id_ for id_, *_ in known}


_MISSED: Final = (
    update(sends)
    .where(sends.c.id == bindparam("id_"), sends.c.attempt == bindparam("attempt_"), sends.c.state == UNKNOWN)
    .values(
        look_at=bindparam("due"), looks=bindparam("number"), state=bindparam("now_is"), settled=bindparam("over"), leased=0.0
    )
)  # fmt: skip


def _not_found(connection: Connection, missed: Sequence[tuple[dict[str, Any], float | None]], now: float) -> None:
    """Free these sends and set their next due times."""
    rows = [
        {
            "id_": row["id"], "attempt_": row["attempt"], "due": look_at, "number": row["looks"] + 1,
            "now_is": LOST if look_at is None else UNKNOWN, "over": now if look_at is None else None,
        }
        for row, look_at in missed
    ]  # fmt: skip
    if rows:
        connection.execute(_MISSED, rows)


def found(connection: Connection, row: dict[str, Any], message: Message, now: float) -> bool:
    """Mark an unknown send as this message, unless the message is another send's, or may be an equal send in progress.
    Returns True if it was marked."""
    return bool(judge(connection, [(row, message)], [], now))


def not_found(connection: Connection, row: dict[str, Any], look_at: float | None, now: float) -> None:
    """Schedule the next search for an unknown send at `look_at`; None makes it unresolved."""
    judge(connection, [], [(row, look_at)], now)


def begin_resend(connection: Connection, row: dict[str, Any], now: float, patience: float) -> bool:
    """Turn an unknown send into an intent again for a resend. Returns False if the lease was lost or it was resent before."""
    mine = (held(sends, row), sends.c.state == UNKNOWN, sends.c.resent.is_(None))
    values = {"state": INTENT, "look_at": now + patience, "resent": now, "leased": 0.0}
    return connection.execute(update(sends).where(*mine).values(**values)).rowcount > 0


def _in_lots(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))
