"""Subscriptions: found by provider account, leased, updated after a poll, and given deliveries.

A `place` is a provider account. Every query uses an index and is bounded, except `waiting_counts`, which is for the operator.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select, text, tuple_, update

from translator.core.model import Message
from translator.shell.store.deliveries import CallbackDelivery, NewDeliveries, enqueue_all
from translator.shell.store.leases import leasing, remember
from translator.shell.store.schema import sends, subscriptions

_TOGETHER: Final = 2000
"""Ids in one statement. A database accepts some 32,000 values in one."""

_MESSAGE: Final = msgspec.json.Decoder(Message)


class _Created(msgspec.Struct, gc=False):
    """The one member of a stored message by which subscriptions are ordered."""

    created: int


_CREATED: Final = msgspec.json.Decoder(_Created)


class WaitingSubscription(NamedTuple):
    """A waiting subscription, in short.
    `created`: the time of its message by the provider's clock. `created_at`: the time of its send by ours."""

    id: int
    account: str
    sid: str
    created: int
    notified: str
    next_check_at: float
    checks: int
    created_at: float


class LeasedSubscription(NamedTuple):
    """A waiting subscription that this worker has leased, with the message as it was sent."""

    id: int
    fencing_token: int
    account: str
    url: str
    method: str
    notified: str
    checks: int
    sid: str
    created_at: float
    message: Message


class PollResult(NamedTuple):
    """The result of a poll for one subscription.
    `notified`: the events with a queued delivery, those of `deliveries` included.
    `deliveries`: the new deliveries.
    `next_check_at`: the time of the next poll; None if no more follow."""

    id: int
    fencing_token: int
    account: str
    notified: str
    deliveries: Sequence[CallbackDelivery]
    next_check_at: float | None


# ---- what waits ----------------------------------------------------------------------------------------------------

_PLACES: Final = text(
    "WITH RECURSIVE places(place) AS ("
    " SELECT min(provider_account) FROM callback_subscriptions WHERE next_check_at IS NOT NULL"
    " UNION ALL SELECT (SELECT min(s.provider_account) FROM callback_subscriptions s"
    " WHERE s.next_check_at IS NOT NULL AND s.provider_account > places.place)"
    " FROM places WHERE places.place IS NOT NULL"
    ") SELECT place FROM places WHERE place IS NOT NULL"
)
"""Takes one step in the index for each provider account, however many subscriptions wait."""


def open_places(connection: Connection) -> list[str]:
    """Return the provider accounts with waiting subscriptions."""
    return [str(place) for (place,) in connection.execute(_PLACES)]


_COLUMNS: Final = (
    *(subscriptions.c[name] for name in ("id", "account", "notified", "next_check_at", "checks")),
    *(sends.c[name] for name in ("sid", "message", "created_at")),
)


def held_from(
    connection: Connection, place: str, after: tuple[float, int], most: int
) -> tuple[list[WaitingSubscription], tuple[float, int] | None]:
    """Return waiting subscriptions of a provider account after the position `after`, in the order of their due time.
    Also return the position to continue from; None at the end."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(sends, sends.c.id == subscriptions.c.send_id)
        .where(subscriptions.c.provider_account == place, subscriptions.c.next_check_at.is_not(None))
        .where(tuple_(subscriptions.c.next_check_at, subscriptions.c.id) > tuple_(*after))
        .order_by(subscriptions.c.next_check_at, subscriptions.c.id)
        .limit(most)
    ).all()
    return _opened(rows), (rows[-1].next_check_at, rows[-1].id) if len(rows) == most else None


def new_between(connection: Connection, place: str, first: float, last: float, most: int) -> list[WaitingSubscription]:
    """Return subscriptions of a provider account that began to wait in a time window and were never polled, the newest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .join(sends, sends.c.id == subscriptions.c.send_id)
        .where(subscriptions.c.provider_account == place, subscriptions.c.next_check_at.is_not(None))
        .where(subscriptions.c.next_check_at.between(first, last), subscriptions.c.checks == 0)
        .order_by(subscriptions.c.next_check_at.desc())
        .limit(most)
    ).all()
    return _opened(rows)


def held_by_ids(connection: Connection, ids: Sequence[int]) -> list[WaitingSubscription]:
    """Return those of these subscriptions that wait."""
    rows: list[Any] = []
    for some in _parts(ids):
        query = select(*_COLUMNS).join(sends, sends.c.id == subscriptions.c.send_id)
        rows += connection.execute(
            query.where(subscriptions.c.id.in_(some), subscriptions.c.next_check_at.is_not(None))
        ).all()
    return _opened(rows)


def _opened(rows: Iterable[Any]) -> list[WaitingSubscription]:
    return [
        WaitingSubscription(
            row.id, row.account, row.sid, _CREATED.decode(row.message).created, row.notified, row.next_check_at, row.checks,
            row.created_at,
        )
        for row in rows
        if row.message is not None
    ]  # fmt: skip


# ---- leases and results --------------------------------------------------------------------------------------------


