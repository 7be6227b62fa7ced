"""Finds where a page begins in each of two sorted lists, from the places of a few known rows.

merged list   o o n o n n │ n o …         the first `rank` rows: `a` rows of the new provider, and `rank - a` of the old one
new           n n n │ n …                 row a - 1 of the new one comes before row `rank - a` of the old one,
old           o o o │ o …                 and row `rank - a - 1` of the old one before row a of the new one

A row's place is a number that orders the rows of both: by Created, and within a second the old provider's rows first. In a list that shows
the newest first, the places are negative, so that the order is the exact reverse.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from math import ceil, log2
from typing import Final

Marks = Mapping[int, int]
"""The places of known rows, by their ranks in their own list."""

_NEAR: Final = 32
"""The part of the unknown range within which the crossing of two interpolated lists is assumed."""

_GOOD: Final = 8
"""The least reduction of the unknown range by a round after which another interpolation is worth its requests."""

_LEAST: Final = 3
"""The number of requests at each provider in a round that looks for an interpolated crossing."""


def place_of(created: int, *, new: bool, descending: bool) -> int:
    """Return the place of a row in a list."""
    place = 2 * created + new
    return -place if descending else place


def bracket(new: Marks, old: Marks, rank: int, least: int, most: int) -> tuple[int, int]:
    """Return the least and the most rows of the new provider that may be among the first `rank` rows. The least exceeds the most if the
    marks contradict each other.

    Two marks narrow the range if row i of one list comes before row j of the other. The first `rank` rows hold row j only if they hold
    row i too.
    """
    ranks, places = _columns(old)
    for row, place in new.items():
        after, before = bisect_right(places, place), bisect_left(places, place) - 1
        if after < len(places):
            least = max(least, min(row + 1, rank - ranks[after]))
        if before >= 0:
            most = min(most, max(rank - ranks[before] - 1, row))
    return least, most


def start_after(marks: Marks, place: int, least: int, most: int) -> tuple[int, int]:
    """Return the least and the most rows of a list that may come before a place."""
    for row, at in marks.items():
        if at < place:
            least = max(least, row + 1)
        else:
            most = min(most, row)
    return least, most


class Search:
    """The choice of the rows to compare. A round compares some rows of the new list with those of the old one that complete the rank.

    `room` is the number of undecided rows that the slices of the page cover too. `width` is the number of requests at a provider at the
    same time. All rounds together use at most twice the binary logarithm of the rows that were undecided at first.
    """

    def __init__(self, room: int, width: int) -> None:
        self._room, self._width = max(room, 1), max(width, 1)
        self._left = self._before = self._spent = 0

    def rows(self, new: Marks, old: Marks, rank: int, least: int, most: int) -> list[int]:
        """Return the ranks in the new list to compare. Each is at least `least` and less than `most`.

        The first round looks around an interpolated crossing. A further one does so only if that has left a small part.
        """
        unknown = most - least
        if not self._before:
            self._left = 2 * ceil(log2(max(unknown, 2))) - self._spent
        chosen: list[int] = []
        if self._affords(_LEAST, unknown) and (not self._before or unknown * _GOOD < self._before):
            chosen = self._around(crossing(new, old, rank, least, most), least, most)
        if not chosen:
            width = next(
                (many for many in range(self._width, 1, -1) if self._affords(many, unknown // (many + 1) + 1)), 1
            )
            chosen = sorted({least + unknown * part // (width + 1) for part in range(1, width + 1)})
        self._left -= 2 * len(chosen)
        self._before = unknown
        return chosen

    def spend(self) -> None:
        """Count a request that was made beside the rounds, as one for each provider."""
        self._spent += 2

    def _affords(self, many: int, rest: int) -> bool:
        """True if a round of `many` comparisons leaves enough requests to bisect the rest."""
        bisected = ceil(log2(max(1.0, rest / self._room)))
        return many <= self._width and 2 * many + 2 * bisected <= self._left

    def _around(self, found: int | None, least: int, most: int) -> list[int]:
        if found is None:
            return []
        near = max(self._room // 3, (most - least) // _NEAR)
        return sorted({min(max(at, least), most - 1) for at in (found - near, found, found + near)})


def crossing(new: Marks, old: Marks, rank: int, least: int, most: int) -> int | None:
    """Return the rank in the new list at which the two lists cross, if the places between known rows are interpolated. It is None if the
    known rows do not enclose it."""
    news, olds = _columns(new), _columns(old)
    for (ranks, _), first, last in ((news, least, most - 1), (olds, rank - most, rank - 1 - least)):
        if not ranks or not ranks[0] <= first <= last <= ranks[-1]:
            return None
    low, high = least, most
    while low < high:
        middle = (low + high) // 2
        if _interpolated(news, middle) < _interpolated(olds, rank - 1 - middle):
            low = middle + 1
        else:
            high = middle
    return low


def _columns(marks: Marks) -> tuple[list[int], list[int]]:
    ranks = sorted(marks)
    return ranks, [marks[rank] for rank in ranks]


def _interpolated(columns: tuple[Sequence[int], Sequence[int]], rank: int) -> float:
    ranks, places = columns
    after = bisect_left(ranks, rank)
    if ranks[after] == rank:
        return places[after]
    before = after - 1
    share = (rank - ranks[before]) / (ranks[after] - ranks[before])
    return places[before] + (places[after] - places[before]) * share
