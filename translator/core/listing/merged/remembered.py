"""Remembers facts about two lists between requests: the places of some rows, and the range of time in which a provider has messages.

Remembered places save requests. They are compared with the rows of the page before anything is shown. The range of time tells that a
provider has no message in a list, so that only the other one is asked.
"""

from collections.abc import Hashable
from typing import Final, NamedTuple

from translator.core.accounts import Account
from translator.core.dialect.back import Pushed
from translator.core.effects import CacheEntry, CacheGet, EffectGenerator, SingleFlight
from translator.core.listing.limits import Limits
from translator.core.listing.merged.home_list import HomeList
from translator.core.model import Query

_COMPARED: Final = 16
"""The number of rows that were read alone whose places are remembered."""

_WEIGHT: Final = 4000
"""The size of the remembered places of two lists in bytes, with their key."""


class Marks(NamedTuple):
    """The seconds of some rows of both lists, by their positions from the oldest message."""

    new: dict[int, int]
    old: dict[int, int]


class Extent(NamedTuple):
    """The seconds of the oldest and the newest message of a provider at the instant `at`. They are None if it had none."""

    oldest: int | None
    newest: int | None
    at: float

    def has_none(self, query: Query, settle: float) -> bool:
        """True if no message of this provider can be in the range of a query, now or later. A message that came after `at` was created
        at most `settle` seconds before that, because the clocks of two providers differ."""
        if query.until is None or query.until > self.at - settle:
            return False
        if self.oldest is None or self.newest is None:
            return True
        return query.until <= self.oldest or (query.since is not None and query.since > self.newest)


def recall(key: tuple[Hashable, ...], new: HomeList, old: HomeList) -> EffectGenerator:
    """Give both lists the places that are remembered."""
    kept: Marks | None = yield CacheGet(key)
    if kept is not None:
        new.recall(kept.new)
        old.recall(kept.old)


def keep(
    key: tuple[Hashable, ...], new: HomeList, old: HomeList, start: tuple[int, int], end: tuple[int, int], life: float
) -> EffectGenerator:
    """Remember the places of the rows around both ends of a page, of the first and the last rows, and of those that were compared."""
    if life <= 0:
        return
    kept = Marks(_places(new, start[0], end[0]), _places(old, start[1], end[1]))

    def noted(previous: Marks | None) -> EffectGenerator:
        return None, None if previous == kept else CacheEntry(kept, _WEIGHT, life, new.home.name)
        yield

    yield SingleFlight(key, noted)


def _places(home: HomeList, first: int, stop: int) -> dict[int, int]:
    ranks = [0, home.known_size - 1, first - 1, first, stop - 1, stop, *home.compared[-_COMPARED:]]
    found = {home.at_position(rank): home.created_at(rank) for rank in ranks}
    return {position: created for position, created in found.items() if created is not None and position >= 0}


def extent_key(home: Account) -> tuple[Hashable, ...]:
    """Return the cache key of the extent of a provider account."""
    return ("extent", home.place)


def learn_extent(home: HomeList, now: float, limits: Limits) -> EffectGenerator:
    """Remember when the messages of a provider begin and end, if a list of all its messages was counted now."""
    if not home.fresh or not home.whole or home.size is None or home.plan.pushed != Pushed():
        return
    oldest, newest = (home.created_at(home.at_position(at)) for at in (0, home.size - 1))
    size = home.size

    def noted(previous: Extent | None) -> EffectGenerator:
        began = previous.oldest if oldest is None and previous is not None else oldest
        if size and (began is None or newest is None):
            return None, None
        return None, CacheEntry(Extent(began, newest, now), 0, limits.total_ttl)
        yield

    yield SingleFlight(extent_key(home.home), noted)
