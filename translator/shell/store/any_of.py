"""Statements about the rows whose column is one of many values, whose text is the same for any number of values.

A list that is written out is as many parameters, and SQLAlchemy takes longer to write them out than a database to find the rows.
"""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, text

_LISTED: Final = "IN (SELECT value FROM json_each(:values))"
_ARRAY: Final = "= ANY(:values)"


def by_index(connection: Connection) -> None:
    """For this transaction, PostgreSQL goes through a whole table only where there is no index at all. Before a table was looked at by
    ANALYZE it guesses, and guesses that a table of a million rows is as good as read whole."""
    if connection.dialect.name == "postgresql":
        connection.execute(_BY_INDEX)


_BY_INDEX: Final = text("SET LOCAL enable_seqscan = off")


class Among:
    """A statement that says `{}` where the values are: `SELECT id FROM sends WHERE id {}`. `behind` stands at the end on PostgreSQL."""

    def __init__(self, statement: str, behind: str = "") -> None:
        self._sqlite = statement.format(_LISTED)
        self._postgres = text(f"{statement.format(_ARRAY)} {behind}")

    def rows(self, connection: Connection, values: Collection[Any], **more: Any) -> list[tuple[Any, ...]]:
        """The rows that it returns. Without values none are looked for. `more` are its other parameters."""
        if not values:
            return []
        if connection.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            found: list[tuple[Any, ...]] = driver.execute(self._sqlite, {"values": _written(values), **more}).fetchall()
            return found
        return [tuple(row) for row in connection.execute(self._postgres, {"values": list(values), **more})]

    def change(self, connection: Connection, values: Collection[Any], **more: Any) -> int:
        """How many rows it changes. `more` are its other parameters."""
        if not values:
            return 0
        if connection.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            return int(driver.execute(self._sqlite, {"values": _written(values), **more}).rowcount)
        return connection.execute(self._postgres, {"values": list(values), **more}).rowcount


def _written(values: Collection[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()
