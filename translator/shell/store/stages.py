"""The present stage of each migration, and its history. A stage changes only from the generation that the author of the change saw."""

from collections.abc import Callable, Collection
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, text
from sqlalchemy.exc import IntegrityError

from translator.core.errors import TranslatorError
from translator.core.migration import MigrationRules, MigrationStage, at_cut_over, begins
from translator.shell.store.stage_tables import stages

BY_CONFIGURATION: Final = "configuration"
_NAMES: Final = {"is_latched": "latched", "is_held": "held", "is_crossed": "crossed", "by": "author"}
_PLAIN: Final = ("generation", "stage", "percent", "salt", "since", "decided", "reason")


class Pair(NamedTuple):
    """A migration: the account, and the names of its two provider accounts."""

    account: str
    old: str
    new: str

    @property
    def salt(self) -> str:
        """The key of the share, if the rules have none. Another pair of providers begins with other recipients."""
        return " ".join(self)


class Overtaken(TranslatorError):
    """The stage has changed since its reader saw it. Nothing was written. The message says which generation there is."""


class Present(NamedTuple):
    """The stages that a store has, and the time of its clock at the read."""

    stages: dict[Pair, MigrationStage]
    now: float


def store_time(connection: Connection, now: float) -> float:
    """Return the time of the store's clock: that of a database that replicas share, or else `now`."""
    if connection.dialect.name != "postgresql":
        return now
    return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def present(connection: Connection, pairs: Collection[Pair], now: float) -> Present:
    """Return the present stage of each of these migrations that has one. `now` is the time of this process."""
    last = select(stages.c.account, stages.c.old, stages.c.new, func.max(stages.c.generation).label("generation"))
    newest = last.where(stages.c.account.in_({pair.account for pair in pairs})).group_by(
        stages.c.account, stages.c.old, stages.c.new
    )
    found = newest.subquery()
    same = [found.c[name] == stages.c[name] for name in ("account", "old", "new", "generation")]
    rows = connection.execute(select(stages).join(found, and_(*same))).mappings()
    known = {Pair(row["account"], row["old"], row["new"]): _stage(row) for row in rows}
    return Present({pair: known[pair] for pair in pairs if pair in known}, store_time(connection, now))


def begin(connection: Connection, pair: Pair, rules: MigrationRules, now: float) -> bool:
    """Write the first stage of a migration, as the configuration has it. False if the store has one already."""
    first = begins(rules, pair.salt)
    when = store_time(connection, now)
    first = msgspec.structs.replace(
        first, generation=1, since=when, by=BY_CONFIGURATION, reason="the stage of the configuration"
    )
    return _written(connection, pair, first, "begin", when)


def change(
    connection: Connection, pair: Pair, rules: MigrationRules, seen: int, action: str,
    make: Callable[[MigrationStage, float], MigrationStage | None], now: float,
) -> MigrationStage | None:  # fmt: skip
    """Change a stage and return the new one. `make` gets the present stage and the time of the store, and returns the next stage, or
    None to leave it as it is. A cut-over whose date has passed is written first.

    seen: The generation that the author of the change saw. Raises Overtaken if it is not the present one, and what `make` raises.
    """
    there = present(connection, [pair], now)
    row = there.stages.get(pair) or msgspec.structs.replace(begins(rules, pair.salt), since=there.now)
    if row.generation != seen:
        raise Overtaken(f"the stage was changed meanwhile by {row.by}: its generation is {row.generation}, not {seen}")
    state = at_cut_over(rules, row, there.now)
    after = make(state, there.now)
    new = [(state, "cut-over")] if state is not row else []
    new += [(after, action)] if after is not None else []
    for stage, what in new:
        if not _written(connection, pair, stage, what, there.now):
            raise Overtaken("the stage was changed by another at the same time")
    return after


def _written(connection: Connection, pair: Pair, stage: MigrationStage, action: str, made: float) -> bool:
    row: dict[str, Any] = {name: getattr(stage, name) for name in _PLAIN}
    row |= {column: getattr(stage, name) for name, column in _NAMES.items()}
    row |= {name: int(row[name]) for name in ("latched", "held", "crossed")}
    try:
        with connection.begin_nested():
            connection.execute(insert(stages).values(**pair._asdict(), **row, action=action, made=made))
    except IntegrityError:
        return False
    return True


def _stage(row: Any) -> MigrationStage:
    values = {name: row[name] for name in _PLAIN} | {name: row[column] for name, column in _NAMES.items()}
    values |= {name: bool(values[name]) for name in ("is_latched", "is_held", "is_crossed")}
    return MigrationStage(**values)


def history(connection: Connection, account: str, most: int) -> list[dict[str, Any]]:
    """Return the last changes of an account's stages, the oldest first."""
    query = select(stages).where(stages.c.account == account)
    rows = connection.execute(query.order_by(stages.c.made.desc(), stages.c.generation.desc()).limit(most))
    return [dict(row) for row in rows.mappings()][::-1]
