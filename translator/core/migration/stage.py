"""The present stage of a migration, and what reads do in it.

stage     sends go to                                        reads ask
old       old                                                old
render    old                                                old
canary    pins and lists, then the share: new; the rest: old both
new       new, but for senders pinned to old                 both; new if it has a copy of the history
done      new                                                both if the history is kept; else new

An own number is sent from where it is on that date, in each stage but `done`. Once a message may be at the new provider, reads in the
stages `old` and `render` ask both. So a rollback hides no message.
"""

from typing import Final, Literal, TypeAlias

import msgspec

from translator.core.migration.rules import MigrationRules, Stage

ReadMode: TypeAlias = Literal["old", "new", "merged"]
"""The providers that reads ask: one of them, or both as if they were one."""


class MigrationStage(msgspec.Struct, frozen=True):
    """The present stage of an account's migration. It changes by one generation at a time. All instants are of the store's clock.

    generation: The number of changes so far. 0: the store has none yet. -1: the store could not be read yet.
    percent: The share of the recipients that go to the new provider in a canary, from 0 to 100, in steps of a hundredth.
    salt: The key of the share. It stays the same for the whole migration.
    is_latched: The guard has stopped the canary. Only a person releases it.
    is_held: A person has rolled back, so the date of the cut-over has no effect until a person advances.
    is_crossed: The stage has been `canary` or a later one, so the new provider may have messages.
    since: The instant at which this stage began.
    decided: The instant of the last change by a person. 0 if there was none.
    by, reason: The person who made the last change, and why.
    ahead: The seconds by which the store's clock is ahead of the clock of this process.
    """

    stage: Stage
    percent: float = 0.0
    salt: str = ""
    generation: int = 0
    is_latched: bool = False
    is_held: bool = False
    is_crossed: bool = False
    since: float = 0.0
    decided: float = 0.0
    by: str = ""
    reason: str = ""
    ahead: float = 0.0

    @property
    def is_known(self) -> bool:
        """False if the store could not be read yet."""
        return self.generation >= 0


UNREAD: Final = MigrationStage("canary", generation=-1)
"""The stage of a migration whose row could not be read yet. No send goes out, and reads ask both providers."""

_CROSSED: Final[tuple[Stage, ...]] = ("canary", "new", "done")


def begins(rules: MigrationRules, salt: str = "") -> MigrationStage:
    """Return the stage in which a migration begins. `salt` is used if the rules have none."""
    return MigrationStage(rules.stage, rules.percent, rules.salt or salt, is_crossed=is_crossing(rules.stage))


def is_crossing(stage: Stage) -> bool:
    """True if sends may go to the new provider in a stage without an own number there."""
    return stage in _CROSSED


def reads(rules: MigrationRules, state: MigrationStage, now: float) -> ReadMode:
    """Return the providers that a get or a list has to ask. `now` is the time of this process."""
    if not state.is_known:
        return "merged"
    if state.stage == "done":
        return "merged" if rules.history == "kept" else "new"
    if state.stage == "new":
        return "new" if rules.history == "copied" else "merged"
    if state.stage == "canary" or state.is_crossed:
        return "merged"
    here = now + state.ahead
    return "merged" if any(begun <= here for begun in rules.numbers.values()) else "old"
