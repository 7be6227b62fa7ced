"""Callback deliveries: queued in order for each message, leased, and settled together.

    enqueue ─▶ due ─▶ leased ─┬▶ delivered
      after an earlier one     ├▶ due again after a backoff
      of its message: waits    └▶ dead: attempts used up

A destination is a host and port of one account. Its row has the time of the next work there.
An index on it finds what is due, however many deliveries wait.
A transaction that leases or settles deliveries locks the rows of their destinations first, in order.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import Connection

from translator.shell.store import delivery_statements
from translator.shell.store.destinations import (
    FAILING,
    NEW,
    PAUSED,
    PROVEN,
    STANDINGS,
    Breaker,
    Destination,
    DestinationState,
    Settled,
)
from translator.shell.store.rows import LeasedDelivery
from translator.shell.store.states import DeliveryState

__all__ = [
    "FAILING", "NEW", "PAUSED", "PROVEN", "STANDINGS", "Breaker",
    "CallbackDelivery", "Destination", "NewDeliveries", "Settled", "Turn", "advance", "database_time", "due",
    "due_by_account", "enqueue_all", "find_due", "hasten", "lag", "leased", "paused", "release",
    "too_late", "turn",
]  # fmt: skip


_ACCOUNTS: Final = 32
_OF_EACH: Final = 4
"""Accounts that get a turn in one search, and destinations of each."""


class CallbackDelivery(NamedTuple):
    """One delivery to be made. The payload is the form body."""

    event: str
    method: str
    url: str
    payload: str
    destination: str


class NewDeliveries(NamedTuple):
    """Deliveries of an account's subscription, in order. `first_position`: the place of the first among all of the subscription."""

    subscription_id: int
    account: str
    deliveries: Sequence[CallbackDelivery]
    first_position: int


class Turn(NamedTuple):
    """The result of a turn.
    `rows`: the deliveries that are now leased to the dispatcher.
    `held`: for each settled delivery, True if the dispatcher still held its lease.
    `sids`: the message SIDs of the failed attempts, by delivery."""

    rows: list[LeasedDelivery]
    held: list[bool]
    sids: dict[int, str]


# ---- queueing ----------------------------------------------------------------------------------------------


def enqueue_all(connection: Connection, batch: Iterable[NewDeliveries], now: float) -> None:
    """Queue the deliveries of several subscriptions in one transaction, which locks their destinations in order.
    `now` is a time of the dispatcher's clock."""
    queued = [one for one in batch if one.deliveries]
    reached = {(one.account, delivery.destination) for one in queued for delivery in one.deliveries}
    delivery_statements.TOUCH.run_each(
        connection,
        [{"account": account, "destination": host, "now": now, "new": NEW} for account, host in sorted(reached)],
    )
    rows = []
    for one in queued:
        waits = one.first_position > 0 and _is_waiting(connection, one.subscription_id)
        for offset, delivery in enumerate(one.deliveries):
            rows.append({
                **delivery._asdict(), "subscription_id": one.subscription_id, "account": one.account,
                "position": one.first_position + offset, "created_at": now, "due": None if waits or offset else now,
            })  # fmt: skip
    delivery_statements.QUEUE.run_each(connection, rows)


def _is_waiting(connection: Connection, subscription: int) -> bool:
    """True if an earlier delivery of the same message is unfinished."""
    return delivery_statements.FIND_FIRST.run(connection, {"subscription_id": subscription}).fetchone() is not None


# ---- what is due -------------------------------------------------------------------------------------------


def due(connection: Connection, standing: int, now: float, most: int, *, newest: bool = False) -> list[Destination]:
    """Return the due destinations of a standing, the oldest first, or the newest first."""
    found = (delivery_statements.NEWEST_DUE if newest else delivery_statements.OLDEST_DUE).run(
        connection, {"standing": standing, "now": now, "most": most}
    )
    return [(row[0], row[1]) for row in found.fetchall()]


def due_by_account(
    connection: Connection, standing: int, now: float, after: str, most: int, each: int
) -> tuple[list[Destination], str]:
    """Return due destinations of a standing by account, and the account to continue after.
    `after`: the account to start after.
    `most`: the largest number of accounts.
    `each`: the largest number of destinations of one account."""
    found: list[Destination] = []
    for _ in range(most):
        row = delivery_statements.NEXT_ACCOUNT.run(connection, {"after": after}).fetchone()
        if row is None:
            return found, ""
        after = row[0]
        values = {"account": after, "standing": standing, "now": now, "most": each}
        found += [(after, host) for (host,) in delivery_statements.DUE_OF_ACCOUNT.run(connection, values).fetchall()]
    return found, after


def find_due(connection: Connection, standing: int, now: float, most: int, after: str) -> tuple[list[Destination], str]:
    """Return due destinations of a standing, those that wait longest first, and the account to continue after.
    If more than `most` are due, the newest destinations and the accounts after `after` get a share as well."""
    found = due(connection, standing, now, most)
    if len(found) < most:
        return found, after
    newest = due(connection, standing, now, most, newest=True)
    of_each, after = due_by_account(connection, standing, now, after, _ACCOUNTS, _OF_EACH)
    mixed = [one for three in zip(of_each, newest, found, strict=False) for one in three]
    return list(dict.fromkeys([*mixed, *of_each, *found])), after


def too_late(connection: Connection, now: float, horizon: float, most: int = 100) -> list[Destination]:
    """Return up to `most` destinations of each standing with a due time that no backoff and no open circuit breaker explains.
    The cause is a clock that was set back. More destinations than these may exist."""
    found: set[Destination] = set()
    for standing in STANDINGS:
        values = {"standing": standing, "horizon": now + horizon, "most": most}
        found |= {(row[0], row[1]) for row in delivery_statements.TOO_LATE.run(connection, values).fetchall()}
    return sorted(found)


