"""Lists in the provider's order: only the slices that cover the page are read, and the total is found without reading the list.

provider, oldest first  0 1 2 3 … │ n-4 n-3 n-2 n-1       messages that come change no index: newest first is cut from the end,
list, newest first       … │ page 1 │   page 0   │         and a page that follows an anchor is found by the anchor's index
"""

from collections.abc import Hashable, Sequence
from contextlib import suppress

from translator.core.accounts import Account
from translator.core.effects import CacheEntry, CacheGet, EffectGenerator, ProviderRequests, SingleFlight
from translator.core.errors import FaultRaised, MalformedProviderResponse
from translator.core.listing import anchors, shifting_lists, totals
from translator.core.listing.anchors import Anchor
from translator.core.listing.limits import Limits
from translator.core.listing.local_query import PageWindow, cut
from translator.core.listing.page_filling import filled
from translator.core.listing.plan import Plan
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.retrieve import read_retrieve, write_retrieve
from translator.core.listing.slice_merger import Span
from translator.core.listing.totals import CachedTotal, CountResult
from translator.core.model import Message, Page, Query

_WEIGHT = 400
"""The size of a cached total in bytes, with its key."""


class Pages:
    """One list. `kept_as` is its cache key, the same for all pages. `sends` is the number of sends of its account so far."""

    def __init__(
        self, entry: Account, slices: RangeReader, query: Query, planned: Plan, limits: Limits, now: float, sends: int,
        kept_as: tuple[Hashable, ...], *, shows_total: bool, in_pages: bool,
    ) -> None:  # fmt: skip
        self._entry, self._slices, self._query, self._plan = entry, slices, query, planned
        self._limits, self._now, self._sends, self._key = limits, now, sends, kept_as
        self._shows_total, self._in_pages = shows_total, in_pages

    def page(self) -> EffectGenerator:
        """Return the page of the query. Raises FaultRaised if pages are numbered and this is past the last."""
        query = self._query
        yield from self._slices.recall()
        if not self._shows_total and not self._plan.mirrored:
            rows = yield from self._slices.stretch(query.skip, query.skip + query.count)
            rows = (yield from filled(self._slices, query, rows)) if self._slices.judge.unread else rows
            total, capped = query.skip + len(rows), self._slices.capped
            return Page(messages=rows, skip=query.skip, count=query.count, total=total, limit=None, capped=capped)
        if self._slices.budget.cap and self._asks > self._slices.budget.left // 2:
            return (yield from self._as_far_as_it_goes())
        counted = yield from self.counted(renew=False)
        if query.after is not None and counted.rows:
            anchor = yield from self._anchor(query.after, counted)
            if anchor is not None:
                return (yield from self._following(anchor, counted))
        if query.skip > counted.rows and not counted.fresh:
            counted = yield from self.counted(renew=True)
        return (yield from self._numbered(counted))

    @property
    def _asks(self) -> int:
        """The number of slices that the page takes."""
        most = min(self._query.count, self._query.limit or self._query.count)
        return max(1, -(-most // self._slices.size))

    def _as_far_as_it_goes(self) -> EffectGenerator:
        """Return a page for which the budget may not suffice. The rows that can be read are treated as the whole list."""
        rows, whole = yield from (totals.newest(self._slices) if self._plan.mirrored else self._slices.all())
        rows = rows[::-1] if self._plan.mirrored else rows
        return cut(rows, self._query, in_pages=self._in_pages, capped=not whole)

    # -------------------------------------------------------------------------------------------------- pages by number

    def _numbered(self, counted: CountResult) -> EffectGenerator:
        stretch = PageWindow(self._query, counted.rows)
        first, stop = self._query.skip, self._query.skip + stretch.shown
        in_one_slice = len(counted.read) == counted.rows < self._slices.size
        if self._slices.moves and not in_one_slice and (counted.whole or stop > self._slices.size):
            ends = counted.whole and stop == counted.rows
            return (yield from self._moving(stretch, first, ends=ends, whole=counted.whole))
        start = counted.rows - stop if self._plan.mirrored else first
        return (yield from self._shown(stretch, start, counted))

    def _shown(self, stretch: PageWindow, start: int, counted: CountResult) -> EffectGenerator:
        """Return the page whose rows begin at an index of the provider. Rows that were read already are not requested again."""
        stop, slices, read = start + stretch.shown, self._slices, counted.read
        there: Sequence[int] = range(start, stop)
        missing = [index for index in there if index not in read] if read else there
        rows: Sequence[Message] = ()
        if missing:
            first, last = missing[0], missing[-1] + 1
            if last - first > slices.reach:
                slices.truncate()
                first, last = (last - slices.reach, last) if self._plan.mirrored else (first, first + slices.reach)
                start, stop = (first, stop) if self._plan.mirrored else (start, last)
            rows = yield from slices.stretch(first, last)
            if len(rows) < last - first:
                raise MalformedProviderResponse("rows of a list are gone while it is read")
            if last - first < stop - start:
                read = {**read, **dict(enumerate(rows, first))}
        if len(rows) < stop - start:
            rows = [read[index] for index in range(start, stop)]
        return self._page(stretch, rows[::-1] if self._plan.mirrored else rows, whole=counted.whole)

    def _moving(self, stretch: PageWindow, start: int, *, ends: bool, whole: bool) -> EffectGenerator:
        """Return a page from a provider whose rows shift with each new message. It is read in one go, and to the end of the list if the
        page `ends` it."""
        if not stretch.shown:
            return self._page(stretch, [], whole=whole)
        rows = yield from self._slices.stretch(start, None if ends else start + stretch.shown)
        if ends:
            stretch = PageWindow(self._query, start + len(rows))
        return self._page(stretch, rows[: stretch.shown], whole=whole)

    def _page(self, stretch: PageWindow, messages: Sequence[Message], *, whole: bool) -> Page:
        if self._slices.capped:
            stretch.total = self._query.skip + len(messages)
        capped = self._slices.capped or not whole
        return stretch.page(messages, in_pages=self._in_pages, capped=capped)

    # ------------------------------------------------------------------------------------------------------------ totals

    def counted(self, *, renew: bool) -> EffectGenerator:
        """Return the count of the range as a CountResult, from the cached total if that is still right."""

        def steps(previous: CachedTotal | None) -> EffectGenerator:
            if previous is not None and self._stands(previous, renew=renew):
                return CountResult(previous.rows, {}, fresh=False), None
            if previous is None:
                counted = yield from totals.count(self._slices, self._wanted, self._asks)
            else:
                counted = yield from totals.extend(self._slices, previous, self._wanted)
            if not counted.whole:
                return counted, None
            return counted, CacheEntry(self._total(counted.rows, previous), _WEIGHT, self._life)

        return (yield SingleFlight(self._key, steps))

    @property
    def _wanted(self) -> int:
        """The number of the provider's last rows that are read during the count: those of the first page. A later page counts too if
        one slice holds it and the new rows."""
        query = self._query
        near = query.skip == 0 or query.skip + query.count <= self._slices.size // 2
        return query.skip + query.count if self._plan.mirrored and near else 0

    @property
    def _life(self) -> float:
        """The life of a cached total. With a filter on status it is 0, because messages enter and leave such a range."""
        return 0.0 if self._plan.pushed.status is not None else self._limits.total_ttl

    def _stands(self, total: CachedTotal, *, renew: bool) -> bool:
        """True if a cached total needs no request. That holds if nothing can have been added since. It holds also for a later page,
        which shows the list as it was, if its account has sent nothing since. A page near the newest message does so only for
        `snapshot_ttl`, because extending the total costs it nothing."""
        until = self._plan.pushed.until
        if until is not None and until + self._limits.settle <= total.at:
            return True
        if renew or self._query.skip == 0 or total.sends != self._sends:
            return False
        return not self._wanted or self._now - total.at < self._limits.snapshot_ttl

    def _total(self, rows: int, previous: CachedTotal | None) -> CachedTotal:
        seen = previous.seen if previous is not None else ()
        if rows not in seen:
            seen = (*seen, rows)[-totals.SEEN :]
        return CachedTotal(rows, self._now, self._slices.served, seen, self._sends)

    # -------------------------------------------------------------------------------------------- pages after an anchor

    def _following(self, anchor: Anchor, counted: CountResult) -> EffectGenerator:
        """Return the page that follows an anchor."""
        if anchor.place >= counted.rows or (self._slices.moves and not counted.fresh):
            counted = (yield from self.counted(renew=True))._replace(fresh=False)
        if self._slices.moves:
            sid, sure = anchor.read[anchor.place].sid, anchor.place in counted.read or not counted.fresh
            stretch, rows = yield from shifting_lists.following(
                self._slices, self._query, anchor.place, sid, counted.rows, whole=counted.whole, sure=sure
            )
            return self._page(stretch, rows, whole=counted.whole)
        matches = max(counted.rows, anchor.place + 1)
        before = matches - anchor.place if self._plan.mirrored else anchor.place + 1
        stretch = PageWindow(self._query, matches, before)
        start = anchor.place - stretch.shown if self._plan.mirrored else before
        return (yield from self._shown(stretch, start, counted._replace(read={**counted.read, **anchor.read})))

    def _anchor(self, sid: str, counted: CountResult) -> EffectGenerator:
        """Return the message with that SID in this list, or None. It is None also if a budget with a cap runs out."""
        for index, message in counted.read.items():
            if message.sid == sid:
                return Anchor(index, counted.read)
        if len(counted.read) == counted.rows and counted.whole:
            return None
        budget = self._slices.budget
        kept = min(self._asks, budget.left) if budget.cap else 0
        budget.left -= kept
        try:
            found = yield from self._sought(sid, counted.rows)
        except FaultRaised as refused:
            if refused.fault.name != "list-too-long" or not budget.cap:
                raise
            return None
        finally:
            budget.left += kept
        return found

    def _sought(self, sid: str, rows: int) -> EffectGenerator:
        """Return the anchor in a list of `rows` rows: at the index of its page number, else by a search."""
        for start, stop in (yield from self._guesses(rows)):
            found = yield from self._look(sid, start, stop)
            if found is not None:
                return found
        found = yield from self._searched(sid)
        if found is not None and self._plan.mirrored:
            yield from self._note_shown(self._query.skip + found.place)
        return found

    def _guesses(self, rows: int) -> EffectGenerator:
        """Return index ranges for the anchor with the rows of its page, assuming that the page number is right. They are for the
        present list, and for the list as it was when its earlier pages were shown."""
        query, size = self._query, self._slices.size
        if query.skip == 0:
            return []
        if not self._plan.mirrored:
            return [(query.skip - 1, query.skip + query.count)]
        total: CachedTotal | None = yield CacheGet(self._key)
        return totals.guesses(query, size, {rows, *(total.seen if total else ())})

    def _look(self, sid: str, start: int, stop: int) -> EffectGenerator:
        """Read one slice in which the anchor may be."""
        slices = self._slices
        if slices.in_pages:
            block = yield from slices.block(start)
            rows = block.rows
        else:
            slices.spend(1)
            [slice_] = yield from slices.ask([Span(start, min(stop - start, slices.size))])
            rows = slice_.rows
        read = dict(enumerate(rows, start))
        return next((Anchor(index, read) for index, message in read.items() if message.sid == sid), None)

    def _note_shown(self, rows: int) -> EffectGenerator:
        """Record the total of a list that a page was shown of. It tells where the next page begins."""

        def noted(previous: CachedTotal | None) -> EffectGenerator:
            if previous is None or rows in previous.seen:
                return None, None
            seen = (*previous.seen, rows)[-totals.SEEN :]
            return None, CacheEntry(previous._replace(seen=seen), _WEIGHT, self._life - (self._now - previous.at))
            yield

        yield SingleFlight(self._key, noted)

    def _searched(self, sid: str) -> EffectGenerator:
        """Return the anchor. Retrieve it for the second of its creation, and count the rows before that second."""
        message = yield from self._retrieved(sid)
        return None if message is None else (yield from anchors.located(self._slices, self._plan, self._query, message))

    def _retrieved(self, sid: str) -> EffectGenerator:
        self._slices.spend(1)
        self._slices.notes.asks += 1
        [answer] = yield ProviderRequests(self._entry.back.name, (write_retrieve(self._entry, sid),), self._entry.name)
        with suppress(MalformedProviderResponse):  # then its page is found by its number
            return read_retrieve(self._entry, sid, answer, self._now)
        return None