def take(connection: Connection, ids: Sequence[int], now: float, lease: float) -> set[int]:
    """Lease these subscriptions for `lease` seconds, and return the ids of those that are leased now.
    Subscriptions that no longer wait, or that another worker has leased, are left out."""
    taken: list[tuple[int, int]] = []
    for some in _parts(ids):
        wanted = select(subscriptions.c.id).where(
            subscriptions.c.id.in_(some), subscriptions.c.next_check_at.is_not(None)
        )
        mine = leasing(subscriptions, wanted, now, lease).returning(subscriptions.c.id, subscriptions.c.fencing_token)
        taken += [(row.id, row.fencing_token) for row in connection.execute(mine)]
    remember(connection, subscriptions, list(taken), now, lease)
    return {id_ for id_, _ in taken}


def taken(connection: Connection, ids: Sequence[int]) -> list[LeasedSubscription]:
    """Return those of these subscriptions that still wait, with the message as it was sent."""
    columns = [
        *(subscriptions.c[name] for name in LeasedSubscription._fields[:7]),
        *(sends.c[name] for name in LeasedSubscription._fields[7:]),
    ]
    found: list[LeasedSubscription] = []
    for some in _parts(ids):
        query = select(*columns).join(sends, sends.c.id == subscriptions.c.send_id)
        for *rest, message in connection.execute(
            query.where(subscriptions.c.id.in_(some), subscriptions.c.next_check_at.is_not(None))
        ):
            if message is not None:
                found.append(LeasedSubscription._make((*rest, _MESSAGE.decode(message))))
    return found


def record_results(connection: Connection, results: Sequence[PollResult], now: float) -> set[int]:
    """Write the results of many polls and return the ids that were written. A subscription whose lease was lost is left out."""
    written: set[int] = set()

    def alike(result: PollResult) -> tuple[int, str, float]:
        return result.fencing_token, result.notified, result.next_check_at or 0.0

    for (token, notified, next_check_at), some in groupby(sorted(results, key=alike), alike):
        values = {
            "notified": notified, "next_check_at": next_check_at or None, "completed_at": None if next_check_at else now,
            "leased_until": 0.0, "checks": subscriptions.c.checks + 1,
        }  # fmt: skip
        for ids in _parts([result.id for result in some]):
            mine = update(subscriptions).where(subscriptions.c.id.in_(ids), subscriptions.c.fencing_token == token)
            written |= set(connection.execute(mine.values(**values).returning(subscriptions.c.id)).scalars())
    queued = [
        NewDeliveries(result.id, result.account, result.deliveries, _first_position(result))
        for result in results
        if result.id in written
    ]
    enqueue_all(connection, queued, now)
    return written


def _first_position(result: PollResult) -> int:
    return len(result.notified.split(",")) - len(result.deliveries)


def release(connection: Connection, tokens: Mapping[int, int]) -> None:
    """End the leases of these subscriptions, because their poll had no result. `tokens` holds the fencing token by id."""
    for token in sorted(set(tokens.values())):
        for ids in _parts([id_ for id_, its in tokens.items() if its == token]):
            mine = (subscriptions.c.id.in_(ids), subscriptions.c.fencing_token == token)
            connection.execute(update(subscriptions).where(*mine).values(leased_until=0.0))


def check_now(connection: Connection, send: str, now: float) -> list[tuple[str, int]]:
    """Make the subscriptions of a send due now, because its message changed. Returns the provider account and the id of each."""
    waits = (subscriptions.c.send_id == send) & subscriptions.c.next_check_at.is_not(None)
    sooner = update(subscriptions).where(waits).values(next_check_at=func.least(subscriptions.c.next_check_at, now))
    if connection.dialect.name == "sqlite":
        sooner = update(subscriptions).where(waits).values(next_check_at=func.min(subscriptions.c.next_check_at, now))
    return [
        (place, id_)
        for place, id_ in connection.execute(sooner.returning(subscriptions.c.provider_account, subscriptions.c.id))
    ]


# ---- for the operator ----------------------------------------------------------------------------------------------


class WaitingCount(NamedTuple):
    """The waiting subscriptions of an account at a provider account.
    `many`: their number.
    `oldest`: the age of their oldest message in seconds.
    `overdue`: the seconds for which the longest-due one has been due; 0 if none is due."""

    account: str
    provider_account: str
    many: int
    oldest: float
    overdue: float


def waiting_counts(connection: Connection, now: float) -> list[WaitingCount]:
    """Return the numbers of waiting subscriptions by account and provider account. The query reads all of them."""
    rows = connection.execute(
        select(
            subscriptions.c.account,
            subscriptions.c.provider_account,
            func.count(),
            func.min(sends.c.created_at),
            func.min(subscriptions.c.next_check_at),
        )
        .join(sends, sends.c.id == subscriptions.c.send_id)
        .where(subscriptions.c.next_check_at.is_not(None))
        .group_by(subscriptions.c.account, subscriptions.c.provider_account)
        .order_by(subscriptions.c.account, subscriptions.c.provider_account)
    )
    return [
        WaitingCount(account, place, many, max(0.0, now - created_at), max(0.0, now - next_check_at))
        for account, place, many, created_at, next_check_at in rows
    ]


def _parts(ids: Sequence[int]) -> Iterable[Sequence[int]]:
    for at in range(0, len(ids), _TOGETHER):
        yield ids[at : at + _TOGETHER]
