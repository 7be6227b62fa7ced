"""Reads every row of a range at both providers of an account."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from translator.core.effects import EffectGenerator
from translator.core.errors import FaultRaised
from translator.core.listing import scans
from translator.core.listing.blocks import RequestBudget
from translator.core.listing.merged.together import at_both
from translator.core.listing.range_reader import RangeReader
from translator.core.listing.scans import RangeRows
from translator.core.model import Message


def read_both(new: RangeReader, old: RangeReader, budget: RequestBudget) -> EffectGenerator:
    """Return the RangeRows of both providers in base order: within a second the old one's first.

    With a cap each provider may use half of the budget. If a list was not read to its end, rows that are older than its oldest read row are
    left out.
    """
    with halved(budget, new, old):
        read: tuple[RangeRows, RangeRows] = yield from at_both(_as_far_as_it_goes(new), _as_far_as_it_goes(old))
    since = max([found.rows[0].created for found in read if found.rows and not found.whole], default=0)
    news, olds = ([row for row in found.rows if row.created >= since] if since else found.rows for found in read)
    return RangeRows(
        merged_order(news, olds), all(found.whole for found in read), any(found.unread for found in read),
        frozenset(map(id, olds)),
    )  # fmt: skip


def _as_far_as_it_goes(slices: RangeReader) -> EffectGenerator:
    """Return the RangeRows of one provider. They are none if a budget with a cap has no request for it."""
    try:
        return (yield from scans.everything(slices, slices.order))
    except FaultRaised as refused:
        if refused.fault.name != "list-too-long" or not slices.budget.cap:
            raise
        return RangeRows((), whole=False, unread=False)


def merged_order(news: Sequence[Message], olds: Sequence[Message]) -> list[Message]:
    """Return the rows of both providers in base order, from rows that are in it."""
    return sorted([*olds, *news], key=lambda message: message.created)


@contextmanager
def halved(budget: RequestBudget, new: RangeReader, old: RangeReader) -> Iterator[None]:
    """Give each provider half of a budget with a cap, so that neither leaves the other without a request. The rest is shared again
    afterwards. A budget without a cap is shared all the time."""
    if not budget.cap:
        yield
        return
    half = budget.left // 2
    new.budget = RequestBudget(budget.left - half, cap=True, most=budget.most, held=budget.held)
    old.budget = RequestBudget(half, cap=True, most=budget.most, held=budget.held)
    try:
        yield
    finally:
        budget.left = new.budget.left + old.budget.left
        budget.held = new.budget.held + old.budget.held - budget.held
        new.budget = old.budget = budget
