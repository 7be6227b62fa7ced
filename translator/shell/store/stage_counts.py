"""The counts of a migration: the outcomes of its sends by home, and the generation that each replica acts on."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from translator.core.migration import Counts, Home
from translator.shell.store.stage_tables import outcome_counts, stage_readers
from translator.shell.store.stages import Pair

BUCKET: Final = 15
"""Seconds that one row of the counts stands for."""

KEPT: Final = 90_000.0
"""Seconds for which counts are kept: a day, which is the longest window of a guard, and an hour."""

ALIVE: Final = 60.0
"""Seconds for which a replica counts as alive after it said which generation it acts on."""

Outcome: TypeAlias = Literal["sent", "refused", "unknown"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("sent", "refused", "unknown")


class Counted(NamedTuple):
    """The sends that a row counts: those of one migration at one home, in the bucket that begins at that second."""

    pair: Pair
    home: Home
    bucket: int


def bucket_of(now: float) -> int:
    """Return the first second of the bucket that an instant belongs to."""
    return int(now) // BUCKET * BUCKET


def add(connection: Connection, counts: Mapping[Counted, Mapping[Outcome, int]]) -> None:
    """Add to the counts."""
    for counted, numbers in counts.items():
        row = {**counted.pair._asdict(), "home": counted.home, "bucket": counted.bucket}
        if _added(connection, row, numbers):
            continue
        try:
            with connection.begin_nested():
                connection.execute(
                    insert(outcome_counts).values(**row, **{name: numbers.get(name, 0) for name in OUTCOMES})
                )
        except IntegrityError:  # another replica was first
            _added(connection, row, numbers)


def _added(connection: Connection, row: Mapping[str, Any], numbers: Mapping[Outcome, int]) -> bool:
    where = [outcome_counts.c[name] == value for name, value in row.items()]
    more = {name: outcome_counts.c[name] + number for name, number in numbers.items()}
    return bool(connection.execute(update(outcome_counts).where(*where).values(**more)).rowcount)


def since(connection: Connection, pair: Pair, home: Home, instant: float) -> Counts:
    """Return the outcomes of a migration's sends at one home. Only buckets that begin at the instant or later count."""
    columns = [func.coalesce(func.sum(outcome_counts.c[name]), 0) for name in OUTCOMES]
    where = [outcome_counts.c[name] == value for name, value in pair._asdict().items()]
    query = select(*columns).where(*where, outcome_counts.c.home == home, outcome_counts.c.bucket >= instant)
    return Counts(*(int(number) for number in connection.execute(query).one()))


def say_generations(connection: Connection, replica: str, generations: Mapping[Pair, int], now: float) -> None:
    """Record the generations that a replica acts on, and delete what is too old."""
    connection.execute(delete(stage_readers).where(stage_readers.c.replica == replica))
    rows = [
        {**pair._asdict(), "replica": replica, "generation": number, "seen": now}
        for pair, number in generations.items()
    ]
    if rows:
        connection.execute(insert(stage_readers), rows)
    connection.execute(delete(stage_readers).where(stage_readers.c.seen < now - ALIVE))
    connection.execute(delete(outcome_counts).where(outcome_counts.c.bucket < now - KEPT))


def leave(connection: Connection, replica: str) -> None:
    """Delete the rows of a replica that ends."""
    connection.execute(delete(stage_readers).where(stage_readers.c.replica == replica))


def behind(connection: Connection, pair: Pair, generation: int, now: float) -> tuple[str, ...]:
    """Return the living replicas that act on an older generation, in order."""
    where = [stage_readers.c[name] == value for name, value in pair._asdict().items()]
    late: Iterable[Any] = connection.execute(
        select(stage_readers.c.replica).where(
            *where, stage_readers.c.generation < generation, stage_readers.c.seen >= now - ALIVE
        )
    )
    return tuple(sorted(row[0] for row in late))
