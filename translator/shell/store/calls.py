"""Who is told of a message, and the calls that are owed to them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, func, select, update

from translator.shell.store.claims import claim, held
from translator.shell.store.deliveries import DEAD, DELIVERED, DUE, STATES, Call, enqueue
from translator.shell.store.delivery_admin import counted, drop, listed, replay, shown
from translator.shell.store.schema import sends, watches

__all__ = [
    "DEAD", "DELIVERED", "DUE", "STATES", "Call", "counted", "drop", "listed", "look_now", "replay", "seen", "sends_between",
    "shown", "take_watches", "waiting_entries",
]  # fmt: skip

# ---- who waits ---------------------------------------------------------------------------------------------


def take_watches(connection: Connection, entry: str, most: int, now: float, lease: float) -> list[dict[str, Any]]:
    """Who waits to be told of messages of an entry that are to be looked at now, with the message as it was sent."""
    due = (watches.c.entry == entry) & (watches.c.look_at <= now)
    rows = claim(connection, watches, due, watches.c.look_at, most, now, lease)
    columns = (sends.c.id, sends.c.sid, sends.c.message, sends.c.made)
    found = connection.execute(select(*columns).where(sends.c.id.in_([row["send"] for row in rows]))).mappings()
    sent = {row["id"]: row for row in found}
    return [
        {**row, **{name: sent[row["send"]][name] for name in ("sid", "message", "made")}}
        for row in rows
        if row["send"] in sent
    ]


def waiting_entries(connection: Connection, now: float) -> list[str]:
    """The entries of whose messages some are to be looked at now."""
    return [
        entry for (entry,) in connection.execute(select(watches.c.entry).where(watches.c.look_at <= now).distinct())
    ]


def sends_between(connection: Connection, entry: str, first: float, last: float) -> int:
    """How many sends an entry has made in a stretch of time, as far as the journal still knows."""
    made = sends.c.made.between(first, last)
    return connection.execute(select(func.count()).where(sends.c.entry == entry, made)).scalar_one()


def seen(connection: Connection, row: dict[str, Any], calls: Sequence[Call], look_at: float | None, now: float) -> bool:
    """Somebody who waits is owed these calls, and looked for again at `look_at`; never again where that is None.

    Whether it was written: not where somebody else has taken the row since.
    """
    told = [*filter(None, row["told"].split(",")), *(call.name for call in calls)]
    values = {"told": ",".join(told), "look_at": look_at, "looks": row["looks"] + 1, "leased": 0.0}
    values["over"] = now if look_at is None else None
    changed = connection.execute(update(watches).where(held(watches, row)).values(**values))
    if not changed.rowcount:
        return False
    first = len(told) - len(calls)
    enqueue(connection, row, calls, first, now)
    return True


def look_now(connection: Connection, send: str, now: float) -> bool:
    """Something has happened to a message: whoever waits to be told of it is looked for now. Whether somebody does."""
    waits = (watches.c.send == send) & (watches.c.look_at > now)
    return connection.execute(update(watches).where(waits).values(look_at=now)).rowcount > 0
