"""Taking rows that are due, so that no two take the same: a lease, and a number that tells the one who holds it from one who did."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, or_, select, update


def claim(
    connection: Connection, table: Table, due: ColumnElement[bool], order: ColumnElement[Any], most: int, now: float, lease: float
) -> list[dict[str, Any]]:  # fmt: skip
    """Up to `most` rows that are due and that nobody is at, now leased to the caller for `lease` seconds.

    Where others are at the same rows, theirs are skipped and not waited for. `attempt` of a row is the caller's token.
    """
    free = (
        select(table.c.id)
        .where(due, is_free(table, now, lease))
        .order_by(order)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("free")
    )
    taken = (
        update(table)
        .where(table.c.id.in_(select(free.c.id)))
        .values(leased=now + lease, attempt=table.c.attempt + 1)
        .returning(*table.c)
    )
    return [dict(row) for row in connection.execute(taken).mappings()]


def is_free(table: Table, now: float, lease: float) -> ColumnElement[bool]:
    """Whether nobody is at a row. A lease that ends later than any that is given now was given before the clock was put back."""
    return or_(table.c.leased <= now, table.c.leased > now + 2 * lease)


def held(table: Table, row: dict[str, Any]) -> ColumnElement[bool]:
    """Whether a row is still the one that was taken: nobody has taken it since."""
    return and_(table.c.id == row["id"], table.c.attempt == row["attempt"])
