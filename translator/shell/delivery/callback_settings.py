"""The rules by which callbacks are made: how many at once, when again, and when a destination is left alone."""

from typing import Final, NamedTuple

from translator.shell.store.deliveries import Breaker

GAPS: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
"""Seconds between a try and the next one, 28 hours in all."""


class Dispatching(NamedTuple):
    """`[callbacks]` of the configuration: calls at once to one destination, and its circuit breaker."""

    concurrency: int = 8
    breaker: Breaker = Breaker()
    gaps: tuple[float, ...] = GAPS


DEFAULTS: Final = Dispatching()
