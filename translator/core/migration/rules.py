"""The rules of one account's migration, as a person has set them in the configuration. They do not change by themselves."""

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

Stage: TypeAlias = Literal["old", "render", "canary", "new", "done"]
"""A stage of a migration. Each is one step after the one before it."""

Home: TypeAlias = Literal["old", "new"]
"""One of the two providers of a migrating account: the one that it leaves, or the one that it goes to."""

History: TypeAlias = Literal["kept", "copied", "none"]
Partial: TypeAlias = Literal["fail", "show"]

STAGES: Final[tuple[Stage, ...]] = ("old", "render", "canary", "new", "done")
"""The stages, in their order."""

HOMES: Final[tuple[Home, ...]] = ("old", "new")


class Guard(msgspec.Struct, frozen=True):
    """When the guard stops a canary. It looks at the sends at the new provider in the last `window` seconds, if there are `least` of them.

    It stops if more than the share `refused` was refused, or if the outcome of more than the share `unknown` was unknown. Both shares
    are numbers from 0 to 1.
    """

    window: float = 900.0
    least: int = 50
    refused: float = 0.05
    unknown: float = 0.02


class MigrationRules(msgspec.Struct, frozen=True):
    """The rules of a migration. All instants are in seconds since the epoch.

    stage: The stage where the migration begins. The store holds the present one.
    percent: The share of the recipients that a canary begins with, from 0 to 100, in steps of a hundredth.
    salt: The key of the share. Empty: it follows from the account and its two providers.
    allow: Recipients that the new provider always gets in a canary: whole numbers, or their first digits.
    deny: The same for the old provider. The longer entry of the two lists counts.
    pins: The home of each pinned sender.
    numbers: The instant from which the new provider has an own number.
    cut_over: The instant at which the stage becomes `new`, or None.
    history: The old messages: the old provider keeps them, the new one has a copy, or they are given up.
    partial: The result of a list while one provider fails: a fault, or the rows of the other.
    guard: When the guard stops a canary, or None for never.
    """

    stage: Stage = "old"
    percent: float = 0.0
    salt: str = ""
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    pins: Mapping[str, Home] = msgspec.field(default_factory=dict)
    numbers: Mapping[str, float] = msgspec.field(default_factory=dict)
    cut_over: float | None = None
    history: History = "kept"
    partial: Partial = "fail"
    guard: Guard | None = None

    def __hash__(self) -> int:
        return hash((self.stage, self.percent, self.salt, self.allow, self.deny, self.cut_over))
