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
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection

from translator.shell.store import delivery_statements
from translator.shell.store.destinations import (
    DEAD,
    DELIVERED,
    DUE,
    FAILING,
    NEW,
    PAUSED,
    PROVEN,
    STANDINGS,
    STATES,
    Breaker,
    Destination,
    DestinationState,
    Settled,
)

__all__ = [
    "DEAD", "DELIVERED", "DUE", "FAILING", "NEW", "PAUSED", "PROVEN", "STANDINGS", "STATES", "Breaker",
    "CallbackDelivery", "Destination", "Settled", "Taken", "advance", "database_time", "due",
    "due_by_account", "enqueue", "enqueue_all", "find_due", "hasten", "lag", "leased", "paused", "release",
    "too_late", "turn",
]  # fmt: skip


_ACCOUNTS: Final = 32
_OF_EACH: Final = 4
"""Accounts that get a turn in one search, and destinations of each."""


class CallbackDelivery(NamedTuple):
    """One delivery to be made: the name of its event, the method, the URL (`address`), the form body, and the destination."""

    name: str
    method: str
    address: str
    form: str
    destination: str


class Taken(NamedTuple):
    """The result of a turn.
    `rows`: the deliveries that are now leased to the dispatcher.
    `held`: for each settled delivery, True if the dispatcher still held its lease.
    `sids`: the message SIDs of the failed attempts, by delivery."""

    rows: list[dict[str, Any]]
    held: list[bool]
    sids: dict[int, str]


# ---- queueing ----------------------------------------------------------------------------------------------


def enqueue(
    connection: Connection,
    watch_row: Mapping[str, Any],
    calls: Sequence[CallbackDelivery],
    first_position: int,
    now: float,
) -> None:
    """Queue deliveries for a subscription, in order. `now` is a time of the dispatcher's clock."""
    enqueue_all(connection, [(watch_row, calls, first_position)], now)


def enqueue_all(
    connection: Connection, batch: Iterable[tuple[Mapping[str, Any], Sequence[CallbackDelivery], int]], now: float
) -> None:
    """Queue the deliveries of several subscriptions in one transaction, which locks their destinations in order."""
    queued = [(watch, calls, first) for watch, calls, first in batch if calls]
    reached = {(str(watch["entry"]), call.destination) for watch, calls, _ in queued for call in calls}
    delivery_statements.TOUCH.run_each(
        connection,
        [{"entry": entry, "destination": host, "now": now, "new": NEW} for entry, host in sorted(reached)],
    )
    rows = []
    for watch, calls, first in queued:
        waits = first > 0 and _is_waiting(connection, watch["id"])
        for offset, call in enumerate(calls):
            rows.append({
                **call._asdict(), "watch": watch["id"], "entry": watch["entry"], "position": first + offset,
                "made": now, "due": None if waits or offset else now,
            })  # fmt: skip
    delivery_statements.QUEUE.run_each(connection, rows)


def _is_waiting(connection: Connection, watch: int) -> bool:
    """True if an earlier delivery of the same message is unfinished."""
    return delivery_statements.FIND_FIRST.run(connection, {"watch": watch}).fetchone() is not None


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
        values = {"entry": after, "standing": standing, "now": now, "most": each}
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
    for entry, host in late:
        values = {"entry": entry, "destination": host, "now": now, "horizon": now + horizon}
        delivery_statements.LOCK.run(connection, {"entry": entry, "destination": host}).fetchone()
        delivery_statements.HASTEN.run(connection, values)
        delivery_statements.REOPEN.run(connection, {"entry": entry, "destination": host, "now": now})


def leased(connection: Connection) -> list[Destination]:
    """Return the destinations with leased deliveries. The query reads every waiting delivery, so only the start of a process uses it."""
    return sorted((row[0], row[1]) for row in delivery_statements.LEASED.run(connection, {}).fetchall())


def release(connection: Connection, at: Sequence[Destination], now: float) -> None:
    """End all leases at these destinations, because the process that held them has ended."""
    for entry, host in at:
        delivery_statements.TOUCH.run(connection, {"entry": entry, "destination": host, "now": now, "new": NEW})
        delivery_statements.RELEASE.run(connection, {"entry": entry, "destination": host, "now": now})


# ---- one turn of the dispatcher ----------------------------------------------------------------------------


def turn(
    connection: Connection, settled: Sequence[Settled], room: Mapping[Destination, int], now: float, lease: float,
    breaker: Breaker,
) -> Taken:  # fmt: skip
    """Settle deliveries, and lease others at each destination.
    The number is at most `room`, 1 if the circuit breaker is half open, and 0 if it is open.
    If another process has locked a destination at which nothing is to be settled, the turn skips it."""
    taken: list[dict[str, Any]] = []
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
            held[one.row["id"]] = _settle(connection, one, now)
            if not held[one.row["id"]]:
                continue
            state.count(one, breaker)
            if one.counts and one.state != DELIVERED:
                sids[one.row["id"]] = _sid(connection, one.row["watch"])
        free = state.free(room.get(destination, 0), now, breaker)
        claimed = _claim(connection, destination, free, now, lease) if free > 0 else []
        if claimed and state.failures >= breaker.failures:
            claimed[0]["probes"] = True
            state.paused_until = now + lease  # one probe at a time: no other attempt before this one has ended
        taken += claimed
        state.write(connection, now, breaker, was_used=bool(claimed) or destination in ended)
    return Taken(taken, [held.get(one.row["id"], False) for one in settled], sids)


def _claim(
    connection: Connection, destination: Destination, most: int, now: float, lease: float
) -> list[dict[str, Any]]:
    """Lease due deliveries of a destination, the oldest first. The column `attempt` of each is the fencing token."""
    values = {
        "entry": destination[0], "destination": destination[1], "now": now, "until": now + lease, "most": most,
    }  # fmt: skip
    rows = delivery_statements.CLAIM.run(connection, values).fetchall()
    return [dict(zip(delivery_statements.CLAIMED, row, strict=True)) for row in sorted(rows, key=itemgetter(0))]


def _settle(connection: Connection, one: Settled, now: float) -> bool:
    """Write the result of an attempt. Returns False if the lease was lost."""
    row = one.row
    values = {"id": row["id"], "attempt": row["attempt"], "why": one.why, "tries": row["tries"] + one.counts}
    if one.state == DUE:
        values |= {"due": one.due_at, "watch": row["watch"], "position": row["position"]}
        return bool(delivery_statements.PUT_OFF.run(connection, values).rowcount > 0)
    if delivery_statements.FINISH.run(connection, values | {"state": one.state, "now": now}).rowcount == 0:
        return False
    advance(connection, row["watch"], now)
    return True


def advance(connection: Connection, watch: int, now: float) -> None:
    """Make the first unfinished delivery of a message due, if it waited for an earlier one."""
    delivery_statements.ADVANCE.run(connection, {"watch": watch, "now": now})


def _sid(connection: Connection, watch: int) -> str:
    row = delivery_statements.FIND_SID.run(connection, {"watch": watch}).fetchone()
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
