"""Finds the place that a page follows, in both lists.

list of the provider that has the anchor    … │ A │ a a a      the row with its SID
list of the other provider                  … │     o o o      the first row whose place is after that of the anchor
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from translator.core.accounts import Account, by_shape
from translator.core.effects import CacheEntry, CacheGet, EffectGenerator, SingleFlight
from translator.core.listing import anchors
from translator.core.listing.merged.cuts import start_after
from translator.core.listing.merged.home_list import HomeList
from translator.core.listing.merged.merge import Anchored, MergedRows
from translator.core.listing.merged.together import at_both
from translator.core.model import Message, Query

Find = Callable[[str], EffectGenerator]
"""Steps that return the home and the message with a SID, or None if no provider knows it."""

_WEIGHT = 400
"""The size of a remembered place in bytes, with its key."""


class WalkPlace(NamedTuple):
    """The last row of a page, as it is remembered.

    `is_new` is true if the new provider has the row. `created` is its second. `new` and `old` are the positions of the rows after it in
    both lists. They are counted from the oldest message.
    """

    is_new: bool
    created: int
    new: int
    old: int


class Anchors:
    """Finds anchors of one list. `key` is the list's cache key. `find` finds the home of a message that is not remembered."""

    def __init__(self, merged: MergedRows, query: Query, find: Find, key: tuple[Hashable, ...], life: float) -> None:
        self._merged, self._query, self._find, self._key, self._life = merged, query, find, key, life

    def start(self, sid: str) -> EffectGenerator:
        """Return the anchor as Anchored, and the ranks of the rows after it in both lists. It is None if the list does not have it. A rank
        is negative if the list was counted before the message came."""
        new, old = self._merged.new, self._merged.old
        for home in (new, old):
            at = home.rank_with(sid)
            if at is not None:
                return (yield from self._found(home, home.rows[at], at + 1))
        kept: WalkPlace | None = yield CacheGet((*self._key, sid))
        if kept is not None:
            found = yield from self._as_remembered(sid, kept)
            if found is not None:
                return found
        located = yield from self._find(sid)
        if located is None:
            return None
        place, message = located
        home = next(one for one in (new, old) if one.home.place == place.place)
        return (yield from self._found(home, message, None))

    def _as_remembered(self, sid: str, kept: WalkPlace) -> EffectGenerator:
        """Return the start if the anchor is where it was when its page was shown. Both lists are read around it, with the page."""
        new, old = self._merged.new, self._merged.old
        home, guess = (new, new.at_position(kept.new)) if kept.is_new else (old, old.at_position(kept.old))
        other, beside = (old, old.at_position(kept.old)) if kept.is_new else (new, new.at_position(kept.new))
        anchor = Anchored(sid, home.place(kept.created), kept.is_new)
        found = yield from self._both(
            home, self._look(home, sid, guess), self._start(other, anchor, kept.created, beside)
        )
        if None in found:
            return None
        return (anchor, *(found if kept.is_new else found[::-1]))

    def _look(self, home: HomeList, sid: str, guess: int) -> EffectGenerator:
        yield from home.read(guess - 1, guess + self._query.count)
        at = home.rank_with(sid)
        return None if at is None else at + 1

    def _found(self, home: HomeList, message: Message, at: int | None) -> EffectGenerator:
        """Return the start for an anchor whose message is known. `at` is the rank of the row after it, if that is known too."""
        other = self._merged.old if home.is_new else self._merged.new
        anchor = Anchored(message.sid, home.place(message.created), home.is_new)
        own = None if at is not None else self._locate(home, message)
        found = yield from self._both(home, own, self._start(other, anchor, message.created, None))
        ranks = (at if at is not None else found[0], found[1])
        if None in ranks:
            return None
        return (anchor, *(ranks if home.is_new else ranks[::-1]))

    def _locate(self, home: HomeList, message: Message) -> EffectGenerator:
        found: anchors.Anchor | None = yield from anchors.located(home.slices, home.plan, self._query, message)
        if found is None:
            return None
        at = home.rank_of(found.place)
        if not 0 <= at < home.known_size:
            return -1
        home.take(found.read)
        return at + 1

    def _start(self, home: HomeList, anchor: Anchored, created: int, guess: int | None) -> EffectGenerator:
        """Return the rank of the first row after the anchor's place, in the list that does not have the anchor. With a guess, the rows of
        the page after it are read too."""
        least, most = self._bounds(home, anchor)
        if guess is not None and least == most == guess and home.stays:
            if guess or guess not in home.marks:
                yield from home.read(guess, guess + self._query.count)
            return guess
        at, step, counted = guess, self._query.count, False
        while least < most:
            if at is None or not least <= at <= most:
                at = yield from self._counted(home, created)
                if at is None or at < 0:
                    return at
                counted = True
            yield from home.read(at - 1, at - 1 + step + 1)
            before, (least, most) = (least, most), self._bounds(home, anchor)
            if before == (least, most):
                return least  # a row has no date
            if counted:  # the provider's bounds could not state the instant: it is further on
                step = max(home.slices.size - 1, 1)
                at = least + 1 if least >= at else max(most - step, 0)
            else:
                at = None
        return least

    @staticmethod
    def _bounds(home: HomeList, anchor: Anchored) -> tuple[int, int]:
        marks = home.marks if home.stays else {rank: home.marks[rank] for rank in home.rows if rank in home.marks}
        return start_after(marks, anchor.place, 0, home.most)

    @staticmethod
    def _counted(home: HomeList, created: int) -> EffectGenerator:
        """Return the rank of the first row after the place of an anchor that was created in a second, or None. It is -1 if the list has
        grown since it was counted. From the oldest to the newest, rows of the new provider come after those of the old one in a second."""
        instant = created + (not home.is_new)
        rows = yield from anchors.rows_before(home.slices, home.plan.pushed, instant)
        if rows is None:
            return None
        return -1 if rows > home.known_size else home.rank_of(rows) + home.plan.mirrored

    @staticmethod
    def _both(home: HomeList, own: EffectGenerator | None, beside: EffectGenerator) -> EffectGenerator:
        """Return the results of steps in the anchor's list and in the other one."""
        if home.is_new:
            return (yield from at_both(own, beside))
        return (yield from at_both(beside, own))[::-1]

    def remember(self, sid: str, *, of_old: bool, created: int, end: tuple[int, int]) -> EffectGenerator:
        """Remember the last row of a page, and the ranks after it in both lists."""
        if self._life <= 0:
            return
        new, old = self._merged.new, self._merged.old
        kept = WalkPlace(not of_old, created, new.at_position(end[0]), old.at_position(end[1]))

        def noted(_: WalkPlace | None) -> EffectGenerator:
            return None, CacheEntry(kept, _WEIGHT, self._life, new.home.name)
            yield

        yield SingleFlight((*self._key, sid), noted)


def ask_both(new: Account, old: Account, retrieve: Callable[[Account, str], EffectGenerator]) -> Find:
    """Return steps that ask for a message at the provider whose SIDs have its shape, and then at the other one. Without such a provider
    the new one is asked first. Only a clear "unknown message" moves on."""

    def find(sid: str) -> EffectGenerator:
        for home in (old, new) if by_shape((new, old), sid) is old else (new, old):
            message = yield from retrieve(home, sid)
            if message is not None:
                return home, message
        return None

    return find
