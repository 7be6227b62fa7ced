"""The differences between the provider's clock, the wall clock and the poller's own clock, which is never set."""

from collections.abc import Sequence
from typing import Final

SLACK: Final = 30.0
"""Seconds of tolerance, because a send is recorded a little after its time, and clocks of replicas differ."""

_ALIKE: Final = 10.0
"""A difference below so many seconds counts as none."""


class ClockDifferences:
    """The differences at one provider account. Ages follow the provider's clock, as the creation time of a message does.

    ahead: Seconds by which the provider's clock is ahead of ours.
    """

    def __init__(self) -> None:
        self.ahead = 0.0
        self._ahead_of_wall = self._wall_before = 0.0
        """`_wall_before` is the number of seconds by which the wall clock was ahead of ours in the last round."""

    def recorded_at(self, now: float, wall_now: float) -> tuple[float, ...]:
        """Return the times that new sends may have been recorded with, that of the wall clock last. There are two if the wall clock
        was set, because some sends were recorded before. There is a third if it was set again since the last round."""
        wall, before = wall_now - now, self._wall_before
        self._wall_before = wall
        self._be_ahead(wall)
        found = [0.0]
        for other in (wall, before):
            if all(abs(other - one) >= SLACK / 2 for one in found):
                found.append(other) if other == wall else found.insert(0, other)
        return tuple(now + one for one in found)

    def measure(self, differences: Sequence[float], now: float, wall_now: float, at: float | None = None) -> None:
        """Measure how far the provider's clock is ahead: the median of the seconds from a send to the creation of its message.
        `at` is the time by the clock that these sends were recorded with, by default the wall clock."""
        if differences:
            newest = sorted(differences)
            self._ahead_of_wall = newest[len(newest) // 2] + (0.0 if at is None else at - wall_now)
            self._be_ahead(wall_now - now)

    def _be_ahead(self, wall_ahead: float) -> None:
        ahead = self._ahead_of_wall + wall_ahead
        self.ahead = 0.0 if abs(ahead) < _ALIKE else ahead
