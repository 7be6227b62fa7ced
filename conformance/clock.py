"""Clocks for the simulated providers: a clock is a plain function that returns epoch seconds, UTC."""

from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Anything that answers *now* as seconds since the epoch; `time.time` is one."""


class ManualClock:
    """A clock that stands still until it is told to move, so that a life cycle is a matter of arithmetic.

    >>> clock = ManualClock(1_506_320_553)
    >>> clock.advance(60); clock()
    1506320613.0
    """

    def __init__(self, now: float) -> None:
        self._now = float(now)

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward. A clock never runs backwards: a negative number of seconds is a ValueError."""
        if seconds < 0:
            raise ValueError("a clock does not run backwards")
        self._now += seconds
