"""A page of a list that both providers have in its order."""

from collections.abc import Hashable
from typing import Final

from translator.core.effects import EffectGenerator
from translator.core.errors import FaultRaised
from translator.core.listing.limits import Limits
from translator.core.listing.local_query import PageWindow, cut, left_out, readable
from translator.core.listing.merged import remembered
from translator.core.listing.merged.anchor import Anchors, Find
from translator.core.listing.merged.home_list import HomeList
from translator.core.listing.merged.merge import Anchored, MergedRows, RowWindow
from translator.core.listing.merged.scan import halved, read_both
from translator.core.listing.merged.together import at_both
from translator.core.listing.scans import RangeRows
from translator.core.model import Page, Query

_MOST_GROWTHS: Final = 3
"""The number of times that a page is read on because its list has grown."""


class MergedPage(Page, kw_only=True):
    """A page of a list over two providers. `of_old` says for each of its messages whether it is of the old provider."""

    of_old: tuple[bool, ...] = ()


def merged_page(page: Page, old: frozenset[int]) -> MergedPage:
    """Return a page with the homes of its messages. `old` has the `id()` of each message of the old provider."""
    values = {name: getattr(page, name) for name in Page.__struct_fields__}
    return MergedPage(**values, of_old=tuple([id(message) in old for message in page.messages]))


class MergedPages:
    """One list. Its total is the sum of the totals of both providers, each counted as the total of one."""

    def __init__(
        self, new: HomeList, old: HomeList, query: Query, limits: Limits, now: float, find: Find, key: tuple[Hashable, ...],
        *, shows_total: bool, in_pages: bool,
    ) -> None:  # fmt: skip
        self._new, self._old, self._rows = new, old, MergedRows(new, old)
        self._query, self._limits, self._now = query, limits, now
        self._counts = shows_total or new.plan.mirrored or old.plan.mirrored or query.order.descending
        self._in_pages = in_pages
        self._growth = 0 if new.stays and old.stays else query.count  # rows that may have come since they were counted
        self._budget = new.slices.budget
        self._marks_key = ("marks", *key)
        filtered = any(home.plan.pushed.status is not None for home in (new, old))
        self._life = 0.0 if filtered else limits.total_ttl
        self._anchors = Anchors(self._rows, query, find, ("walk", *key, query.order), self._life)

    def page(self) -> EffectGenerator:
        """Return the MergedPage of the query. Raises FaultRaised if pages are numbered and this is past the last."""
        yield from at_both(self._new.slices.recall(), self._old.slices.recall())
        if not self._budget.cap:
            return (yield from self._page())
        if 2 * self._slices > self._budget.left // 2:
            return (yield from self._as_far_as_it_goes())
        try:
            return (yield from self._page())
        except FaultRaised as refused:
            if refused.fault.name != "list-too-long":
                raise
            return (yield from self._as_far_as_it_goes())

    @property
    def _slices(self) -> int:
        """The number of slices that the page takes at each provider."""
        most = min(self._query.count, self._query.limit or self._query.count)
        return max(1, -(-most // self._rows.slice))

    def _page(self) -> EffectGenerator:
        query = self._query
        if not self._counts:
            yield from remembered.recall(self._marks_key, self._new, self._old)
            return (yield from self._uncounted())
        yield from self._counted(renew=False)
        if query.after is not None and self._rows.total:
            found = yield from self._anchors.start(query.after)
            if found is not None and min(found[1:]) < 0:
                yield from self._counted(renew=True)
                found = yield from self._anchors.start(query.after)
            if found is not None:
                return (yield from self._following(*found))
        if query.skip > self._rows.total and not (self._new.fresh and self._old.fresh):
            yield from self._counted(renew=True)
        return (yield from self._numbered())

    def _counted(self, *, renew: bool) -> EffectGenerator:
        with halved(self._budget, self._new.slices, self._old.slices):
            counts = [
                home.count(renew=renew, anchored=self._query.after is not None) for home in (self._new, self._old)
            ]
            yield from at_both(*counts)
        for home in (self._new, self._old):
            yield from remembered.learn_extent(home, self._now, self._limits)
        yield from remembered.recall(self._marks_key, self._new, self._old)

    # -------------------------------------------------------------------------------------------------------------- pages

    def _numbered(self) -> EffectGenerator:
        query, found = self._query, RowWindow([], [], (0, 0), (0, 0))
        for _ in range(_MOST_GROWTHS):
            window = PageWindow(query, self._rows.total + self._growth)
            if window.shown:
                found = yield from self._rows.at(query.skip, window.shown)
            if self._rows.least <= self._rows.total:
                break
            yield from self._counted(renew=True)
        window = PageWindow(query, self._rows.total)
        window.shown = max(window.shown, min(len(found.rows), PageWindow(query, self._rows.total + self._growth).shown))
        return (yield from self._shown(window, found))

    def _following(self, anchor: Anchored, a: int, b: int) -> EffectGenerator:
        query, before = self._query, max(a, 0) + max(b, 0)
        window = PageWindow(query, max(self._rows.total, before) + self._growth, before)
        found = yield from self._rows.after(anchor, max(a, 0), max(b, 0), window.shown)
        window = PageWindow(query, max(self._rows.least, sum(found.end)), sum(found.start))
        return (yield from self._shown(window, found))

    def _uncounted(self) -> EffectGenerator:
        """Return the page of a list that shows no total. A row behind it takes the place of each that cannot be read."""
        query, wanted = self._query, self._query.count
        while True:
            found = yield from self._rows.at(query.skip, wanted)
            missing = query.count - len(readable(found.rows))
            if missing <= 0 or len(found.rows) < wanted:
                break
            wanted = len(found.rows) + missing
        yield from self._remember(found)
        rows = found.rows
        page = Page(messages=rows, skip=query.skip, count=query.count, total=query.skip + len(rows), limit=None)
        return self._final(page, found)

    def _shown(self, window: PageWindow, found: RowWindow) -> EffectGenerator:
        rows = found.rows[: window.shown]
        whole = self._new.whole and self._old.whole
        page = window.page(rows, in_pages=self._in_pages, capped=not whole)
        if rows:
            yield from self._remember(found)
            last = rows[-1]
            yield from self._anchors.remember(
                last.sid, of_old=found.of_old[len(rows) - 1], created=last.created, end=found.end
            )
        return self._final(page, found)

    def _remember(self, found: RowWindow) -> EffectGenerator:
        yield from remembered.keep(self._marks_key, self._new, self._old, found.start, found.end, self._life)

    def _final(self, page: Page, found: RowWindow) -> MergedPage:
        old = frozenset([id(row) for row, of_old in zip(found.rows, found.of_old, strict=True) if of_old])
        if self._new.slices.judge.unread or self._old.slices.judge.unread:
            page = left_out(page, fail=self._limits.fail_unread)
        return merged_page(page, old)

    def _as_far_as_it_goes(self) -> EffectGenerator:
        """Return a page for which the budget may not suffice. The rows that can be read are treated as the whole list."""
        found: RangeRows = yield from read_both(self._new.slices, self._old.slices, self._budget)
        rows = list(found.rows[::-1] if self._query.order.descending else found.rows)
        page = cut(rows, self._query, in_pages=self._in_pages, capped=not found.whole)
        if found.unread:
            page = left_out(page, fail=self._limits.fail_unread)
        return merged_page(page, found.old)
