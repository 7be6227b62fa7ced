"""Taking rows that are due, so that no two take the same: a lease, and a number that tells the one who holds it from one who did.

A process remembers what it took for as long as its leases last, so that it can give back at its end what it did not do.
"""

import time
from collections import deque
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, Update, and_, or_, select, update

_AT_ONCE: Final = 500
"""How many rows one statement gives back."""


class Taken(NamedTuple):
    """Rows that were taken together: of which table, until when, and the id and the token of each. `kept` is when the lease ends by the
    monotonic clock: those who take rows have clocks of their own."""

    table: Table
    until: float
    kept: float
    rows: list[tuple[Any, int]]


_TAKEN: Final[WeakKeyDictionary[Engine, deque[Taken]]] = WeakKeyDictionary()
"""What this process has taken and whose leases may still last, by the engine of its store."""


def claim(
    connection: Connection, table: Table, due: ColumnElement[bool], order: ColumnElement[Any], most: int, now: float, lease: float
) -> list[dict[str, Any]]:  # fmt: skip
    """Up to `most` rows that are due and that nobody is at, now leased to the caller for `lease` seconds.

    Where others are at the same rows, theirs are skipped and not waited for. `attempt` of a row is the caller's token.
    """
    wanted = select(table.c.id).where(due).order_by(order).limit(most)
    rows = [dict(row) for row in connection.execute(leasing(table, wanted, now, lease).returning(*table.c)).mappings()]
    remember(connection, table, [(row["id"], row["attempt"]) for row in rows], now, lease)
    return rows


def leasing(table: Table, wanted: Select[Any], now: float, lease: float) -> Update:
    """What takes those of the wanted rows, which are ids, that nobody is at. See `claim`."""
    free = wanted.where(is_free(table, now, lease)).with_for_update(skip_locked=True).cte("free")
    taken = update(table).where(table.c.id.in_(select(free.c.id)))
    return taken.values(leased=now + lease, attempt=table.c.attempt + 1)


def remember(connection: Connection, table: Table, rows: list[tuple[Any, int]], now: float, lease: float) -> None:
    """These rows were taken, each with its token: they are given back at the end of the process if their leases last until then."""
    held_ = _TAKEN.setdefault(connection.engine, deque())
    at = time.monotonic()
    while held_ and held_[0].kept <= at:
        held_.popleft()
    if rows:
        held_.append(Taken(table, now + lease, at + lease, rows))


def release(connection: Connection) -> int:
    """Give back the rows that this process has taken and that it is not done with: others may take them at once. How many.

    A row that was taken by somebody else since has another token, or another end of its lease, and is left alone.
    """
    wanted: dict[tuple[Table, int], dict[Any, float]] = {}
    for taken in _TAKEN.pop(connection.engine, ()):
        for id_, token in taken.rows:
            wanted.setdefault((taken.table, token), {})[id_] = taken.until
    return sum(_freed(connection, table, token, rows) for (table, token), rows in wanted.items())


def _freed(connection: Connection, table: Table, token: int, rows: dict[Any, float]) -> int:
    """Give back those of these rows that are still as they were taken: most are long done."""
    given, ids = 0, list(rows)
    for start in range(0, len(ids), _AT_ONCE):
        which = (table.c.id.in_(ids[start : start + _AT_ONCE]), table.c.attempt == token, table.c.leased > 0.0)
        found = connection.execute(select(table.c.id, table.c.leased).where(*which))
        mine = [id_ for id_, leased in found if leased == rows[id_]]
        free = update(table).where(table.c.id.in_(mine), table.c.attempt == token).values(leased=0.0)
        given += connection.execute(free).rowcount if mine else 0
    return given


def is_free(table: Table, now: float, lease: float) -> ColumnElement[bool]:
    """Whether nobody is at a row. A lease that ends later than any that is given now was given before the clock was put back."""
    return or_(table.c.leased <= now, table.c.leased > now + 2 * lease)


def held(table: Table, row: dict[str, Any]) -> ColumnElement[bool]:
    """Whether a row is still the one that was taken: nobody has taken it since."""
    return and_(table.c.id == row["id"], table.c.attempt == row["attempt"])
