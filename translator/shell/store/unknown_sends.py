"""Sends of which nobody knows what became: taken to be looked for, found, made again, or lost to sight."""

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
"""Seconds of the longest pause between two looks for a send."""

_CLOCKS: Final = 60.0
"""Seconds by which the clocks of several processes may differ."""

_ANSWER: Final = 3600.0
"""Seconds within which any back has answered a send, or will not."""

_AROUND: Final = 60.0
_SAMPLES: Final = 3
_UNLIKE: Final = 30.0
_ALIKE: Final = 5.0
"""Who answers when a send was made by its back's clock: so many sends at most, made within `_AROUND` seconds before it and as many after.
They have to agree within `_UNLIKE` seconds, and what is less than `_ALIKE` seconds is no difference of clocks."""

_AT_ONCE: Final = 500
"""How many values one statement is given."""


class _Created(msgspec.Struct):
    """What is wanted of a message that is kept."""

    created: int


_CREATED: Final = msgspec.json.Decoder(_Created)


def abandoned(connection: Connection, now: float) -> None:
    """Whatever is under way was under way in a process that is no more: its sends are unknown, and what it had taken is free. The
    dispatcher ends the leases of deliveries itself: see `deliveries.release`."""
    doubt(connection, unfinished & (sends.c.state == INTENT), now)
    for table in (sends, watches):
        connection.execute(update(table).where(table.c.leased > now).values(leased=0.0))


def _is_due(now: float) -> tuple[ColumnElement[bool], ...]:
    """Whether an unknown send is to be looked for: one of these. What is due later than any pause is long was put off before the clock was
    put back. They are asked one by one, since no index serves both."""
    return unknown & (sends.c.look_at <= now), unknown & (sends.c.look_at > now + LONGEST + _CLOCKS)


def _is_late(now: float) -> ColumnElement[bool]:
    """Whether the answer of a send should have come and did not."""
    late = or_(sends.c.look_at <= now, sends.c.look_at > now + _ANSWER)
    return unfinished & (sends.c.state == INTENT) & late


def due(
    connection: Connection, busy: Collection[str], fresh: float, most: int, now: float, lease: float
) -> dict[str, list[str]]:
    """The sends that are to be looked for now, by place, up to `most` of each that is not busy. Those that are unknown only since `fresh`
    come first, the newest before the others: somebody may wait for them. Then those that are due longest."""
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
    """Unknown sends that are to be looked for now, and those whose answer should have come and did not; of `ids` where some are named."""
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
    """Which of these messages are known to be other sends."""
    found: set[str] = set()
    for some in _in_lots(sids):
        rows = connection.execute(select(sends.c.sid).where(sends.c.place == place, sends.c.sid.in_(some)))
        found.update(sid for (sid,) in rows)
    return found


def open_at(connection: Connection, place: str, keys: Collection[tuple[str, str]]) -> list[dict[str, Any]]:
    """All sends of a place with these recipients and texts whose outcome is not known: a message may be any of them."""
    columns = (sends.c.id, sends.c.state, sends.c.made, sends.c.entry, sends.c.sender, sends.c.recipient, sends.c.text)
    states = (INTENT, UNKNOWN, LOST)
    rows = connection.execute(
        select(*columns).where(unfinished, sends.c.state.in_(states), sends.c.place == place)
    )  # fmt: skip
    return [row._asdict() for row in rows if (row[-2], row[-1]) in keys]


def difference(connection: Connection, place: str, made: float) -> float | None:
    """By how many seconds the clock of a place was ahead of the one that said `made`, as far as sends of that time tell: they have the time
    at which they were made by our clock, and their message the one by the back's. None where none tells, or they differ."""
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
    """What came of a look at one place. Each unknown send of `found` is its message, unless that is another's, or an equal send under way
    may be it. Those of `missed` are looked for again at the given time, or lost to sight where that is None. The ids of those found."""
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
    """Each is free again, and due when it is said."""
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
    """An unknown send is this message, unless it is another's, or an equal one under way may be it. Whether it is."""
    return bool(judge(connection, [(row, message)], [], now))


def not_found(connection: Connection, row: dict[str, Any], look_at: float | None, now: float) -> None:
    """An unknown send was not found. It is looked for again at `look_at`, or lost to sight where that is None."""
    judge(connection, [], [(row, look_at)], now)


def begin_resend(connection: Connection, row: dict[str, Any], now: float, patience: float) -> bool:
    """An unknown send is about to be made again. Whether it is still ours to say, and was not made again before."""
    mine = (held(sends, row), sends.c.state == UNKNOWN, sends.c.resent.is_(None))
    values = {"state": INTENT, "look_at": now + patience, "resent": now, "leased": 0.0}
    return connection.execute(update(sends).where(*mine).values(**values)).rowcount > 0


def _in_lots(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (values[at : at + _AT_ONCE] for at in range(0, len(values), _AT_ONCE))
