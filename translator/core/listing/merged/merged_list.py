"""A list over both providers of an account, as one provider with all messages would show it.

in the order of both providers   a cut of two sorted lists: the totals of both, a search, and a slice of each
otherwise                        two scans, merged, and then filtered, sorted and cached as one
"""

from collections.abc import Callable, Hashable, Sequence
from functools import partial

import msgspec

from translator.core.accounts import Account
from translator.core.effects import CacheGet, EffectGenerator, ProviderRequests
from translator.core.listing import scans
from translator.core.listing.limits import Limits
from translator.core.listing.lists import budget_of, list_page, narrowed, sends_of, total_key
from translator.core.listing.local_query import left_out
from translator.core.listing.merged.anchor import Find, ask_both
from translator.core.listing.merged.home_list import HomeList
from translator.core.listing.merged.page import MergedPage, MergedPages, merged_page
from translator.core.listing.merged.remembered import Extent, extent_key
from translator.core.listing.merged.scan import read_both
from translator.core.listing.merged.together import HomeFailed, at_home
from translator.core.listing.pages import Pages
from translator.core.listing.plan import Plan, plan
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.retrieve import read_retrieve, write_retrieve
from translator.core.model import Message, Notes, Page, Query


def list_merged(
    entry: Account,
    query: Query,
    limits: Limits,
    now: float,
    notes: Notes,
    *,
    show_one: bool = False,
    find: Find | None = None,
) -> EffectGenerator:
    """Return the MergedPage of a query over both providers of an account with `old`.

    `find` finds the home of an anchor: steps that return the home and the message, or None. Without it both providers are asked.
    If one provider fails, that is the fault of the list. With `show_one` the list then has the messages of the other one: it is capped,
    and the note `one-home` says which one it shows. Raises FaultRaised and MalformedProviderResponse.
    """
    merged = _Merged(entry, query, limits, now, notes, find)
    try:
        return (yield from merged.page())
    except HomeFailed as failed:
        if not show_one:
            raise failed.error from None
        return (yield from merged.other(new=failed.new))


def at_homes(
    entry: Account, page: MergedPage, steps: Callable[[Account, Sequence[Message]], EffectGenerator]
) -> EffectGenerator:
    """Return the messages of a page after steps that take the messages of one home and return as many."""
    messages = list(page.messages)
    for home in entry.homes:
        places = [at for at, of_old in enumerate(page.of_old) if of_old == (home is entry.old)]
        if places:
            changed = yield from steps(home, [messages[at] for at in places])
            for at, message in zip(places, changed, strict=True):
                messages[at] = message
    return messages


class _Merged:
    """One list."""

    def __init__(
        self, entry: Account, query: Query, limits: Limits, now: float, notes: Notes, find: Find | None
    ) -> None:
        self._new, self._old = entry.homes
        self._query, self._limits, self._now, self._notes = query, limits, now, notes
        self._front = entry.front.dialect.front
        self._budget = budget_of(limits, cap=limits.cap)
        self._find = find or ask_both(self._new, self._old, self._retrieve)

    def page(self) -> EffectGenerator:
        only = yield from self._only_home()
        if only is not None:
            page = yield from list_page(only, self._query, self._limits, self._now, self._notes)
            return _all_of(page, old=only is self._old)
        planned = [plan(self._query, home.back.dialect.back) for home in (self._new, self._old)]
        if any(one.scan for one in planned):
            return (yield from self._scan())
        homes = []
        for home, one in zip((self._new, self._old), planned, strict=True):
            slices = RangeReader(home, one.pushed, self._now, self._budget, self._notes, ordered=True)
            pages = Pages(
                home, slices, self._query, one, self._limits, self._now, (yield from sends_of(home)), total_key(home, one),
                shows_total=self._front.shows_total, in_pages=self._front.in_pages,
            )  # fmt: skip
            homes.append(HomeList(home, slices, pages, one, self._query, is_new=home is self._new))
        merged = MergedPages(
            homes[0], homes[1], self._query, self._limits, self._now, self._asked_for, self._key(planned),
            shows_total=self._front.shows_total, in_pages=self._front.in_pages,
        )  # fmt: skip
        return (yield from merged.page())

    def other(self, *, new: bool) -> EffectGenerator:
        """Return the page of the provider that did not fail. `new` says that the new one did."""
        home = self._old if new else self._new
        limits = self._limits._replace(max_asks=max(1, self._budget.left))
        self._notes.add("one-home", "old" if new else "new")
        page: Page = yield from list_page(home, self._query, limits, self._now, self._notes)
        return msgspec.structs.replace(_all_of(page, old=new), capped=True)

    def _only_home(self) -> EffectGenerator:
        """Return the only provider that can have messages in the range of the query, or None."""
        for home, other in ((self._new, self._old), (self._old, self._new)):
            known: Extent | None = yield CacheGet(extent_key(home))
            if known is not None and known.has_none(self._query, self._limits.settle):
                return other
        return None

    def _scan(self) -> EffectGenerator:
        homes, readers = (self._new, self._old), []
        kept_as: list[Hashable] = ["rows", self._front]
        for home in homes:
            one = plan(self._query, home.back.dialect.back)
            readers.append(RangeReader(home, one.pushed, self._now, self._budget, self._notes, ordered=not one.scan))
            kept_as += [home.place, (yield from sends_of(home))]
        page, snapshot = yield from scans.page(
            partial(read_both, readers[0], readers[1], self._budget), self._query, self._front.sort_key(self._query.order.attribute),
            account=self._new.name, kept_as=(*kept_as, *narrowed(self._query)), life=self._limits.snapshot_ttl,
            in_pages=self._front.in_pages, shows_total=self._front.shows_total,
        )  # fmt: skip
        return merged_page(left_out(page, fail=self._limits.fail_unread), snapshot.old)

    def _key(self, planned: Sequence[Plan]) -> tuple[Hashable, ...]:
        """Return the cache key of what is remembered of both lists."""
        return (self._new.place, self._old.place, *[one.pushed for one in planned])

    def _asked_for(self, sid: str) -> EffectGenerator:
        """Return the home and the message with a SID, or None."""
        if not self._budget.take(1):
            return None
        return (yield from self._find(sid))

    def _retrieve(self, home: Account, sid: str) -> EffectGenerator:
        return (yield from at_home(self._retrieved(home, sid), new=home is self._new))

    def _retrieved(self, home: Account, sid: str) -> EffectGenerator:
        self._notes.asks += 1
        [answer] = yield ProviderRequests(home.back.name, (write_retrieve(home, sid),), home.name)
        return read_retrieve(home, sid, answer, self._now)


def _all_of(page: Page, *, old: bool) -> MergedPage:
    """Return the page of one home."""
    return merged_page(page, frozenset(map(id, page.messages)) if old else frozenset())
