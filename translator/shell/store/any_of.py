"""Statements that select rows by many values of a column. The text of a statement is the same for any number of values.

A list that is written out has one parameter for each value. SQLAlchemy takes longer to write those than a database to find the rows.
"""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, text

_LISTED: Final = "IN (SELECT value FROM json_each(:values))"
_ARRAY: Final = "= ANY(:values)"


def by_index(connection: Connection) -> None:
    """Have PostgreSQL prefer an index for the rest of this transaction. It then reads a whole table only if no index serves.
    Before ANALYZE has seen a table, the planner guesses. It then takes a full read of a million rows for as cheap as an index."""
    if connection.dialect.name == "postgresql":
        connection.execute(_BY_INDEX)


_BY_INDEX: Final = text("SET LOCAL enable_seqscan = off")


class Among:
    """A statement with `{}` in the place of the values: `SELECT id FROM sends WHERE id {}`.
    `behind` is appended on PostgreSQL."""

    def __init__(self, statement: str, behind: str = "") -> None:
        self._sqlite = statement.format(_LISTED)
        self._postgres = text(f"{statement.format(_ARRAY)} {behind}")

    def rows(self, connection: Connection, values: Collection[Any], **more: Any) -> list[tuple[Any, ...]]:
        """Return the selected rows. Without values, run no statement. `more` holds its other parameters."""
        if not values:
            return []
        if connection.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            found: list[tuple[Any, ...]] = driver.execute(self._sqlite, {"values": _written(values), **more}).fetchall()
            return found
        return [tuple(row) for row in connection.execute(self._postgres, {"values": list(values), **more})]

    def change(self, connection: Connection, values: Collection[Any], **more: Any) -> int:
        """Run the statement and return the number of changed rows. `more` holds its other parameters."""
        if not values:
            return 0
        if connection.dialect.name == "sqlite":
            driver: Any = connection.connection.driver_connection
            return int(driver.execute(self._sqlite, {"values": _written(values), **more}).rowcount)
        return connection.execute(self._postgres, {"values": list(values), **more}).rowcount


def _written(values: Collection[Any]) -> str:
    return msgspec.json.encode(list(values)).decode()
