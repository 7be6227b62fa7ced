"""What is not finished: by account and place, for a person who wants to leave a store behind, and in sum for the metrics.

Each query goes by an index that holds nothing that is finished.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from translator.shell.store.any_of import by_index
from translator.shell.store.calls import DEAD, DUE
from translator.shell.store.schema import UNKNOWN, events, open_events, sends, unfinished, waiting, watches

WAITING = "waiting"
"""Of a watch: its message was sent, and what becomes of it is not seen yet."""


class Left(NamedTuple):
    """So many rows of an account's at a place are in a state, the oldest since `made`, in seconds. `place` is empty where it is not known
    any more. `state` is waiting, due or dead of callbacks, and intent, unknown or lost of sends."""

    entry: str
    place: str
    state: str
    number: int
    made: float


def pending(connection: Connection) -> list[Left]:
    """All that would be left behind."""
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
    """How many callbacks wait for what becomes of their message, and when the oldest of their sends was made; None where none waits."""
    by_index(connection)
    rows = connection.execute(
        select(func.count(), func.min(watches.c.send)).where(waiting).group_by(watches.c.entry)
    ).all()  # fmt: skip
    if not rows:
        return 0, None
    first = min(send for _, send in rows)  # ids begin with when they were given
    return sum(count for count, _ in rows), connection.execute(select(sends.c.made).where(sends.c.id == first)).scalar()


def oldest_unknown(connection: Connection) -> float | None:
    """When the oldest send was made of which nobody knows what became; None where there is none."""
    by_index(connection)
    made: float | None = connection.execute(
        select(func.min(sends.c.made)).where(unfinished, sends.c.state == UNKNOWN)
    ).scalar()  # fmt: skip
    return made


def listed(connection: Connection, most: int, sids: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Callbacks that wait, those of the oldest sends first; only those of `sids`, as the provider has them, if those are given."""
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
