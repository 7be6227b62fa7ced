"""Deliveries of callbacks: queued in order for each message, taken under a lease, and settled together.

    enqueue ─▶ due ─▶ leased ─┬▶ delivered
      behind an earlier one    ├▶ due again after a gap
      of its message: waits    └▶ dead: given up

A destination is host and port of one account. Its row says when something is to be done there next, so that what is due is found by an
index, whatever is owed. Whoever takes or settles deliveries locks the destination's row first: a transaction locks rows in order.
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
"""Accounts that have their turn in one look, and destinations of each."""


class CallbackDelivery(NamedTuple):
    """One delivery as it is to be made: the event's name, method and address, the form, and the destination."""

    name: str
    method: str
    address: str
    form: str
    destination: str


class Taken(NamedTuple):
    """What a turn has done: the deliveries that are now leased to the caller, whether each settled one was the caller's to settle, and the
    message SIDs of those that failed, by delivery."""

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
    """The same for any number of subscriptions in one transaction, which locks their destinations in order."""
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
    """Whether an earlier delivery of the same message is not over."""
    return delivery_statements.FIND_FIRST.run(connection, {"watch": watch}).fetchone() is not None


# ---- what is due -------------------------------------------------------------------------------------------


def due(connection: Connection, standing: int, now: float, most: int, *, newest: bool = False) -> list[Destination]:
    """Destinations of a standing that are due, the oldest first, or the newest."""
    found = (delivery_statements.NEWEST_DUE if newest else delivery_statements.OLDEST_DUE).run(
        connection, {"standing": standing, "now": now, "most": most}
    )
    return [(row[0], row[1]) for row in found.fetchall()]


def due_by_account(
    connection: Connection, standing: int, now: float, after: str, most: int, each: int
) -> tuple[list[Destination], str]:
    """Destinations of a standing that are due, at most `each` of an account, of `most` accounts behind `after`; and where to go on."""
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
    """Destinations of a standing that are due, and where to go on. Those that wait longest come first. If there are more than are looked
    at, the newest do not wait behind them, and the accounts behind `after` have their turn."""
    found = due(connection, standing, now, most)
    if len(found) < most:
        return found, after
    newest = due(connection, standing, now, most, newest=True)
    of_each, after = due_by_account(connection, standing, now, after, _ACCOUNTS, _OF_EACH)
    mixed = [one for three in zip(of_each, newest, found, strict=False) for one in three]
    return list(dict.fromkeys([*mixed, *of_each, *found])), after


def too_late(connection: Connection, now: float, horizon: float, most: int = 100) -> list[Destination]:
    """Destinations that are due later than any pause or gap explains: the clock was set back. There may be more than these."""
    found: set[Destination] = set()
    for standing in STANDINGS:
        values = {"standing": standing, "horizon": now + horizon, "most": most}
        found |= {(row[0], row[1]) for row in delivery_statements.TOO_LATE.run(connection, values).fetchall()}
    return sorted(found)


def hasten(connection: Connection, late: Sequence[Destination], now: float, horizon: float) -> None:
    """Make due what is due too late at these destinations."""
    for entry, host in late:
        values = {"entry": entry, "destination": host, "now": now, "horizon": now + horizon}
        delivery_statements.LOCK.run(connection, {"entry": entry, "destination": host}).fetchone()
        delivery_statements.HASTEN.run(connection, values)
        delivery_statements.REOPEN.run(connection, {"entry": entry, "destination": host, "now": now})


def leased(connection: Connection) -> list[Destination]:
    """Destinations where deliveries are leased. This goes through all that waits: for the start of a process."""
    return sorted((row[0], row[1]) for row in delivery_statements.LEASED.run(connection, {}).fetchall())


def release(connection: Connection, at: Sequence[Destination], now: float) -> None:
    """End all leases at these destinations: whoever had them is gone."""
    for entry, host in at:
        delivery_statements.TOUCH.run(connection, {"entry": entry, "destination": host, "now": now, "new": NEW})
        delivery_statements.RELEASE.run(connection, {"entry": entry, "destination": host, "now": now})


# ---- one turn of the dispatcher ----------------------------------------------------------------------------


def turn(
    connection: Connection, settled: Sequence[Settled], room: Mapping[Destination, int], now: float, lease: float,
    breaker: Breaker,
) -> Taken:  # fmt: skip
    """Settle deliveries, and take others: at each destination at most `room`, one if its circuit breaker is half open, none if it is
    open. Whoever else holds a destination that only room was found for is not waited for."""
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
            state.paused_until = now + lease  # nobody else tries the receiver before this one has ended
        taken += claimed
        state.write(connection, now, breaker, was_used=bool(claimed) or destination in ended)
    return Taken(taken, [held.get(one.row["id"], False) for one in settled], sids)


def _claim(
    connection: Connection, destination: Destination, most: int, now: float, lease: float
) -> list[dict[str, Any]]:
    """Lease deliveries of a destination that are due, the oldest first. `attempt` of each is the caller's fencing token."""
    values = {
        "entry": destination[0], "destination": destination[1], "now": now, "until": now + lease, "most": most,
    }  # fmt: skip
    rows = delivery_statements.CLAIM.run(connection, values).fetchall()
    return [dict(zip(delivery_statements.CLAIMED, row, strict=True)) for row in sorted(rows, key=itemgetter(0))]


def _settle(connection: Connection, one: Settled, now: float) -> bool:
    """Write down what came of a delivery. Whether it was still the caller's."""
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
    """The first delivery of a message that is not over is due, if it waited for an earlier one."""
    delivery_statements.ADVANCE.run(connection, {"watch": watch, "now": now})


def _sid(connection: Connection, watch: int) -> str:
    row = delivery_statements.FIND_SID.run(connection, {"watch": watch}).fetchone()
    return "" if row is None or row[0] is None else str(row[0])


# ---- how it stands -----------------------------------------------------------------------------------------


def lag(connection: Connection, now: float) -> float:
    """Seconds for which the destination that is due for longest has waited; 0.0 if none is due."""
    first = [
        delivery_statements.FIRST_DUE.run(connection, {"standing": standing}).fetchone()[0] for standing in STANDINGS
    ]
    return max(0.0, *(now - float(due_at) for due_at in first if due_at is not None), 0.0)


def paused(connection: Connection) -> int:
    """How many destinations have an open circuit breaker."""
    return int(delivery_statements.COUNT_STANDING.run(connection, {"standing": PAUSED}).fetchone()[0])


def database_time(connection: Connection) -> float:
    """What time it is by a clock that all processes share. For PostgreSQL."""
    return float(connection.execute(delivery_statements.DATABASE_TIME).scalar_one())
