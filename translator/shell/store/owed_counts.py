"""The number of unfinished callbacks of an account, counted by index and only up to a bound."""

from typing import Any

from sqlalchemy import Connection, exists, func, literal_column, select

from translator.shell.store.any_of import by_index
from translator.shell.store.schema import deliveries, sends, subscriptions, unsent, waiting
from translator.shell.store.states import SendState


def owed_to(connection: Connection, entry: str, most: int) -> int:
    """Return the number of an account's open subscriptions and next deliveries, `most` at the most.
    A subscription is open from the intent of its send until the final status of its message is known, or the send is unresolved.
    Each message has at most one next delivery."""
    by_index(connection)
    is_unresolved = exists().where(sends.c.id == subscriptions.c.send_id, sends.c.state == SendState.UNRESOLVED)
    found = 0
    for conditions in (
        (waiting, subscriptions.c.account == entry),
        (unsent, subscriptions.c.account == entry, ~is_unresolved),
        (deliveries.c.due_at.is_not(None), deliveries.c.account == entry),
    ):
        found += _counted(connection, conditions, most - found)
    return found


def _counted(connection: Connection, conditions: Any, most: int) -> int:
    some = select(literal_column("1")).where(*conditions).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def is_known(connection: Connection, entry: str, key: str) -> bool:
    """Return True if an account has used this idempotency key for a send."""
    used = select(sends.c.id).where(sends.c.account == entry, sends.c.idempotency_key == key)
    return connection.execute(used).first() is not None
