"""The clock of everything that is due later: it advances evenly, even if the machine's clock is set.

A wall clock that is set by an hour would make every wait an hour longer, or end all of them at once.
This clock approaches the wall clock, or the clock of a shared database, by at most a tenth of the time that passes.
So a wait becomes longer or shorter by about a tenth at most.
"""

import time
from collections.abc import Callable
from typing import Final

_RATE: Final = 0.1
"""Seconds by which the clock is corrected in each second."""


class SteadyClock:
    """Seconds since 1970, from the wall clock at construction. `set_by` names another clock to follow from then on."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._steady = wall, steady
        self._now, self._at = wall(), steady()
        self._offset: float | None = None

    def __call__(self) -> float:
        """Return the time, which never goes back."""
        at = self._steady()
        passed, self._at = at - self._at, at
        self._now += passed
        aim = self._wall() if self._offset is None else at + self._offset
        most = passed * _RATE
        self._now += max(-most, min(aim - self._now, most))
        return self._now

    def set_by(self, shared: float) -> None:
        """Follow a shared clock that shows `shared` now. The first call sets the time at once."""
        if self._offset is None:
            self._now = shared
            self._at = self._steady()
        self._offset = shared - self._steady()
