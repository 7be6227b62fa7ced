"""Leases: a worker leases due rows, so that no other worker takes them. A fencing token tells its lease from an earlier one.

A process remembers its rows until their leases end. At its own end it gives the unfinished ones back.
"""

import time
from collections import deque
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Engine, Select, Table, Update, and_, or_, select, update

from translator.shell.store.rows import SendRow
from translator.shell.store.schema import sends

_AT_ONCE: Final = 500
"""Rows that one statement gives back."""


class Leased(NamedTuple):
    """Rows that were leased together.
    `until`: the end of the lease by the clock of the worker.
    `kept`: the end of the lease by the monotonic clock, because the clocks of workers differ.
    `rows`: the id and the fencing token of each row."""

    table: Table
    until: float
    kept: float
    rows: list[tuple[Any, int]]


_LEASED: Final[WeakKeyDictionary[Engine, deque[Leased]]] = WeakKeyDictionary()
"""Rows that this process has leased and whose leases may still last, by the engine of the store."""


def lease_sends(connection: Connection, due: ColumnElement[bool], most: int, now: float, lease: float) -> list[SendRow]:
    """Lease up to `most` due and free sends for `lease` seconds, the longest-due first, and return them.
    Rows that other transactions have locked are skipped."""
    wanted = select(sends.c.id).where(due).order_by(sends.c.next_check_at).limit(most)
    rows = [SendRow._make(row) for row in connection.execute(leasing(sends, wanted, now, lease).returning(*sends.c))]
    remember(connection, sends, [(row.id, row.fencing_token) for row in rows], now, lease)
    return rows


def leasing(table: Table, wanted: Select[Any], now: float, lease: float) -> Update:
    """Return the statement that leases those of the wanted rows that are free and not locked. `wanted` selects ids."""
    free = wanted.where(is_free(table, now, lease)).with_for_update(skip_locked=True).cte("free")
    taken = update(table).where(table.c.id.in_(select(free.c.id)))
    return taken.values(leased_until=now + lease, fencing_token=table.c.fencing_token + 1)


def remember(connection: Connection, table: Table, rows: list[tuple[Any, int]], now: float, lease: float) -> None:
    """Remember leased rows with their fencing tokens. They are given back at the end of the process if their leases last until then."""
    held_ = _LEASED.setdefault(connection.engine, deque())
    at = time.monotonic()
    while held_ and held_[0].kept <= at:
        held_.popleft()
    if rows:
        held_.append(Leased(table, now + lease, at + lease, rows))


def release(connection: Connection) -> int:
    """Give back the unfinished rows that this process has leased, so that others may take them at once. Return their number.

    A row that another worker has leased since has another token or another end of its lease, and stays as it is.
    """
    wanted: dict[tuple[Table, int], dict[Any, float]] = {}
    for taken in _LEASED.pop(connection.engine, ()):
        for id_, token in taken.rows:
            wanted.setdefault((taken.table, token), {})[id_] = taken.until
    return sum(_freed(connection, table, token, rows) for (table, token), rows in wanted.items())


def _freed(connection: Connection, table: Table, token: int, rows: dict[Any, float]) -> int:
    """Give back those of these rows that are still as they were leased. Most have long been finished."""
    given, ids = 0, list(rows)
    for start in range(0, len(ids), _AT_ONCE):
        which = (
            table.c.id.in_(ids[start : start + _AT_ONCE]),
            table.c.fencing_token == token,
            table.c.leased_until > 0.0,
        )
        found = connection.execute(select(table.c.id, table.c.leased_until).where(*which))
        mine = [id_ for id_, leased in found if leased == rows[id_]]
        free = update(table).where(table.c.id.in_(mine), table.c.fencing_token == token).values(leased_until=0.0)
        given += connection.execute(free).rowcount if mine else 0
    return given


def is_free(table: Table, now: float, lease: float) -> ColumnElement[bool]:
    """Return the condition that no lease holds a row. A lease that ends later than any new one was given before the clock was set back."""
    return or_(table.c.leased_until <= now, table.c.leased_until > now + 2 * lease)


def still_leased(row: SendRow) -> ColumnElement[bool]:
    """Return the condition that a send still has the same lease."""
    return and_(sends.c.id == row.id, sends.c.fencing_token == row.fencing_token)
