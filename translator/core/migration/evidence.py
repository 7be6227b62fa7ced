"""The next step of a migration, and the evidence for it that is missing."""

from collections.abc import Iterator
from typing import Final

import msgspec

from translator.core.migration.guard import Counts
from translator.core.migration.rules import Guard, MigrationRules
from translator.core.migration.stage import MigrationStage

_SHARES: Final = (1, 5, 25, 50, 100)
"""The shares, in percent, that a canary goes through."""


class Facts(msgspec.Struct, frozen=True):
    """The facts of a migration that the store has.

    new: The outcomes at the new provider in the window of the guard, since a person last changed the stage or the share.
    open_at_old: The sends at the old provider whose outcome is open.
    owed_at_old: The messages of the old provider whose callbacks are not finished.
    behind: The replicas that have not taken the present generation yet.
    checked: The sends and lists that were checked for the new provider in the stage `render`.
    refused: The sends among them that the new provider would have refused, counted once for each cause.
    """

    new: Counts = Counts()
    open_at_old: int = 0
    owed_at_old: int = 0
    behind: tuple[str, ...] = ()
    checked: int = 0
    refused: int = 0


def next_step(state: MigrationStage) -> tuple[str, ...]:
    """Return the words of the command that makes the next step. Empty after the last one."""
    if state.is_latched:
        return ("release-guard",)
    if state.stage == "done":
        return ()
    if state.stage == "canary" and state.percent < _SHARES[-1]:
        return ("set", "--percent", str(next(share for share in _SHARES if share > state.percent)))
    return ("advance",)


def missing(rules: MigrationRules, state: MigrationStage, facts: Facts, now: float) -> list[str]:
    """Return a sentence for each piece of evidence that the next step wants and that is not there. `now` is the store's time."""
    found = [f"replicas that act on an older generation: {', '.join(facts.behind)}"] if facts.behind else []
    if state.is_latched:
        found.append("the guard has stopped the canary, and the cause is for a person to find")
    elif state.stage == "render":
        found += _of_render(facts)
    elif state.stage == "canary" and (state.percent or facts.new.all):
        found += _of_canary(rules.guard or Guard(), facts.new)
    elif state.stage == "new":
        found += _of_old(rules, facts, now)
    return found


def _of_render(facts: Facts) -> Iterator[str]:
    if not facts.checked:
        yield "no send and no list was checked for the new provider yet"
    elif facts.refused:
        yield f"the new provider would have refused sends for {facts.refused} causes: see the findings"


def _of_canary(guard: Guard, new: Counts) -> Iterator[str]:
    if new.all < guard.least:
        yield f"the new provider got {new.all} sends in the last {guard.window:g} s since the last change; {guard.least} are wanted"
        return
    for name, most in (("refused", guard.refused), ("unknown", guard.unknown)):
        if new.share(name) > most:
            yield f"of {new.all} sends at the new provider {new.share(name):.1%} were {name}; at most {most:.1%} are wanted"


def _of_old(rules: MigrationRules, facts: Facts, now: float) -> Iterator[str]:
    if facts.open_at_old:
        yield f"the outcome of {facts.open_at_old} sends at the old provider is open"
    if facts.owed_at_old:
        yield f"the callbacks of {facts.owed_at_old} messages of the old provider are not finished"
    late = sum(begun > now for begun in rules.numbers.values())
    if late:
        yield f"{late} own numbers are still at the old provider"
    held = sum(home == "old" for home in rules.pins.values())
    if held:
        yield f"{held} senders are pinned to the old provider"
