"""The guard of a canary. It may only stop: it sets the share to 0, and a person has to release it."""

import msgspec

from translator.core.migration.rules import Guard


class Counts(msgspec.Struct, frozen=True):
    """The outcomes of the sends at one provider in a window: accepted, refused or not possible, and unknown at first."""

    sent: int = 0
    refused: int = 0
    unknown: int = 0

    @property
    def all(self) -> int:
        """The number of sends."""
        return self.sent + self.refused + self.unknown

    def share(self, name: str) -> float:
        """Return the share of one outcome, from 0 to 1."""
        return getattr(self, name) / self.all if self.all else 0.0


def stopped_by(guard: Guard, counts: Counts) -> str:
    """Return the outcome whose share is too large: `refused` or `unknown`. Empty if the canary may go on."""
    if counts.all < max(guard.least, 1):
        return ""
    for name, most in (("unknown", guard.unknown), ("refused", guard.refused)):
        if counts.share(name) > most:
            return name
    return ""
