"""The calls that are owed to those who are told of a message."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, delete, exists, func, select, update

from translator.shell.store.among import by_index
from translator.shell.store.claims import claim, held
from translator.shell.store.schema import events

DUE, DELIVERED, DEAD = "due", "delivered", "dead"
STATES: Final = (DUE, DEAD, DELIVERED)


class Call(NamedTuple):
    """One event as it is to be told: its name, where to and how, and the form that tells it."""

    name: str
    method: str
    address: str
    form: str
    destination: str


# ---- what is owed ------------------------------------------------------------------------------------------


def take_calls(
    connection: Connection, free: Callable[[str], int], after: str, most: int, now: float, lease: float
) -> tuple[list[dict[str, Any]], str]:
    """Calls that are due, at each destination no more than are `free` there, from the destination behind `after` on; and where
    to go on. Of one message only the earliest is taken: it is told of in order."""
    taken: list[dict[str, Any]] = []
    earlier = events.alias()
    first = ~exists().where(
        earlier.c.watch == events.c.watch, earlier.c.position < events.c.position, earlier.c.state == DUE
    )
    while len(taken) < most:
        next_one: str | None = connection.execute(
            select(events.c.destination)
            .where(events.c.state == DUE, events.c.destination > after)
            .order_by(events.c.destination)
            .limit(1)
        ).scalar()
        if next_one is None:
            return taken, ""
        after = next_one
        if (room := min(free(after), most - len(taken))) > 0:
            due = (events.c.state == DUE) & (events.c.destination == after) & (events.c.due_at <= now) & first
            taken += claim(connection, events, due, events.c.due_at, room, now, lease)
    return taken, after


def finish(connection: Connection, row: dict[str, Any], state: str, why: str, now: float) -> bool:
    """A call was delivered, or is given up. Whether it was ours to say."""
    values = {"state": state, "why": why, "tries": row["tries"] + 1, "finished": now, "leased": 0.0}
    return (
        connection.execute(update(events).where(held(events, row), events.c.state == DUE).values(**values)).rowcount > 0
    )


def put_off(connection: Connection, row: dict[str, Any], due_at: float, why: str, *, tried: bool) -> bool:
    """A call is made again later. `tried` says that this was a try of its schedule. Whether it was ours to say."""
    values = {"due_at": due_at, "why": why, "tries": row["tries"] + tried, "leased": 0.0}
    return (
        connection.execute(update(events).where(held(events, row), events.c.state == DUE).values(**values)).rowcount > 0
    )


# ---- for people --------------------------------------------------------------------------------------------


def listed(connection: Connection, states: Sequence[str], most: int) -> list[dict[str, Any]]:
    """Calls in these states, the oldest first."""
    rows = connection.execute(select(events).where(events.c.state.in_(states)).order_by(events.c.id).limit(most))
    return [dict(row) for row in rows.mappings()]


def shown(connection: Connection, id_: int) -> dict[str, Any] | None:
    """One call."""
    row = connection.execute(select(events).where(events.c.id == id_)).mappings().first()
    return None if row is None else dict(row)


def replay(connection: Connection, id_: int, now: float) -> bool:
    """A call that was given up, or made, is made again from the first gap on. Whether there was one."""
    values = {"state": DUE, "due_at": now, "tries": 0, "finished": None, "leased": 0.0, "attempt": events.c.attempt + 1}
    which = (events.c.id == id_) & events.c.state.in_((DEAD, DELIVERED))
    return connection.execute(update(events).where(which).values(**values)).rowcount > 0


def drop(connection: Connection, id_: int) -> bool:
    """A call is not made any more. Whether there was one."""
    return connection.execute(delete(events).where(events.c.id == id_, events.c.state != DELIVERED)).rowcount > 0


def counted(connection: Connection) -> dict[str, int]:
    """How many calls wait, and how many were given up."""
    by_index(connection)
    rows = connection.execute(
        select(events.c.state, func.count()).where(events.c.state.in_((DUE, DEAD))).group_by(events.c.state)
    )
    return {row[0]: row[1] for row in rows}
