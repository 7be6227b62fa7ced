"""Lists that need every row of their range: read once, filtered and sorted, and cached for the pages that follow."""

from collections.abc import Callable, Hashable
from typing import Any

from translator.core.effects import CacheEntry, EffectGenerator, SingleFlight
from translator.core.listing import totals
from translator.core.listing.local_query import arranged_around, base_order, cut, filter_and_sort, readable
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.row_sizes import weight
from translator.core.model import Message, Query


def page(
    slices: RangeReader,
    query: Query,
    key: Callable[[Message], Any],
    order: str,
    *,
    kept_as: tuple[Hashable, ...],
    life: float,
    in_pages: bool,
    shows_total: bool,
) -> EffectGenerator:
    """Return a page of a list of which all rows are read. `order` is the provider's. `kept_as` is the cache key, the same for all pages.

    Rows that cannot be read keep their places if the total is shown. Otherwise they have none, because a short page would be taken for the
    last. If a budget with a cap may not suffice, the page shows the newest rows. If the order does not tell which those are, it shows the
    first ones. The first page is always read anew. The others come from its snapshot while that lives.
    """

    def steps(previous: tuple[list[Message], bool, bool] | None) -> EffectGenerator:
        if previous is not None and (query.skip or query.after):
            return previous, None
        yield from slices.recall()
        from_end = slices.budget.cap and order == "ascending" and not slices.is_empty
        rows, whole = yield from (totals.newest(slices) if from_end else slices.all())
        unread = slices.judge.unread
        arrange = arranged_around if unread else filter_and_sort
        found = (arrange(base_order(rows, descending=order == "descending"), query, key), not whole, unread)
        return found, CacheEntry(found, weight(found[0]), life, slices.account)

    messages, capped, unread = yield SingleFlight(kept_as, steps)
    if not unread or shows_total:
        return cut(messages, query, in_pages=in_pages, capped=capped)
    shown = readable(messages)
    page = cut(shown, query, in_pages=in_pages, capped=capped)
    page.left_out = len(messages) - len(shown)
    return page
