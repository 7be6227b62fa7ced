"""The tables of migrations between providers. A migration is known by its account and by the two provider accounts."""

from typing import Final

from sqlalchemy import BigInteger, Column, Float, Integer, String, Table, Text

from translator.shell.store.schema import METADATA


def _pair() -> tuple[Column[str], ...]:
    """Return the columns that name a migration: the account, and its two provider accounts."""
    return tuple(Column(name, Text, primary_key=True) for name in ("account", "old", "new"))


stages: Final = Table(
    "stages",
    METADATA,
    *_pair(),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    Column("action", String(16), nullable=False),
    Column("stage", String(8), nullable=False),
    Column("percent", Float, nullable=False),
    Column("salt", Text, nullable=False),
    Column("latched", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("crossed", Integer, nullable=False),
    Column("since", Float, nullable=False),
    Column("decided", Float, nullable=False),
    Column("made", Float, nullable=False),
    Column("author", Text, nullable=False),
    Column("reason", Text, nullable=False),
)
"""One row for each change of a stage. A row is never changed. The row of the highest generation is the present stage.
So the primary key decides between two changes at the same time.
`action`: the command or the part that made the change: begin, set, advance, rollback, release-guard, cut-over or guard.
`made`: the time of the change.
The other columns are the attributes of `translator.core.migration.MigrationStage`."""

outcome_counts: Final = Table(
    "outcome_counts",
    METADATA,
    *_pair(),
    Column("home", String(3), primary_key=True),
    Column("bucket", BigInteger, primary_key=True, autoincrement=False),
    Column("sent", Integer, nullable=False, default=0),
    Column("refused", Integer, nullable=False, default=0),
    Column("unknown", Integer, nullable=False, default=0),
)
"""The outcomes of the sends of migrating accounts, by home and time.
`bucket`: the first second of the time that a row counts."""

stage_readers: Final = Table(
    "stage_readers",
    METADATA,
    *_pair(),
    Column("replica", String(32), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("seen", Float, nullable=False),
)
"""The generation that each replica acts on. `seen`: the time at which the replica last said so."""

render_findings: Final = Table(
    "render_findings",
    METADATA,
    *_pair(),
    Column("kind", String(8), primary_key=True),
    Column("row", Text, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("first", Float, nullable=False),
    Column("last", Float, nullable=False),
)
"""The findings of the stage `render`. `row`: the id of the mapping row. `number`: the requests that it was found for.
`first`, `last`: the time of the first and of the last of them."""

TABLES: Final = (stages, outcome_counts, stage_readers, render_findings)
