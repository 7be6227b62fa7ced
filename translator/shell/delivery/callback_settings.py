"""The rules for deliveries: the limit per destination, the backoff, and the circuit breaker."""

from typing import Final, NamedTuple

from translator.shell.store.deliveries import Breaker

GAPS: Final = (5.0, 30.0, 120.0, 600.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0)
"""Seconds between two attempts, 28 hours in total."""


class Dispatching(NamedTuple):
    """The section `[callbacks]` of the configuration: concurrent deliveries to one destination, its circuit breaker, and the backoff."""

    concurrency: int = 8
    breaker: Breaker = Breaker()
    gaps: tuple[float, ...] = GAPS


DEFAULTS: Final = Dispatching()
