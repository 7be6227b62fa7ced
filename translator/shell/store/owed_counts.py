"""How many callbacks an account is owed, counted by index and no further than somebody wants to know."""

from typing import Any

from sqlalchemy import Connection, func, literal_column, select

from translator.shell.store.any_of import by_index
from translator.shell.store.schema import events, sends, waiting, watches


def owed_to(connection: Connection, entry: str, most: int) -> int:
    """The messages of an account whose end somebody waits to be told, and the calls to be made that are the next ones of their message:
    together `most` of them at most."""
    by_index(connection)
    waits = _counted(connection, [waiting, watches.c.entry == entry], most)
    return waits + _counted(connection, [events.c.due_at.is_not(None), events.c.entry == entry], most - waits)


def _counted(connection: Connection, conditions: Any, most: int) -> int:
    some = select(literal_column("1")).where(*conditions).limit(most).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def is_known(connection: Connection, entry: str, key: str) -> bool:
    """Whether an account has used a key of its own for a send."""
    used = select(sends.c.id).where(sends.c.entry == entry, sends.c.key == key)
    return connection.execute(used).first() is not None
