"""Learns at which age the messages of a provider end. Without observations it uses a guess.

A message is *open* until its status allows no further callback. Each bucket of ages has two numbers: the seconds for which open messages
of that age were observed, and the number that ended. Their quotient is a hazard: ends per second.
"""

import math
from array import array
from itertools import accumulate, pairwise
from typing import Final

_SCALE: Final = 100.0
"""A bucket is a hundredth of its age wide, and at least a second. So ends at one age are distinct from those around it."""

_BUCKETS: Final = int(_SCALE * math.log1p(31_536_000 / _SCALE)) + 2
"""Enough buckets for the greatest `poll_end`."""

_EDGES: Final = tuple(_SCALE * math.expm1(number / _SCALE) for number in range(_BUCKETS + 1))
_GUESSED: Final = tuple(0.5 / ((_EDGES[number] + _EDGES[number + 1]) / 2 + 10) for number in range(_BUCKETS))
"""Ends per second without observations: fewer for older messages, but never zero."""

_TRUST: Final = 50.0
"""The seconds of observation after which a bucket's statistics count as much as the guess."""

_HALVES: Final = 3600.0
"""Seconds after which observations count half, because handsets and providers change."""


def _bucket(age: float) -> int:
    return min(int(_SCALE * math.log1p(age / _SCALE)), _BUCKETS - 1)


class SettlingAges:
    """The statistics of one provider. Ages are seconds, 0 or more."""

    def __init__(self) -> None:
        self._watched = array("d", bytes(8 * _BUCKETS))
        self._ended = array("d", bytes(8 * _BUCKETS))
        self._hazards = array("d")
        self._sums = array("d")
        self._faded: float | None = None

    def chance(self, before: float, after: float) -> float:
        """Return the probability that a message that was open at the age `before` has ended at the age `after`."""
        return -math.expm1(self._sum(before) - self._sum(after)) if after > before else 0.0

    def watched(self, before: float, after: float, many: float) -> None:
        """Record that `many` messages were open at the age `before` and were polled again at the age `after`."""
        if after <= before:
            return
        for number in range(_bucket(before), _bucket(after) + 1):
            seconds = min(after, _EDGES[number + 1]) - max(before, _EDGES[number])
            self._watched[number] += many * max(0.0, seconds)
        self._sums = array("d")

    def ended(self, age: float) -> None:
        """Record that a message ended at that age."""
        self._ended[_bucket(max(0.0, age))] += 1
        self._sums = array("d")

    def fade(self, now: float) -> None:
        """Let old observations count less as time passes. A clock that steps back changes nothing."""
        passed = 0.0 if self._faded is None else max(0.0, now - self._faded)
        if self._faded is not None and 0 <= passed < _HALVES / 60:
            return
        self._faded = now
        left = 0.5 ** (passed / _HALVES)
        self._watched = array("d", [watched * left for watched in self._watched])
        self._ended = array("d", [ended * left for ended in self._ended])
        self._sums = array("d")

    def _sum(self, age: float) -> float:
        """Return the expected number of ends of one message up to an age."""
        if not self._sums:
            known = zip(self._watched, self._ended, _GUESSED, strict=True)
            self._hazards = array(
                "d", [(ended + guessed * _TRUST) / (watched + _TRUST) for watched, ended, guessed in known]
            )
            widths = (upper - lower for lower, upper in pairwise(_EDGES))
            grown = (hazard * width for hazard, width in zip(self._hazards, widths, strict=True))
            self._sums = array("d", accumulate(grown, initial=0.0))
        number = _bucket(age)
        return self._sums[number] + self._hazards[number] * max(0.0, min(age, _EDGES[number + 1]) - _EDGES[number])
