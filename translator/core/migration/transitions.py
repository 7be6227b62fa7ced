"""The changes of a stage. Each returns the next generation, or raises NotAllowed. A person makes each of them,
but for two: the guard only stops, and the cut-over happens on a date that a person has set.
"""

import math

import msgspec

from translator.core.errors import TranslatorError
from translator.core.migration.rules import STAGES, MigrationRules, Stage
from translator.core.migration.stage import MigrationStage, is_crossing

_HUNDREDTHS = 100


class NotAllowed(TranslatorError):
    """The present stage does not allow this change. The message says why, and what to do."""


class Change(msgspec.Struct, frozen=True):
    """The circumstances of a change: the person or part that makes it, why, and the instant of the store's clock."""

    by: str
    reason: str
    now: float


def advanced(state: MigrationStage, change: Change) -> MigrationStage:
    """Return the next stage. Raises NotAllowed after the last one, and while the guard has stopped the canary."""
    if state.is_latched:
        raise NotAllowed("the guard has stopped the canary: release-guard, or rollback")
    if state.stage == STAGES[-1]:
        raise NotAllowed("the migration is done")
    return _moved(state, STAGES[STAGES.index(state.stage) + 1], change, percent=state.percent, is_held=False)


def rolled_back(state: MigrationStage, change: Change) -> MigrationStage:
    """Return the stage `old` with a share of 0. It is allowed in each stage. The guard stays latched."""
    return _moved(state, "old", change, percent=0.0, is_held=True)


def with_percent(state: MigrationStage, percent: float, change: Change) -> MigrationStage:
    """Return the canary with another share. Raises NotAllowed in other stages, for what is no share, and while the guard is latched."""
    if not 0 <= percent <= 100 or not math.isclose(percent * _HUNDREDTHS, round(percent * _HUNDREDTHS)):
        raise NotAllowed("a share is from 0 to 100 percent, with two decimals at most")
    if state.stage != "canary":
        raise NotAllowed(f"the share counts in the stage canary only, and the stage is {state.stage}")
    if state.is_latched and percent:
        raise NotAllowed("the guard has stopped the canary: release-guard first")
    return _next(state, change, percent=round(percent, 2), decided=change.now)


def released(state: MigrationStage, change: Change) -> MigrationStage:
    """Return the stage without the latch of the guard. The share stays 0. Raises NotAllowed if it is not latched."""
    if not state.is_latched:
        raise NotAllowed("the guard has stopped nothing")
    return _next(state, change, is_latched=False, decided=change.now)


def stopped(state: MigrationStage, change: Change) -> MigrationStage | None:
    """Return the canary as the guard stops it: with a share of 0, and latched. None if there is nothing to stop."""
    if state.is_latched or state.stage != "canary":
        return None
    return _next(state, change, percent=0.0, is_latched=True)


def at_cut_over(rules: MigrationRules, state: MigrationStage, now: float) -> MigrationStage:
    """Return the stage with the cut-over, if its date has passed and no person has decided otherwise since. `now` is the store's time.

    It has no effect while the guard is latched, nor after a rollback until a person advances.
    """
    date = rules.cut_over
    if date is None or now < date or state.decided >= date or state.is_latched or state.is_held or not state.is_known:
        return state
    if state.stage not in ("old", "render", "canary"):
        return state
    reason = "the date of the cut-over in the configuration has passed"
    return msgspec.structs.replace(
        _next(state, Change("cut_over", reason, date)), stage="new", since=date, is_crossed=True
    )


def _moved(state: MigrationStage, to: Stage, change: Change, *, percent: float, is_held: bool) -> MigrationStage:
    return _next(
        state, change, stage=to, percent=percent, since=change.now if to != state.stage else state.since,
        decided=change.now, is_held=is_held, is_crossed=state.is_crossed or is_crossing(to),
    )  # fmt: skip


def _next(state: MigrationStage, change: Change, **changed: object) -> MigrationStage:
    return msgspec.structs.replace(
        state, generation=state.generation + 1, by=change.by, reason=change.reason, **changed
    )
