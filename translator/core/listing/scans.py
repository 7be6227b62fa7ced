"""Lists that need every row of their range: read once, filtered and sorted, and cached for the pages that follow."""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

from translator.core.effects import CacheEntry, EffectGenerator, SingleFlight
from translator.core.listing import totals
from translator.core.listing.local_query import arranged_around, base_order, cut, filter_and_sort, readable
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.row_sizes import weight
from translator.core.model import Message, Page, Query

_MARK = 64
"""The size of one id in `old`, in bytes."""


class RangeRows(NamedTuple):
    """The rows of a range, in base order. `whole` says that they are all of them, and `unread` that some are Unread. `old` has the `id()`
    of each row of the old provider, if the account has two."""

    rows: Sequence[Message]
    whole: bool
    unread: bool
    old: frozenset[int] = frozenset()


class Snapshot(NamedTuple):
    """The messages of a list in its order, as they are cached."""

    messages: list[Message]
    capped: bool
    unread: bool
    old: frozenset[int]


def everything(slices: RangeReader, order: str) -> EffectGenerator:
    """Return the RangeRows of a range. `order` is the provider's. If a budget with a cap may not suffice, they are the newest rows. If the
    order does not tell which those are, they are the first ones."""
    yield from slices.recall()
    from_end = slices.budget.cap and order == "ascending" and not slices.is_empty
    rows, whole = yield from (totals.newest(slices) if from_end else slices.all())
    return RangeRows(base_order(rows, descending=order == "descending"), whole, slices.judge.unread)


def page(
    read: Callable[[], EffectGenerator],
    query: Query,
    key: Callable[[Message], Any],
    *,
    account: str,
    kept_as: tuple[Hashable, ...],
    life: float,
    in_pages: bool,
    shows_total: bool,
) -> EffectGenerator:
    """Return a page of a list of which all rows are read, and its Snapshot. `read` makes the steps that return the RangeRows. `kept_as`
    is the cache key, the same for all pages.

    Rows that cannot be read keep their places if the total is shown. Otherwise they have none, because a short page would be taken for the
    last. The first page is always read anew. The others come from its snapshot while that lives.
    """

    def steps(previous: Snapshot | None) -> EffectGenerator:
        if previous is not None and (query.skip or query.after):
            return previous, None
        found: RangeRows = yield from read()
        arrange = arranged_around if found.unread else filter_and_sort
        snapshot = Snapshot(arrange(found.rows, query, key), not found.whole, found.unread, found.old)
        weighs = weight(snapshot.messages) + _MARK * len(found.old)
        return snapshot, CacheEntry(snapshot, weighs, life, account)

    snapshot = yield SingleFlight(kept_as, steps)
    return _shown(snapshot, query, in_pages=in_pages, shows_total=shows_total), snapshot


def _shown(snapshot: Snapshot, query: Query, *, in_pages: bool, shows_total: bool) -> Page:
    messages, capped = snapshot.messages, snapshot.capped
    if not snapshot.unread or shows_total:
        return cut(messages, query, in_pages=in_pages, capped=capped)
    shown = readable(messages)
    page = cut(shown, query, in_pages=in_pages, capped=capped)
    page.left_out = len(messages) - len(shown)
    return page
