"""Unfinished work: by account and provider account for an operator who wants to leave a store, and in sum for the metrics.

Each query uses an index that holds no finished row.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from translator.shell.store.any_of import by_index
from translator.shell.store.calls import DEAD, DUE
from translator.shell.store.schema import UNKNOWN, events, open_events, sends, unfinished, waiting, watches

WAITING = "waiting"
"""The state of a subscription whose message was sent and whose final status is not known yet."""


class Left(NamedTuple):
    """The number of unfinished rows of an account in one state.
    `place`: the provider account; empty if it is no longer known.
    `state`: waiting, due or dead for callbacks, and intent, unknown or lost for sends.
    `made`: the time of the oldest row, in seconds."""

    entry: str
    place: str
    state: str
    number: int
    made: float


def pending(connection: Connection) -> list[Left]:
    """Return all unfinished work."""
    open_ones = (
        select(watches.c.entry, watches.c.place, func.count(), func.min(sends.c.made))
        .select_from(watches.outerjoin(sends, sends.c.id == watches.c.send))
        .where(waiting)
        .group_by(watches.c.entry, watches.c.place)
    )
    found = [
        Left(entry, place or "", WAITING, count, made or 0.0)
        for entry, place, count, made in connection.execute(open_ones)
    ]
    owed = (
        select(events.c.entry, watches.c.place, events.c.state, func.count(), func.min(events.c.made))
        .select_from(events.outerjoin(watches, watches.c.id == events.c.watch))
        .where(open_events, events.c.state.in_((DUE, DEAD)))
        .group_by(events.c.entry, watches.c.place, events.c.state)
    )
    doubtful = (
        select(sends.c.entry, sends.c.place, sends.c.state, func.count(), func.min(sends.c.made))
        .where(unfinished)
        .group_by(sends.c.entry, sends.c.place, sends.c.state)
    )
    for query in (owed, doubtful):
        found += [Left(entry, place or "", *rest) for entry, place, *rest in connection.execute(query)]
    return found


def waits(connection: Connection) -> tuple[int, float | None]:
    """Return the number of waiting subscriptions and the time of their oldest send; None if there is none."""
    by_index(connection)
    rows = connection.execute(
        select(func.count(), func.min(watches.c.send)).where(waiting).group_by(watches.c.entry)
    ).all()  # fmt: skip
    if not rows:
        return 0, None
    first = min(send for _, send in rows)  # an id begins with its time
    return sum(count for count, _ in rows), connection.execute(select(sends.c.made).where(sends.c.id == first)).scalar()


def oldest_unknown(connection: Connection) -> float | None:
    """Return the time of the oldest unknown send; None if there is none."""
    by_index(connection)
    made: float | None = connection.execute(
        select(func.min(sends.c.made)).where(unfinished, sends.c.state == UNKNOWN)
    ).scalar()  # fmt: skip
    return made


def listed(connection: Connection, most: int, sids: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Return waiting subscriptions, those of the oldest sends first.
    `sids`: if given, only those of these messages, by their SIDs at the provider."""
    columns = (
        watches.c.id.label("watch"), watches.c.entry, watches.c.place, sends.c.sid, watches.c.method, watches.c.told, sends.c.made,
        watches.c.look_at, watches.c.looks,
    )  # fmt: skip
    found = (
        select(*columns)
        .select_from(watches.outerjoin(sends, sends.c.id == watches.c.send))
        .where(waiting)
        .order_by(watches.c.send)
        .limit(most)
    )
    if sids is not None:
        found = found.where(sends.c.sid.in_(sids))
    return [{**row, "state": WAITING} for row in connection.execute(found).mappings()]
