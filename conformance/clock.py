"""Clocks for the simulated providers. A clock is a plain function that returns epoch seconds, UTC."""

from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Any function that returns *now* in seconds since the epoch; `time.time` is one."""


class ManualClock:
    """A clock that moves only when `advance` is called, so that tests compute each life cycle.

    >>> clock = ManualClock(1_506_320_553)
    >>> clock.advance(60); clock()
    1506320613.0
    """

    def __init__(self, now: float) -> None:
        self._now = float(now)

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward. Raises ValueError for a negative number of seconds."""
        if seconds < 0:
            raise ValueError("a clock does not run backwards")
        self._now += seconds
