"""Who waits to be told of a message: found by the place where it was sent, taken, looked at, and owed calls.

A place is an account at a back. Every query here goes by an index and is bounded, but for the two that are for people.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select, text, tuple_, update

from translator.core.model import Message
from translator.shell.store.deliveries import CallbackDelivery, enqueue_all
from translator.shell.store.leases import leasing, remember
from translator.shell.store.schema import sends, watches

_TOGETHER: Final = 2000
"""How many ids stand in one statement: a database takes some 32,000 values in one."""

_MESSAGE: Final = msgspec.json.Decoder(Message)


class _Created(msgspec.Struct, gc=False):
    """The one member of a stored message by which those who wait are kept in order."""

    created: int


_CREATED: Final = msgspec.json.Decoder(_Created)


class Open(NamedTuple):
    """One who waits, in short."""

    id: int
    entry: str
    sid: str
    created: int
    told: str
    look_at: float
    looks: int
    made: float


class Taken(NamedTuple):
    """One who waits, taken by us: `attempt` is our token."""

    id: int
    attempt: int
    entry: str
    address: str
    method: str
    told: str
    looks: int
    sid: str
    made: float
    message: Message


class Look(NamedTuple):
    """What came of looking for one who waits: `told` are the events that were told or are owed now, `calls` the latter; looked for again
    at `look_at`, or never where that is None."""

    id: int
    attempt: int
    entry: str
    told: str
    calls: Sequence[CallbackDelivery]
    look_at: float | None


# ---- where and who -------------------------------------------------------------------------------------------------

_PLACES: Final = text(
    "WITH RECURSIVE places(place) AS ("
    " SELECT min(place) FROM watches WHERE look_at IS NOT NULL"
    " UNION ALL SELECT (SELECT min(w.place) FROM watches w WHERE w.look_at IS NOT NULL AND w.place > places.place)"
    " FROM places WHERE places.place IS NOT NULL"
    ") SELECT place FROM places WHERE place IS NOT NULL"
)
"""One step in the index for each place, however many wait there."""


def open_places(connection: Connection) -> list[str]:
    """The places of whose messages somebody waits to be told."""
    return [str(place) for (place,) in connection.execute(_PLACES)]


_COLUMNS: Final = (
    watches.c.id, watches.c.entry, sends.c.sid, sends.c.message, watches.c.told, watches.c.look_at, watches.c.looks, sends.c.made,
)  # fmt: skip


def held_from(
    connection: Connection, place: str, after: tuple[float, int], most: int
) -> tuple[list[Open], tuple[float, int] | None]:
    """Who waits at a place, in the order in which they are to be looked at, from behind `after` on; and where to go on, None at the end."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(sends, sends.c.id == watches.c.send)
        .where(watches.c.place == place, watches.c.look_at.is_not(None))
        .where(tuple_(watches.c.look_at, watches.c.id) > tuple_(*after))
        .order_by(watches.c.look_at, watches.c.id)
        .limit(most)
    ).all()
    return _opened(rows), (rows[-1].look_at, rows[-1].id) if len(rows) == most else None


