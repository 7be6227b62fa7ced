"""The operator's commands for deliveries: list, show, count, retry now, and drop."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, delete, func, select, update

from translator.shell.store import delivery_statements
from translator.shell.store.deliveries import NEW, advance
from translator.shell.store.rows import DeliveryRow
from translator.shell.store.schema import deliveries, destinations, open_deliveries, sends, subscriptions
from translator.shell.store.states import DeliveryState


def _with_sid() -> Select[Any]:
    joined = deliveries.outerjoin(subscriptions, subscriptions.c.id == deliveries.c.subscription_id).outerjoin(
        sends, sends.c.id == subscriptions.c.send_id
    )
    return select(deliveries, sends.c.sid.label("sid")).select_from(joined)


def listed(
    connection: Connection, states: Sequence[str], most: int, sids: Sequence[str] | None = None
) -> list[DeliveryRow]:
    """Return deliveries in these states, the oldest first, each with the SID of its message at the provider.
    `sids`: if given, only the deliveries of these messages."""
    which: ColumnElement[bool] = deliveries.c.state.in_(states)
    if DeliveryState.DELIVERED not in states:
        which &= open_deliveries
    found = _with_sid().where(which).order_by(deliveries.c.id).limit(most)
    if sids is not None:
        found = found.where(sends.c.sid.in_(sids))
    return [DeliveryRow._make(row) for row in connection.execute(found)]


def shown(connection: Connection, id_: int) -> DeliveryRow | None:
    """Return one delivery with the SID of its message at the provider; None if it does not exist."""
    row = connection.execute(_with_sid().where(deliveries.c.id == id_)).first()
    return None if row is None else DeliveryRow._make(row)


def replay(connection: Connection, id_: int, now: float) -> bool:
    """Make a delivery now. Returns False if it does not exist.

    A finished delivery starts again at its first attempt. A due one skips its backoff.
    If an earlier delivery of the message is due, that one is made first. An attempt in progress is left alone.
    """
    row = shown(connection, id_)
    if row is None:
        return False
    _touch(connection, row, now)
    same_message = deliveries.c.subscription_id == row.subscription_id
    if row.state != DeliveryState.DUE:
        again = {
            "state": DeliveryState.DUE, "attempts": 0, "finished_at": None, "leased_until": 0.0,
            "fencing_token": deliveries.c.fencing_token + 1,
        }  # fmt: skip
        connection.execute(update(deliveries).where(deliveries.c.id == id_).values(due_at=now, **again))
        later = same_message & (deliveries.c.position > row.position) & (deliveries.c.state == DeliveryState.DUE)
        connection.execute(update(deliveries).where(later, deliveries.c.leased_until <= now).values(due_at=None))
    advance(connection, row.subscription_id, now)
    first = same_message & deliveries.c.due_at.is_not(None)
    connection.execute(update(deliveries).where(first, deliveries.c.leased_until <= now).values(due_at=now))
    here = (destinations.c.account == row.account) & (destinations.c.destination == row.destination)
    connection.execute(update(destinations).where(here).values(due_at=now, paused_until=0.0))
    return True


def drop(connection: Connection, id_: int, now: float) -> bool:
    """Drop a delivery, and make the next one of its message due. Returns False if no undelivered delivery has this id."""
    row = shown(connection, id_)
    if row is None or row.state == DeliveryState.DELIVERED:
        return False
    _touch(connection, row, now)
    which = (deliveries.c.id == id_) & (deliveries.c.state != DeliveryState.DELIVERED)
    connection.execute(delete(deliveries).where(which))
    advance(connection, row.subscription_id, now)
    return True


def _touch(connection: Connection, row: DeliveryRow, now: float) -> None:
    """Lock the destination's row and mark it due. Every transaction locks the destination first, which prevents deadlocks."""
    delivery_statements.TOUCH.run(
        connection, {"account": row.account, "destination": row.destination, "now": now, "new": NEW}
    )


def counted(connection: Connection) -> dict[str, int]:
    """Return the number of due and of dead deliveries, by state."""
    counts = select(deliveries.c.state, func.count()).where(
        open_deliveries, deliveries.c.state.in_((DeliveryState.DUE, DeliveryState.DEAD))
    )
    return {row[0]: row[1] for row in connection.execute(counts.group_by(deliveries.c.state))}