def hasten(connection: Connection, late: Sequence[Destination], now: float, horizon: float) -> None:
    """Make deliveries of these destinations due now if their due time is past the horizon."""
    for account, host in late:
        values = {"account": account, "destination": host, "now": now, "horizon": now + horizon}
        delivery_statements.LOCK.run(connection, {"account": account, "destination": host}).fetchone()
        delivery_statements.HASTEN.run(connection, values)
        delivery_statements.REOPEN.run(connection, {"account": account, "destination": host, "now": now})


def leased(connection: Connection) -> list[Destination]:
    """Return the destinations with leased deliveries. The query reads every waiting delivery, so only the start of a process uses it."""
    return sorted((row[0], row[1]) for row in delivery_statements.LEASED.run(connection, {}).fetchall())


def release(connection: Connection, at: Sequence[Destination], now: float) -> None:
    """End all leases at these destinations, because the process that held them has ended."""
    for account, host in at:
        delivery_statements.TOUCH.run(connection, {"account": account, "destination": host, "now": now, "new": NEW})
        delivery_statements.RELEASE.run(connection, {"account": account, "destination": host, "now": now})


# ---- one turn of the dispatcher ----------------------------------------------------------------------------


def turn(
    connection: Connection, settled: Sequence[Settled], room: Mapping[Destination, int], now: float, lease: float,
    breaker: Breaker,
) -> Turn:  # fmt: skip
    """Settle deliveries, and lease others at each destination.
    The number is at most `room`, 1 if the circuit breaker is half open, and 0 if it is open.
    If another process has locked a destination at which nothing is to be settled, the turn skips it."""
    taken: list[LeasedDelivery] = []
    held: dict[int, bool] = {}
    sids: dict[int, str] = {}
    ended: dict[Destination, list[Settled]] = {}
    for one in settled:
        ended.setdefault(one.destination, []).append(one)
    for destination in sorted({*ended, *room}):
        state = DestinationState.locked(connection, destination, waits=destination in ended)
        if state is None:
            continue
        for one in ended.get(destination, ()):
            row = one.delivery
            held[row.id] = _settle(connection, one, now)
            if not held[row.id]:
                continue
            state.count(one, breaker)
            if one.counts and one.state != DeliveryState.DELIVERED:
                sids[row.id] = _sid(connection, row.subscription_id)
        free = state.free(room.get(destination, 0), now, breaker)
        leased = _lease(connection, destination, free, now, lease) if free > 0 else []
        if leased and state.failures >= breaker.failures:
            leased[0] = leased[0]._replace(is_probe=True)
            state.paused_until = now + lease  # one probe at a time: no other attempt before this one has ended
        taken += leased
        state.write(connection, now, breaker, was_used=bool(leased) or destination in ended)
    return Turn(taken, [held.get(one.delivery.id, False) for one in settled], sids)


def _lease(
    connection: Connection, destination: Destination, most: int, now: float, lease: float
) -> list[LeasedDelivery]:
    """Lease due deliveries of a destination, the oldest first."""
    values = {
        "account": destination[0], "destination": destination[1], "now": now, "until": now + lease, "most": most,
    }  # fmt: skip
    rows = delivery_statements.LEASE.run(connection, values).fetchall()
    return [LeasedDelivery(*row) for row in sorted(rows, key=itemgetter(0))]


def _settle(connection: Connection, one: Settled, now: float) -> bool:
    """Write the result of an attempt. Returns False if the lease was lost."""
    row = one.delivery
    values = {
        "id": row.id, "token": row.fencing_token, "last_error": one.error, "attempts": row.attempts + one.counts,
    }  # fmt: skip
    if one.state == DeliveryState.DUE:
        values |= {"due": one.due_at, "subscription_id": row.subscription_id, "position": row.position}
        return bool(delivery_statements.PUT_OFF.run(connection, values).rowcount > 0)
    if delivery_statements.FINISH.run(connection, values | {"state": one.state, "now": now}).rowcount == 0:
        return False
    advance(connection, row.subscription_id, now)
    return True


def advance(connection: Connection, subscription: int, now: float) -> None:
    """Make the first unfinished delivery of a message due, if it waited for an earlier one."""
    delivery_statements.ADVANCE.run(connection, {"subscription_id": subscription, "now": now})


def _sid(connection: Connection, subscription: int) -> str:
    row = delivery_statements.FIND_SID.run(connection, {"subscription_id": subscription}).fetchone()
    return "" if row is None or row[0] is None else str(row[0])


# ---- figures for the metrics -------------------------------------------------------------------------------


def lag(connection: Connection, now: float) -> float:
    """Return the seconds that the longest-due destination has waited; 0.0 if none is due."""
    first = [
        delivery_statements.FIRST_DUE.run(connection, {"standing": standing}).fetchone()[0] for standing in STANDINGS
    ]
    return max(0.0, *(now - float(due_at) for due_at in first if due_at is not None), 0.0)


def paused(connection: Connection) -> int:
    """Return the number of destinations with an open circuit breaker."""
    return int(delivery_statements.COUNT_STANDING.run(connection, {"standing": PAUSED}).fetchone()[0])


def database_time(connection: Connection) -> float:
    """Return the time of a clock that all replicas share. PostgreSQL only."""
    return float(connection.execute(delivery_statements.DATABASE_TIME).scalar_one())
