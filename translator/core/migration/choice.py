"""The choice of a provider for one send. The first rule that has an answer decides.

pin      a pinned sender
number   an own number: the provider that has it on that date
deny     a recipient that always goes to the old provider
allow    a recipient that always goes to the new one
share    the share of the recipients that go to the new one
stage    the provider of the stage

The journal comes before all of these: it knows an idempotency key, and an equal unknown send, before any provider is asked.
"""

from hashlib import sha256
from hmac import digest
from typing import Final, Literal, NamedTuple, TypeAlias

from translator.core.migration.rules import Home, MigrationRules
from translator.core.migration.stage import MigrationStage

Reason: TypeAlias = Literal["pin", "number", "deny", "allow", "share", "stage"]

_PARTS: Final = 10_000
_HUNDREDTHS: Final = 100


class Choice(NamedTuple):
    """The home of one send, and the rule that decided."""

    home: Home
    reason: Reason


def choose(rules: MigrationRules, state: MigrationStage, sender: str, recipient: str, now: float) -> Choice:
    """Choose the provider for a send. `sender` is empty if the providers' own default is used. `now` is the time of this process."""
    if state.stage == "done":
        return Choice("new", "stage")
    is_open = state.stage in ("canary", "new")
    pinned = rules.pins.get(sender)
    if pinned == "old" or (pinned == "new" and is_open):
        return Choice(pinned, "pin")
    ported = rules.numbers.get(sender)
    if ported is not None:
        return Choice("new" if ported <= now + state.ahead else "old", "number")
    if state.stage == "canary":
        return _in_canary(rules, state, recipient)
    return Choice("new" if state.stage == "new" else "old", "stage")


def _in_canary(rules: MigrationRules, state: MigrationStage, recipient: str) -> Choice:
    denied, allowed = _longest(rules.deny, recipient), _longest(rules.allow, recipient)
    if denied or allowed:
        return Choice("old", "deny") if denied >= allowed else Choice("new", "allow")
    if is_in_share(state.salt, recipient, state.percent):
        return Choice("new", "share")
    return Choice("old", "share" if state.percent else "stage")


def is_in_share(salt: str, recipient: str, percent: float) -> bool:
    """True if a recipient belongs to the share. A larger share has all recipients of a smaller one, on each replica.

    `recipient` is in E.164, or a short code. `percent` is from 0 to 100, in steps of a hundredth.
    """
    drawn = int.from_bytes(digest(salt.encode(), recipient.encode(), sha256), "big") % _PARTS
    return drawn < round(percent * _HUNDREDTHS)


def _longest(entries: tuple[str, ...], recipient: str) -> int:
    """Return the length of the longest entry that a recipient begins with, or 0."""
    return max((len(entry) for entry in entries if recipient.startswith(entry)), default=0)
