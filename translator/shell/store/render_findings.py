"""The findings of rendering, counted by mapping row: what the new provider would have done with the requests of the stage."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from translator.shell.store.stage_tables import render_findings
from translator.shell.store.stages import Pair

CHECKED: Final = "checked"
"""The kind of the rows that count the checked requests. Their `row` is `send` or `list`."""


class Found(NamedTuple):
    """One finding of a migration. `kind` is a kind of `translator.core.rendering`, or CHECKED. `row` is the id of a mapping row."""

    pair: Pair
    kind: str
    row: str


class Line(NamedTuple):
    """A finding with its count, and the times of the first and the last request that caused it."""

    kind: str
    row: str
    number: int
    first: float
    last: float


def add(connection: Connection, counts: Mapping[Found, int], now: float) -> None:
    """Add to the counts. `now` is the time of the last request."""
    for found, number in counts.items():
        if _added(connection, found, number, now):
            continue
        try:
            with connection.begin_nested():
                values = {**_key(found), "number": number, "first": now, "last": now}
                connection.execute(insert(render_findings).values(**values))
        except IntegrityError:  # another replica was first
            _added(connection, found, number, now)


def _added(connection: Connection, found: Found, number: int, now: float) -> bool:
    where = [render_findings.c[name] == value for name, value in _key(found).items()]
    more = {"number": render_findings.c.number + number, "last": now}
    return bool(connection.execute(update(render_findings).where(*where).values(**more)).rowcount)


def _key(found: Found) -> dict[str, Any]:
    return {**found.pair._asdict(), "kind": found.kind, "row": found.row}


def of(connection: Connection, pair: Pair) -> list[Line]:
    """Return the findings of a migration, the most frequent first."""
    where = [render_findings.c[name] == value for name, value in pair._asdict().items()]
    columns = [render_findings.c[name] for name in Line._fields]
    rows = connection.execute(
        select(*columns).where(*where).order_by(render_findings.c.number.desc(), render_findings.c.row)
    )
    return [Line(*row) for row in rows]
