"""Unfinished work: by account and provider account for an operator who wants to leave a store, and in sum for the metrics.

Each query uses an index that holds no finished row.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from translator.shell.store.any_of import by_index
from translator.shell.store.rows import WaitingRow
from translator.shell.store.schema import deliveries, open_deliveries, sends, subscriptions, unfinished, waiting
from translator.shell.store.states import DeliveryState, SendState

WAITING = "waiting"
"""The state of a subscription whose message was sent and whose final status is not known yet."""


class PendingCount(NamedTuple):
    """The number of unfinished rows of an account in one state.
    `provider_account`: empty if it is no longer known.
    `state`: waiting, due or dead for callbacks, and intent, unknown or unresolved for sends.
    `oldest`: the time of the oldest row, in seconds."""

    account: str
    provider_account: str
    state: str
    number: int
    oldest: float


def pending(connection: Connection) -> list[PendingCount]:
    """Return all unfinished work."""
    open_ones = (
        select(subscriptions.c.account, subscriptions.c.provider_account, func.count(), func.min(sends.c.created_at))
        .select_from(subscriptions.outerjoin(sends, sends.c.id == subscriptions.c.send_id))
        .where(waiting)
        .group_by(subscriptions.c.account, subscriptions.c.provider_account)
    )
    found = [
        PendingCount(account, place or "", WAITING, count, oldest or 0.0)
        for account, place, count, oldest in connection.execute(open_ones)
    ]
    unfinished_deliveries = (
        select(
            deliveries.c.account,
            subscriptions.c.provider_account,
            deliveries.c.state,
            func.count(),
            func.min(deliveries.c.created_at),
        )
        .select_from(deliveries.outerjoin(subscriptions, subscriptions.c.id == deliveries.c.subscription_id))
        .where(open_deliveries, deliveries.c.state.in_((DeliveryState.DUE, DeliveryState.DEAD)))
        .group_by(deliveries.c.account, subscriptions.c.provider_account, deliveries.c.state)
    )
    unfinished_sends = (
        select(sends.c.account, sends.c.provider_account, sends.c.state, func.count(), func.min(sends.c.created_at))
        .where(unfinished)
        .group_by(sends.c.account, sends.c.provider_account, sends.c.state)
    )
    for query in (unfinished_deliveries, unfinished_sends):
        found += [PendingCount(account, place or "", *rest) for account, place, *rest in connection.execute(query)]
    return found


def waits(connection: Connection) -> tuple[int, float | None]:
    """Return the number of waiting subscriptions and the time of their oldest send; None if there is none."""
    by_index(connection)
    rows = connection.execute(
        select(func.count(), func.min(subscriptions.c.send_id)).where(waiting).group_by(subscriptions.c.account)
    ).all()  # fmt: skip
    if not rows:
        return 0, None
    first = min(send for _, send in rows)  # an id begins with its time
    return sum(count for count, _ in rows), connection.execute(
        select(sends.c.created_at).where(sends.c.id == first)
    ).scalar()


def oldest_unknown(connection: Connection) -> float | None:
    """Return the time of the oldest unknown send; None if there is none."""
    by_index(connection)
    made: float | None = connection.execute(
        select(func.min(sends.c.created_at)).where(unfinished, sends.c.state == SendState.UNKNOWN)
    ).scalar()  # fmt: skip
    return made


def listed(connection: Connection, most: int, sids: Sequence[str] | None = None) -> list[WaitingRow]:
    """Return waiting subscriptions, those of the oldest sends first.
    `sids`: if given, only those of these messages, by their SIDs at the provider."""
    of_subscription = [subscriptions.c[name] for name in ("method", "notified", "next_check_at", "checks")]
    columns = (
        subscriptions.c.id,
        subscriptions.c.account,
        subscriptions.c.provider_account,
        sends.c.sid,
        sends.c.created_at,
    )
    found = (
        select(*columns, *of_subscription)
        .select_from(subscriptions.outerjoin(sends, sends.c.id == subscriptions.c.send_id))
        .where(waiting)
        .order_by(subscriptions.c.send_id)
        .limit(most)
    )
    if sids is not None:
        found = found.where(sends.c.sid.in_(sids))
    return [WaitingRow._make((*row, WAITING)) for row in connection.execute(found)]
