"""Fills short pages of a list that shows no total. A client takes a short page for the last one, and would miss all messages after it."""

from collections.abc import Sequence

from translator.core.effects import EffectGenerator
from translator.core.listing.local_query import readable
from translator.core.listing.range_reader import RangeReader
from translator.core.model import Message, Query


def filled(slices: RangeReader, query: Query, rows: Sequence[Message]) -> EffectGenerator:
    """Return the rows of a page, with one more row behind them for each that cannot be read."""
    found, wanted = [*rows], query.count
    while len(found) >= wanted and (missing := query.count - len(readable(found))):
        wanted = len(found) + missing
        start = query.skip + len(found)
        found += yield from slices.stretch(start, start + missing)
    return found
