"""How much is done for receivers that are not known to answer: thousands of dead ones take a part of the process and no more."""

from typing import Final

UNPROVEN: Final = 8
"""How many destinations that have not answered yet, or that fail, are begun together; those that answer come first."""

PACE: Final = 0.025
"""Seconds between two such beginnings."""

FAILURES: Final = 100.0
"""Failed calls a second beyond which no such destination is begun. A call that arrives costs nothing of that."""


class CallbackBudget:
    """A bucket of failures that fills again as time passes. `pace` is 0.0 where nothing is held back, for tests."""

    def __init__(self, pace: float = PACE) -> None:
        self._pace = pace
        self._left, self._at = FAILURES, 0.0
        self.again_at = 0.0

    def left(self, at: float) -> int:
        """How many destinations that are not known to answer may be begun at a time of the loop's clock."""
        if not self._pace:
            return UNPROVEN
        self._left = min(FAILURES, self._left + FAILURES * (at - self._at))
        self._at = at
        return 0 if at < self.again_at else max(0, min(UNPROVEN, int(self._left)))

    def begun(self, at: float) -> None:
        """Some were begun."""
        self.again_at = at + self._pace

    def failed(self) -> None:
        """A call has failed."""
        self._left = max(-FAILURES, self._left - 1)
