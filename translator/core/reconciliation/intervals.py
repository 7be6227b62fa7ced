"""Intervals of whole seconds, and the parts of one that others do not cover."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Interval(NamedTuple):
    """The seconds from `since` up to `until`. `until` itself is not included."""

    since: int
    until: int

    def holds(self, second: int) -> bool:
        """True if that second lies inside."""
        return self.since <= second < self.until

    def common(self, other: "Interval") -> "Interval":
        """Return the intersection. It is empty if `until` is not greater than `since`."""
        return Interval(max(self.since, other.since), min(self.until, other.until))


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same seconds as intervals that do not touch, in order."""
    found: list[Interval] = []
    for one in sorted(one for one in intervals if one.since < one.until):
        if found and one.since <= found[-1].until:
            found[-1] = Interval(found[-1].since, max(found[-1].until, one.until))
        else:
            found.append(one)
    return found


def without(interval: Interval, others: Sequence[Interval]) -> list[Interval]:
    """Return the parts of an interval that the others do not cover. The others must be in order and must not touch."""
    left, since = [], interval.since
    for other in others:
        if other.until <= since:
            continue
        if other.since >= interval.until:
            break
        if other.since > since:
            left.append(Interval(since, other.since))
        since = other.until
    if since < interval.until:
        left.append(Interval(since, interval.until))
    return left


def covers(others: Sequence[Interval], interval: Interval) -> bool:
    """True if the others cover the whole interval."""
    return not without(interval, others)
