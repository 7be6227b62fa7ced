"""Finds the index of a message in a provider's list, from the second of its creation.

The rows before that second are counted, and the rows from there on are read until the message is among them.
"""

import math
from typing import NamedTuple

from translator.core.dialect.back import Pushed
from translator.core.effects import EffectGenerator
from translator.core.listing import totals
from translator.core.listing.plan import Plan
from translator.core.listing.range_reader import RangeReader
from translator.core.model import Message, Query


class Anchor(NamedTuple):
    """The index of the anchor in the provider's order, and the rows around it that were read, by index."""

    place: int
    read: dict[int, Message]


def located(slices: RangeReader, plan: Plan, query: Query, message: Message) -> EffectGenerator:
    """Return the Anchor of a message of the account, or None if the list does not have it. It is None also if a budget with a cap runs
    out."""
    pushed = plan.pushed
    if not (pushed.since or 0) <= message.created < (pushed.until or math.inf):
        return None
    earlier = yield from rows_before(slices, pushed, message.created + slices.moves)
    if earlier is None:
        return None
    shown = min(query.count, slices.size // 2) if plan.mirrored else 0
    start = max(0, earlier - shown)
    while True:
        block = yield from slices.block(start)
        read = dict(enumerate(block.rows, start))
        for index, row in read.items():
            if row.sid == message.sid:
                return Anchor(index, read)
        if not block.rows or _before(message, block.rows[-1], descending=slices.moves):
            return None
        start = block.end


def rows_before(slices: RangeReader, pushed: Pushed, instant: int) -> EffectGenerator:
    """Return the number of rows before an instant in the provider's order, or None if a budget with a cap runs out. Such rows were
    created before it, or not before it if the newest are first. There may be more, if the provider's bounds cannot state the instant."""
    range_ = (instant, pushed.until) if slices.moves else (pushed.since, instant)
    before = slices.narrowed(*range_)
    earlier = yield from totals.count(before, 0)
    slices.size = before.size
    return earlier.rows if earlier.whole else None


def _before(row: Message, other: Message, *, descending: bool) -> bool:
    """True if a row's second comes before another's in the provider's order."""
    return row.created > other.created if descending else row.created < other.created
