"""The migrations: steps that bring an older store to the present version.

version 1 ─▶ … ─▶ 5, see `migrations_to_5` ─▶ 6 stages of the migrations between providers
─▶ 7 the names of tables, columns, indexes and states
"""

from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection, MetaData, insert, inspect, select, text, update

from translator.core.errors import ConfigError
from translator.shell.store.migration_7 import rename
from translator.shell.store.schema import METADATA, meta
from translator.shell.store.stage_tables import TABLES as STAGE_TABLES

VERSION: Final = 7

_LOCK: Final = 4267
"""The number of the lock that a replica holds while it migrates, because several may start at once."""


def _stages_of_migrations(connection: Connection) -> None:
    """Step 6: the tables of migrations between providers."""
    for table in STAGE_TABLES:
        table.create(connection, checkfirst=True)


STEPS: Final[tuple[Callable[[Connection], None], ...]] = (_stages_of_migrations, rename)
"""The first step makes version 6 of version 5, and so on."""

_OLDEST: Final = VERSION - len(STEPS)


def _steps(connection: Connection, version: int) -> Sequence[Callable[[Connection], None]]:
    """Return the steps from a version to the present one."""
    if version >= _OLDEST:
        return STEPS[version - _OLDEST :]
    from translator.shell.store import migrations_to_5, schema_5  # noqa: PLC0415 - its tables take memory, and few stores are that old

    _partial_on_postgresql(connection, schema_5.METADATA)
    return (*migrations_to_5.STEPS[version - 1 :], *STEPS)


def _partial_on_postgresql(connection: Connection, metadata: MetaData) -> None:
    """Give PostgreSQL the conditions of the partial indexes. The schema has them for SQLite only, see there."""
    if connection.dialect.name == "postgresql":
        for index in [index for table in metadata.tables.values() for index in table.indexes]:
            index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]


def migrate(connection: Connection, where: str, *, is_new: bool = True) -> None:
    """Bring a store to the present version. Raises ConfigError for one that a newer release has written.
    `is_new`: if False, also raise ConfigError for a missing or an older store, because an older `serve` may use it."""
    _partial_on_postgresql(connection, METADATA)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK})
    if not inspect(connection).has_table(meta.name):
        if not is_new:
            raise ConfigError(where, "is a database that holds no store yet; serve makes it")
        METADATA.create_all(connection)
        connection.execute(insert(meta).values(version=VERSION))
    version = connection.execute(select(meta.c.version)).scalar_one()
    if version > VERSION:
        raise ConfigError(where, f"was written by a newer release: its version is {version}, ours is {VERSION}")
    if version < VERSION and not is_new:
        raise ConfigError(
            where,
            f"was written by an older release: its version is {version}, ours is {VERSION}; serve brings it up to date",
        )
    for step in _steps(connection, version):
        step(connection)
    if version < VERSION:
        connection.execute(update(meta).values(version=VERSION))
