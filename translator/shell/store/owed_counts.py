"""The number of unfinished callbacks of an account, counted by index and only up to a bound."""

from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from translator.shell.store.any_of import by_index
from translator.shell.store.schema import events, sends, waiting, watches


def owed_to(connection: Connection, entry: str, most: int) -> int:
    """Return the number of an account's waiting subscriptions and next deliveries, `most` at the most.
    A subscription waits until the final status of its message is known. Each message has at most one next delivery."""
    by_index(connection)
    waits = _counted(connection, [waiting, watches.c.entry == entry], most)
    return waits + _counted(connection, [events.c.due_at.is_not(None), events.c.entry == entry], most - waits)


def _counted(connection: Connection, conditions: Any, most: int) -> int:
    some = select(literal_column("1")).where(*conditions).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def is_known(connection: Connection, entry: str, key: str) -> bool:
    """Return True if an account has used this idempotency key for a send."""
    used = select(sends.c.id).where(sends.c.entry == entry, sends.c.key == key)
    return connection.execute(used).first() is not None
