"""Sends of which nobody knows what became: taken to be looked for, found, made again, or lost to sight."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, exists, select, update

from translator.model import Message
from translator.shell.store.claims import claim, held
from translator.shell.store.schema import sends, unfinished, unknown, watches
from translator.shell.store.sends import INTENT, LOST, UNKNOWN, doubt, made_known


def abandoned(connection: Connection, now: float) -> None:
    """Whatever is under way was under way in a process that is no more: its sends are unknown, and what it had taken is free. The
    dispatcher ends the leases of deliveries itself: see `deliveries.release`."""
    doubt(connection, unfinished & (sends.c.state == INTENT), now)
    for table in (sends, watches):
        connection.execute(update(table).where(table.c.leased > now).values(leased=0.0))


def take_unknown(connection: Connection, most: int, now: float, lease: float) -> list[dict[str, Any]]:
    """Unknown sends that are to be looked for now, and those whose answer should have come and did not."""
    late = unfinished & (sends.c.state == INTENT) & (sends.c.look_at <= now)
    doubt(connection, late, now)
    due = unknown & (sends.c.look_at <= now)
    return claim(connection, sends, due, sends.c.look_at, most, now, lease)


def claimed(connection: Connection, place: str, sids: Sequence[str]) -> set[str]:
    """Which of these messages are known to be other sends."""
    found = connection.execute(select(sends.c.sid).where(sends.c.place == place, sends.c.sid.in_(sids)))
    return {sid for (sid,) in found}


def found(connection: Connection, row: dict[str, Any], message: Message, now: float) -> bool:
    """An unknown send is this message, unless it is another's, or an equal one under way may be it. Whether it is."""
    equal = exists().where(unfinished, sends.c.same == row["same"], sends.c.state == INTENT)
    mine = connection.execute(select(sends.c.id).where(held(sends, row), sends.c.state == UNKNOWN, ~equal)).first()
    if mine is None or claimed(connection, row["place"], [message.sid]):
        return False
    made_known(connection, row["id"], message, now)
    return True


def not_found(connection: Connection, row: dict[str, Any], look_at: float | None, now: float) -> None:
    """An unknown send was not found. It is looked for again at `look_at`, or lost to sight where that is None."""
    values: dict[str, Any] = {"look_at": look_at, "looks": row["looks"] + 1, "leased": 0.0}
    if look_at is None:
        values |= {"state": LOST, "settled": now}
    connection.execute(update(sends).where(held(sends, row), sends.c.state == UNKNOWN).values(**values))


def begin_again(connection: Connection, row: dict[str, Any], now: float, patience: float) -> bool:
    """An unknown send is about to be made again. Whether it is still ours to say, and was not made again before."""
    mine = (held(sends, row), sends.c.state == UNKNOWN, sends.c.resent.is_(None))
    values = {"state": INTENT, "look_at": now + patience, "resent": now, "leased": 0.0}
    return connection.execute(update(sends).where(*mine).values(**values)).rowcount > 0
