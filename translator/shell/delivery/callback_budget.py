"""Limits the work for receivers that are not known to answer, so that thousands of dead ones take only a part of the process."""

from typing import Final

UNPROVEN: Final = 8
"""The number of unproven destinations that are started together. Unproven ones have not answered yet, or fail. Proven ones come first."""

PACE: Final = 0.025
"""Seconds between two such starts."""

FAILURES: Final = 100.0
"""Failed deliveries a second. Beyond them no unproven destination is started. A delivery that succeeds costs nothing."""


class CallbackBudget:
    """A token bucket of failures. With a `pace` of 0.0 it holds nothing back, for tests."""

    def __init__(self, pace: float = PACE) -> None:
        self._pace = pace
        self._left, self._at = FAILURES, 0.0
        self.again_at = 0.0

    def left(self, at: float) -> int:
        """The number of unproven destinations that may be started at `at`, a time of the loop's clock."""
        if not self._pace:
            return UNPROVEN
        self._left = min(FAILURES, self._left + FAILURES * (at - self._at))
        self._at = at
        return 0 if at < self.again_at else max(0, min(UNPROVEN, int(self._left)))

    def begun(self, at: float) -> None:
        """Record that unproven destinations were started."""
        self.again_at = at + self._pace

    def failed(self) -> None:
        """Record a failed delivery."""
        self._left = max(-FAILURES, self._left - 1)
