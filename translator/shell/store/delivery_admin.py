"""The operator's commands for deliveries: list, show, count, retry now, and drop."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, delete, func, select, update

from translator.shell.store import delivery_statements
from translator.shell.store.deliveries import DEAD, DELIVERED, DUE, NEW, advance
from translator.shell.store.schema import destinations, events, open_events, sends, watches


def _with_sid() -> Select[Any]:
    joined = events.outerjoin(watches, watches.c.id == events.c.watch).outerjoin(sends, sends.c.id == watches.c.send)
    return select(events, sends.c.sid.label("sid")).select_from(joined)


def listed(
    connection: Connection, states: Sequence[str], most: int, sids: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Return deliveries in these states, the oldest first, each with the SID of its message at the provider.
    `sids`: if given, only the deliveries of these messages."""
    which: ColumnElement[bool] = events.c.state.in_(states)
    if DELIVERED not in states:
        which &= open_events
    found = _with_sid().where(which).order_by(events.c.id).limit(most)
    if sids is not None:
        found = found.where(sends.c.sid.in_(sids))
    return [dict(row) for row in connection.execute(found).mappings()]


def shown(connection: Connection, id_: int) -> dict[str, Any] | None:
    """Return one delivery with the SID of its message at the provider; None if it does not exist."""
    row = connection.execute(_with_sid().where(events.c.id == id_)).mappings().first()
    return None if row is None else dict(row)


def replay(connection: Connection, id_: int, now: float) -> bool:
    """Make a delivery now. Returns False if it does not exist.

    A finished delivery starts again at its first attempt. A due one skips its backoff.
    If an earlier delivery of the message is due, that one is made first. An attempt in progress is left alone.
    """
    row = connection.execute(select(events).where(events.c.id == id_)).mappings().first()
    if row is None:
        return False
    _touch(connection, row, now)
    if row["state"] != DUE:
        again = {"state": DUE, "tries": 0, "finished": None, "leased": 0.0, "attempt": events.c.attempt + 1}
        connection.execute(update(events).where(events.c.id == id_).values(due_at=now, **again))
        later = (events.c.watch == row["watch"]) & (events.c.position > row["position"]) & (events.c.state == DUE)
        connection.execute(update(events).where(later, events.c.leased <= now).values(due_at=None))
    advance(connection, row["watch"], now)
    first = (events.c.watch == row["watch"]) & events.c.due_at.is_not(None)
    connection.execute(update(events).where(first, events.c.leased <= now).values(due_at=now))
    here = (destinations.c.entry == row["entry"]) & (destinations.c.destination == row["destination"])
    connection.execute(update(destinations).where(here).values(due_at=now, paused_until=0.0))
    return True


def drop(connection: Connection, id_: int, now: float) -> bool:
    """Drop a delivery, and make the next one of its message due. Returns False if no undelivered delivery has this id."""
    which = (events.c.id == id_) & (events.c.state != DELIVERED)
    row = connection.execute(select(events).where(which)).mappings().first()
    if row is None:
        return False
    _touch(connection, row, now)
    connection.execute(delete(events).where(which))
    advance(connection, row["watch"], now)
    return True


def _touch(connection: Connection, row: RowMapping, now: float) -> None:
    """Lock the destination's row and mark it due. Every transaction locks the destination first, which prevents deadlocks."""
    delivery_statements.TOUCH.run(
        connection, {"entry": row["entry"], "destination": row["destination"], "now": now, "new": NEW}
    )


def counted(connection: Connection) -> dict[str, int]:
    """Return the number of due and of dead deliveries, by state."""
    counts = select(events.c.state, func.count()).where(open_events, events.c.state.in_((DUE, DEAD)))
    return {row[0]: row[1] for row in connection.execute(counts.group_by(events.c.state))}
