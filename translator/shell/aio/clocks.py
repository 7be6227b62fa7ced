"""The clock of everything that is due later: it goes on evenly, whatever is done to the clock of the machine.

A clock of the wall that is set by an hour would make every wait an hour longer, or end all of them at once. This one follows the wall,
or the database that several processes share, by a tenth of the time that passes: nothing is due twice as early or late by it.
"""

import time
from collections.abc import Callable
from typing import Final

_RATE: Final = 0.1
"""Seconds by which the clock is corrected in each second."""


class SteadyClock:
    """Seconds since 1970, as the wall had them when this was made. `set_by` names another clock to follow from then on."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._now, self._at = wall(), steady()
        self._offset: float | None = None

    def __call__(self) -> float:
        """The time. It never goes back."""
        at = self._steady()
        passed, self._at = at - self._at, at
        self._now += passed
        aim = self._wall() if self._offset is None else at + self._offset
        most = passed * _RATE
        self._now += max(-most, min(aim - self._now, most))
        return self._now

    def set_by(self, shared: float) -> None:
        """It is this late by a clock that others follow as well. The first time that is believed at once."""
        if self._offset is None:
            self._now = shared
            self._at = self._steady()
        self._offset = shared - self._steady()
