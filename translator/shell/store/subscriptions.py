"""Subscriptions: found by provider account, leased, updated after a poll, and given deliveries.

A `place` is a provider account. Every query uses an index and is bounded, except `waiting_counts`, which is for the operator.
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
"""Ids in one statement. A database accepts some 32,000 values in one."""

_MESSAGE: Final = msgspec.json.Decoder(Message)


class _Created(msgspec.Struct, gc=False):
    """The one member of a stored message by which subscriptions are ordered."""

    created: int


_CREATED: Final = msgspec.json.Decoder(_Created)


class Open(NamedTuple):
    """A waiting subscription, in short."""

    id: int
    entry: str
    sid: str
    created: int
    told: str
    look_at: float
    looks: int
    made: float


class Taken(NamedTuple):
    """A waiting subscription that this worker has leased. `attempt` is the fencing token."""

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
    """The result of a poll for one subscription.
    `told`: the events with a queued delivery, those of `calls` included.
    `calls`: the new deliveries.
    `look_at`: the time of the next poll; None if no more follow."""

    id: int
    attempt: int
    entry: str
    told: str
    calls: Sequence[CallbackDelivery]
    look_at: float | None


# ---- what waits ----------------------------------------------------------------------------------------------------

_PLACES: Final = text(
    "WITH RECURSIVE places(place) AS ("
    " SELECT min(place) FROM watches WHERE look_at IS NOT NULL"
    " UNION ALL SELECT (SELECT min(w.place) FROM watches w WHERE w.look_at IS NOT NULL AND w.place > places.place)"
    " FROM places WHERE places.place IS NOT NULL"
    ") SELECT place FROM places WHERE place IS NOT NULL"
)
"""Takes one step in the index for each provider account, however many subscriptions wait."""


def open_places(connection: Connection) -> list[str]:
    """Return the provider accounts with waiting subscriptions."""
    return [str(place) for (place,) in connection.execute(_PLACES)]


_COLUMNS: Final = (
    watches.c.id, watches.c.entry, sends.c.sid, sends.c.message, watches.c.told, watches.c.look_at, watches.c.looks, sends.c.made,
)  # fmt: skip


def held_from(
    connection: Connection, place: str, after: tuple[float, int], most: int
) -> tuple[list[Open], tuple[float, int] | None]:
    """Return waiting subscriptions of a provider account after the position `after`, in the order of their due time.
    Also return the position to continue from; None at the end."""
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
    """Return subscriptions of a provider account that began to wait in a time window and were never polled, the newest first."""
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
    """Return those of these subscriptions that wait."""
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


# ---- leases and results --------------------------------------------------------------------------------------------


def take(connection: Connection, ids: Sequence[int], now: float, lease: float) -> set[int]:
    """Lease these subscriptions for `lease` seconds, and return the ids of those that are leased now.
    Subscriptions that no longer wait, or that another worker has leased, are left out."""
    taken: list[tuple[int, int]] = []
    for some in _random_bytes(ids):
        wanted = select(watches.c.id).where(watches.c.id.in_(some), watches.c.look_at.is_not(None))
        mine = leasing(watches, wanted, now, lease).returning(watches.c.id, watches.c.attempt)
        taken += [(row.id, row.attempt) for row in connection.execute(mine)]
    remember(connection, watches, list(taken), now, lease)
    return {id_ for id_, _ in taken}


def taken(connection: Connection, ids: Sequence[int]) -> list[Taken]:
    """Return those of these subscriptions that still wait, with the message as it was sent."""
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
    """Write the results of many polls and return the ids that were written. A subscription whose lease was lost is left out."""
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
    """End the leases of these subscriptions, because their poll had no result. `tokens` holds the fencing token by id."""
    for attempt in sorted(set(tokens.values())):
        for ids in _random_bytes([id_ for id_, token in tokens.items() if token == attempt]):
            mine = (watches.c.id.in_(ids), watches.c.attempt == attempt)
            connection.execute(update(watches).where(*mine).values(leased=0.0))


def check_now(connection: Connection, send: str, now: float) -> list[tuple[str, int]]:
    """Make the subscriptions of a send due now, because its message changed. Returns the provider account and the id of each."""
    waits = (watches.c.send == send) & watches.c.look_at.is_not(None)
    sooner = update(watches).where(waits).values(look_at=func.least(watches.c.look_at, now))
    if connection.dialect.name == "sqlite":
        sooner = update(watches).where(waits).values(look_at=func.min(watches.c.look_at, now))
    return [(place, id_) for place, id_ in connection.execute(sooner.returning(watches.c.place, watches.c.id))]


# ---- for the operator ----------------------------------------------------------------------------------------------


class Waiting(NamedTuple):
    """The waiting subscriptions of an account (`entry`) at a provider account (`place`).
    `many`: their number.
    `oldest`: the age of their oldest message in seconds.
    `overdue`: the seconds for which the longest-due one has been due; 0 if none is due."""

    entry: str
    place: str
    many: int
    oldest: float
    overdue: float


def waiting_counts(connection: Connection, now: float) -> list[Waiting]:
    """Return the numbers of waiting subscriptions by account and provider account. The query reads all of them."""
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
