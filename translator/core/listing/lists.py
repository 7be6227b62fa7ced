"""Plans a list: the requests to the provider, the work that is left for the proxy, and the page made of both.

Query ─▶ plan ─┬▶ pages   only the slices that cover the page, and the total by galloping and bisection
               └▶ scans   every row once: filter · sort · cut · count, kept for the pages that follow
                          both read through RangeReader, which checks every row
"""

from collections.abc import Hashable, Iterator, Sequence
from functools import partial

from translator.core.accounts import Account
from translator.core.effects import CacheGet, CacheIncrement, EffectGenerator
from translator.core.listing import scans
from translator.core.listing.blocks import RequestBudget
from translator.core.listing.limits import Limits
from translator.core.listing.local_query import left_out, readable, residual_filter
from translator.core.listing.pages import Pages
from translator.core.listing.plan import Plan, plan
from translator.core.listing.range_reader import RangeReader
from translator.core.model import Message, Notes, Query, Unread


def list_page(entry: Account, query: Query, limits: Limits, now: float, notes: Notes) -> EffectGenerator:
    """Return the Page of a query, with the account's own messages. Raises FaultRaised and MalformedProviderResponse."""
    front, back = entry.front.dialect.front, entry.back.dialect.back
    planned = plan(query, back)
    sends = yield from sends_of(entry)
    slices = RangeReader(entry, planned.pushed, now, budget_of(limits, cap=limits.cap), notes, ordered=not planned.scan)
    if not planned.scan:
        pages = Pages(
            entry, slices, query, planned, limits, now, sends, total_key(entry, planned),
            shows_total=front.shows_total, in_pages=front.in_pages,
        )  # fmt: skip
        page = yield from pages.page()
        return left_out(page, fail=limits.fail_unread) if slices.judge.unread else page
    page, _ = yield from scans.page(
        partial(scans.everything, slices, back.order), query, front.sort_key(query.order.attribute), account=entry.name,
        kept_as=("rows", entry.front.dialect, *_behind(entry), sends, *narrowed(query)),
        life=limits.snapshot_ttl, in_pages=front.in_pages, shows_total=front.shows_total,
    )  # fmt: skip
    return left_out(page, fail=limits.fail_unread)


def _behind(entry: Account) -> tuple[str, str, str]:
    return (entry.back.name, entry.behind.account, entry.behind.property)


def total_key(entry: Account, planned: Plan) -> tuple[Hashable, ...]:
    """Return the cache key of the total of a list at one provider account."""
    return ("total", *_behind(entry), planned.pushed)


def narrowed(query: Query) -> tuple[Hashable, ...]:
    """Return the parts of a query by which its messages and their order differ from those of other lists."""
    whole = (query.sender, query.recipient, query.sender_like, query.recipient_like, query.within)
    return whole, (query.since, query.until, query.statuses, query.directions, query.order)


def messages_in_second(entry: Account, created: int, limits: Limits, now: float, notes: Notes) -> EffectGenerator:
    """Return the account's own messages that were created in one second."""
    return (yield from messages_between(entry, Query(since=created, until=created + 1), limits, now, notes))


def messages_between(
    entry: Account, window: Query, limits: Limits, now: float, notes: Notes, unread: list[Unread] | None = None
) -> EffectGenerator:
    """Return the account's own messages of a time window, in no order. Rows that the provider's bounds let through beside them are
    removed. Rows that cannot be read are skipped, and put into `unread`. Raises FaultRaised and MalformedProviderResponse."""
    planned = plan(window, entry.back.dialect.back)
    slices = RangeReader(entry, planned.pushed, now, budget_of(limits), notes, ordered=False)
    yield from slices.recall()
    rows: Sequence[Message] = yield from slices.stretch(0)
    if slices.judge.unread:
        if unread is not None:
            unread += [row for row in rows if isinstance(row, Unread)]
        rows = readable(rows)
    return list(filter(residual_filter(window), rows)) if planned.sifted else rows


def budget_of(limits: Limits, *, cap: bool = False) -> RequestBudget:
    """Return the request budget of one list or one search."""
    return RequestBudget(limits.max_asks, cap, limits.max_bytes)


def count_send(entry: Account) -> CacheIncrement:
    """Return the effect that counts a send by the account. Its cached lists are then no longer shown."""
    return CacheIncrement(_sends_key(entry))


def sends_of(entry: Account) -> EffectGenerator:
    """Return the number of sends of the account since the process began."""
    return (yield CacheGet(_sends_key(entry))) or 0


def _sends_key(entry: Account) -> tuple[Hashable, ...]:
    return ("sends", *_behind(entry))


def rules(entry: Account, query: Query) -> Iterator[str]:
    """Yield sentences for a person that describe the requests after the first one of a list."""
    front, verbs = entry.front.dialect.front, entry.back.dialect.back
    planned = plan(query, verbs)
    pushed = [name for name in ("status", "direction") if getattr(planned.pushed, name) is not None]
    yield f"pushed: the range of time{''.join(f', {name}' for name in pushed)}"
    if planned.sifted:
        yield f"sifted here: {', '.join(planned.sifted)}"
    order = f"{query.order.attribute}, {'descending' if query.order.descending else 'ascending'}"
    if planned.scan:
        yield f"every row of the range is read, {verbs.slice} at once: {planned.scan}"
        yield f"while slices come back full: the next {entry.back.in_flight} at once"
        yield "behind a slice that is shorter: one row; nothing there is the end, else that slice again"
        yield f"sorted here: {order}; counted here; kept for the pages that follow"
    else:
        yield f"the back's own order serves {order}{', read from the end' if planned.mirrored else ''}"
        if front.shows_total:
            yield f"where that slice is full: the total by one-row asks, {entry.back.in_flight} at once, leaping and then bisecting"
            yield "behind a slice that is shorter: one row; nothing there is the end, else that slice again"
            yield "then the slices that cover the page, where they were not read yet"
        else:
            yield "then the next slices of the page; behind one that is shorter: one row; nothing there is the end, else that slice again"
    yield f"kept: the first {query.limit or 'all'}; shown: {query.count} from index {query.skip}"
