"""What is deleted, and when: a text is kept as long as somebody is still to be told of it, and no longer."""

from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Table, delete, exists, select

from translator.shell.store.calls import DEAD, DELIVERED
from translator.shell.store.schema import events, sends, unfinished, watches
from translator.shell.store.sends import KEYS, LOST, REFUSED, SENT

_MOST: Final = 500
"""Rows that one transaction deletes: nobody else is kept waiting."""


class Keep(NamedTuple):
    """Seconds that finished rows are kept: `dead` for calls that were given up and sends that were lost to sight, `done` for the rest."""

    dead: float
    done: float = KEYS


def retire(connection: Connection, keep: Keep, now: float) -> int:
    """Delete some of what is finished for long enough. How many rows; there may be more."""
    done, dead = now - keep.done, now - keep.dead
    delivered = (events.c.state == DELIVERED) & (events.c.finished < done)
    given_up = (events.c.state == DEAD) & (events.c.finished < dead)
    told = (watches.c.over < done) & ~exists().where(events.c.watch == watches.c.id)
    forsaken = watches.c.look_at < dead  # of an account that is no longer configured: nobody has looked since
    nobody = ~exists().where(watches.c.send == sends.c.id)
    settled = sends.c.state.in_((SENT, REFUSED)) & (sends.c.made < done) & (sends.c.settled < done) & nobody
    lost = unfinished & (sends.c.state == LOST) & (sends.c.settled < dead)
    orphaned = exists().where(sends.c.id == watches.c.send, lost)
    finished = (
        (events, delivered),
        (events, given_up),
        (watches, told),
        (watches, forsaken),
        (watches, orphaned),
        (sends, settled),
        (sends, lost),
    )
    return sum(_some(connection, table, which) for table, which in finished)


def _some(connection: Connection, table: Table, which: ColumnElement[Any]) -> int:
    return connection.execute(
        delete(table).where(table.c.id.in_(select(table.c.id).where(which).limit(_MOST)))
    ).rowcount  # fmt: skip
