"""The migration of an account as the core uses it: the present stage, the homes that reads ask, and what is rendered."""

import msgspec

from translator.core.accounts import Account
from translator.core.effects import EffectGenerator, MigrationState, Render
from translator.core.migration import MigrationStage, reads
from translator.core.model import Draft, Query


def present_stage(entry: Account) -> EffectGenerator:
    """Return the present MigrationStage of an account with two providers."""
    stage: MigrationStage = yield MigrationState(entry.name, entry.migration)
    return stage


def homes_read(entry: Account, stage: MigrationStage, now: float) -> tuple[Account, ...]:
    """Return the homes that a get or a list has to ask, the new one first. `now` is the time of this process."""
    mode = reads(entry.migration, stage, now)
    return (
        entry.homes if mode == "merged" else tuple([home for home in entry.homes if (home is entry) == (mode == "new")])
    )


def rendered(entry: Account, asked: Draft | Query, rows: int = 0) -> EffectGenerator:
    """Have a send or a list checked for the new provider, if the stage is `render`. `rows` is the least number of rows of the list."""
    stage: MigrationStage = yield from present_stage(entry)
    if stage.stage == "render":
        yield Render(entry.name, msgspec.structs.replace(asked), rows)
