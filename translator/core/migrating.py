"""The migration of an account as the core uses it: the present stage, and the homes that reads ask."""

from translator.core.accounts import Account
from translator.core.effects import EffectGenerator, MigrationState
from translator.core.migration import MigrationStage, reads


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