def new_between(connection: Connection, place: str, first: float, last: float, most: int) -> list[Open]:
    """Who began to wait at a place in a stretch of time, as far as nobody has looked yet, the last first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(sends, sends.c.id == watches.c.send)
        .where(watches.c.place == place, watches.c.look_at.is_not(None))
        .where(watches.c.look_at.between(first, last), watches.c.looks == 0)
        .order_by(watches.c.look_at.desc())
        .limit(most)
    ).all()
    return _opened(rows)


def held_by_ids(connection: Connection, ids: Sequence[int]) -> list[Open]:
    """Who waits, of these."""
    rows: list[Any] = []
    for some in _random_bytes(ids):
        query = select(*_COLUMNS).join(sends, sends.c.id == watches.c.send)
        rows += connection.execute(query.where(watches.c.id.in_(some), watches.c.look_at.is_not(None))).all()
    return _opened(rows)


def _opened(rows: Iterable[Any]) -> list[Open]:
    return [
        Open(row.id, row.entry, row.sid, _CREATED.decode(row.message).created, row.told, row.look_at, row.looks, row.made)
        for row in rows
        if row.message is not None
    ]  # fmt: skip


# ---- taken, and looked at ------------------------------------------------------------------------------------------


def take(connection: Connection, ids: Sequence[int], now: float, lease: float) -> set[int]:
    """Take these for `lease` seconds. Which are ours now: not those who wait no more, or whom somebody else is at."""
    taken: list[tuple[int, int]] = []
    for some in _random_bytes(ids):
        wanted = select(watches.c.id).where(watches.c.id.in_(some), watches.c.look_at.is_not(None))
        mine = leasing(watches, wanted, now, lease).returning(watches.c.id, watches.c.attempt)
        taken += [(row.id, row.attempt) for row in connection.execute(mine)]
    remember(connection, watches, list(taken), now, lease)
    return {id_ for id_, _ in taken}


def taken(connection: Connection, ids: Sequence[int]) -> list[Taken]:
    """All of these who still wait, with the message as it was sent."""
    columns = (
        watches.c.id, watches.c.attempt, watches.c.entry, watches.c.address, watches.c.method, watches.c.told, watches.c.looks,
        sends.c.sid, sends.c.made, sends.c.message,
    )  # fmt: skip
    found: list[Taken] = []
    for some in _random_bytes(ids):
        query = select(*columns).join(sends, sends.c.id == watches.c.send)
        for *rest, message in connection.execute(query.where(watches.c.id.in_(some), watches.c.look_at.is_not(None))):
            if message is not None:
                found.append(Taken._make((*rest, _MESSAGE.decode(message))))
    return found


def seen(connection: Connection, looks: Sequence[Look], now: float) -> set[int]:
    """Write down what came of looking for many. Whose was written down: not that of one whom somebody else has taken since."""
    written: set[int] = set()

    def alike(look: Look) -> tuple[int, str, float]:
        return look.attempt, look.told, look.look_at or 0.0

    for (attempt, told, look_at), some in groupby(sorted(looks, key=alike), alike):
        values = {
            "told": told, "look_at": look_at or None, "over": None if look_at else now, "leased": 0.0, "looks": watches.c.looks + 1,
        }  # fmt: skip
        for ids in _random_bytes([look.id for look in some]):
            mine = update(watches).where(watches.c.id.in_(ids), watches.c.attempt == attempt)
            written |= set(connection.execute(mine.values(**values).returning(watches.c.id)).scalars())
    enqueue_all(
        connection, [(look._asdict(), look.calls, _position(look)) for look in looks if look.id in written], now
    )
    return written


def _position(look: Look) -> int:
    return len(look.told.split(",")) - len(look.calls)


def release(connection: Connection, tokens: Mapping[int, int]) -> None:
    """Nothing came of these, by their attempt: anybody may take them again."""
    for attempt in sorted(set(tokens.values())):
        for ids in _random_bytes([id_ for id_, token in tokens.items() if token == attempt]):
            mine = (watches.c.id.in_(ids), watches.c.attempt == attempt)
            connection.execute(update(watches).where(*mine).values(leased=0.0))


def check_now(connection: Connection, send: str, now: float) -> list[tuple[str, int]]:
    """Something has happened to a message: whoever waits to be told of it is looked for now. At which place, and who."""
    waits = (watches.c.send == send) & watches.c.look_at.is_not(None)
    sooner = update(watches).where(waits).values(look_at=func.least(watches.c.look_at, now))
    if connection.dialect.name == "sqlite":
        sooner = update(watches).where(waits).values(look_at=func.min(watches.c.look_at, now))
    return [(place, id_) for place, id_ in connection.execute(sooner.returning(watches.c.place, watches.c.id))]


# ---- for people ----------------------------------------------------------------------------------------------------


class Waiting(NamedTuple):
    """How `many` wait to be told of messages that an entry accepted and that were sent at a place. `oldest` is the age in seconds of the
    oldest of these messages, `overdue` for how many seconds the one that is due for the longest has been so (0 where none is)."""

    entry: str
    place: str
    many: int
    oldest: float
    overdue: float


def waiting_counts(connection: Connection, now: float) -> list[Waiting]:
    """Everybody who waits, by entry and place. It goes through all of them."""
    rows = connection.execute(
        select(watches.c.entry, watches.c.place, func.count(), func.min(sends.c.made), func.min(watches.c.look_at))
        .join(sends, sends.c.id == watches.c.send)
        .where(watches.c.look_at.is_not(None))
        .group_by(watches.c.entry, watches.c.place)
        .order_by(watches.c.entry, watches.c.place)
    )
    return [
        Waiting(entry, place, many, max(0.0, now - made), max(0.0, now - look_at))
        for entry, place, many, made, look_at in rows
    ]


def _random_bytes(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    for at in range(0, len(ids), _TOGETHER):
        yield ids[at : at + _TOGETHER]
