"""Pages of a list that shows no total. Who is shown one that is short takes it for the last, and would miss all that stand behind it."""

from collections.abc import Sequence

from translator.core.effects import EffectGenerator
from translator.core.listing.local_query import readable
from translator.core.listing.range_reader import RangeReader
from translator.core.model import Message, Query


def filled(slices: RangeReader, query: Query, rows: Sequence[Message]) -> EffectGenerator:
    """The rows of a page, with as many behind them as there are among them that cannot be read."""
    found, wanted = [*rows], query.count
    while len(found) >= wanted and (missing := query.count - len(readable(found))):
        wanted = len(found) + missing
        start = query.skip + len(found)
        found += yield from slices.stretch(start, start + missing)
    return found
