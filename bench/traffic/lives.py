"""The life of a message at the simulated provider: when it is submitted and when it is delivered.

A life is a function of the message's number and of the moment of its creation alone. So the moment from which `Delivered` could be known is
exact.
"""

from typing import Final, NamedTuple

SUBMITTED_AFTER: Final = 0.2
"""Seconds from the creation of a message to its submission."""

NEVER: Final = float("inf")
_SPREAD: Final = 10.0
_MASK: Final = 2**64 - 1


class Pace(NamedTuple):
    """The time that handsets take, in seconds after the submission.

    `low` and `high` bound the handsets that answer soon. `slow_share` of all, from 0 to 1, answer late: in the ten seconds that begin
    after `slow_after`, or in fewer if that is shorter.
    """

    low: float = 1.0
    high: float = 10.0
    slow_share: float = 0.05
    slow_after: float = 900.0


def _lot(number: int, salt: int) -> float:
    """A number in [0, 1) that depends only on its arguments: the finishing steps of splitmix64."""
    mixed = (number * 2 + salt + 1) * 0x9E3779B97F4A7C15 & _MASK
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _MASK
    return float((mixed ^ (mixed >> 31)) >> 11) / float(1 << 53)


def handset_seconds(number: int, pace: Pace) -> float:
    """Seconds from the submission of a message to its delivery."""
    where = _lot(number, 1)
    if _lot(number, 0) < pace.slow_share:
        return pace.slow_after + where * min(_SPREAD, pace.slow_after)
    return pace.low + where * (pace.high - pace.low)


def moments(number: int, created: float, pace: Pace) -> tuple[float, float]:
    """When a message is submitted and when it is delivered, in epoch seconds."""
    submitted = created + SUBMITTED_AFTER
    return submitted, submitted + handset_seconds(number, pace)
