"""Pages of a list that shows no total. Who is shown one that is short takes it for the last, and would miss all that stand behind it."""

from collections.abc import Sequence

from translator.model import Message, Query
from translator.planning.arrange import readable
from translator.planning.slices import Slices
from translator.wants import Steps


def filled(slices: Slices, query: Query, rows: Sequence[Message]) -> Steps:
    """The rows of a page, with as many behind them as there are among them that cannot be read."""
    found, wanted = [*rows], query.count
    while len(found) >= wanted and (missing := query.count - len(readable(found))):
        wanted = len(found) + missing
        start = query.skip + len(found)
        found += yield from slices.stretch(start, start + missing)
    return found
